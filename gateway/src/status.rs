//! How the servers are, for people and for tests: no secret, origins only.

use serde::Serialize;

use crds::snapshot::{HttpWire, Item, ServerIndex, Transport};

use crate::catalogue::{List, State};
use crate::gateway::{Gateway, View};
use crate::index::At;
use crate::revision::Revision;
use crate::upstream::stdio::ChildState;

/// Why a server is off that is none of its own doing.
const PENDING: &str = "CredentialPending: its credential has not arrived; the operator writes it";

/// One server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ServerStatus {
    /// `namespace/name`.
    pub name: String,
    /// The published name.
    pub alias: String,
    /// `http`, `sse` or `stdio`, as declared.
    pub transport: &'static str,
    /// Where it is: an origin, or a command.
    pub at: String,
    /// `ready`, `discovering`, `per_caller`, `off`, or how the last discovery failed.
    pub state: &'static str,
    /// What went wrong, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The revision that is spoken to it, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// Tools that are published.
    pub tools: usize,
    /// Its children.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChildStatus>,
}

/// A child process of a server.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ChildStatus {
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// How often it was started again.
    pub restarts: u64,
    /// How it ended last, if it did by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// It keeps failing.
    pub crash_looping: bool,
}

impl From<ChildState> for ChildStatus {
    fn from(child: ChildState) -> Self {
        Self {
            pid: child.pid,
            restarts: child.starts.saturating_sub(1),
            last_failure: child.last_failure,
            crash_looping: child.crash_looping,
        }
    }
}

/// How all servers are, in the snapshot's order.
pub fn servers(gateway: &Gateway) -> Vec<ServerStatus> {
    let view = gateway.view.load();
    let snapshot = &view.table.snapshot;
    let routes = snapshot.servers.iter().zip(&*view.table.servers);
    let servers = routes.zip(&view.upstreams).zip(&view.index.servers).enumerate();
    servers
        .map(|(index, (((server, route), upstreams), lists))| {
            let catalogue = lists.catalogue();
            let detail = match catalogue.state() {
                _ if route.is_pending => Some(PENDING.to_owned()),
                State::Failed(error) => Some(error.detail.clone()),
                _ => None,
            };
            let (transport, at) = match &server.transport {
                Transport::Http { origin, wire: HttpWire::Sse, .. } => ("sse", origin.clone()),
                Transport::Http { origin, .. } => ("http", origin.clone()),
                Transport::Stdio { command, .. } => ("stdio", command.clone()),
            };
            let children = upstreams.iter().flat_map(|upstreams| upstreams.upstreams());
            let children = children.filter_map(|upstream| upstream.child()).map(ChildStatus::from).collect();
            ServerStatus {
                name: server.id.clone(),
                alias: server.alias.clone(),
                transport,
                at,
                state: if upstreams.is_some() { catalogue.state().as_str() } else { "off" },
                detail,
                protocol: upstreams.as_ref().and_then(|upstreams| upstreams.own().protocol()),
                tools: published(&view, index as ServerIndex),
                children,
            }
        })
        .collect()
}

/// How many tools of a server go by their published names: offered, and not hidden by an earlier tool of that name.
fn published(view: &View, server: ServerIndex) -> usize {
    let of_server = &view.index.servers[server as usize];
    let shown = (0..of_server.published(List::Tools).len() as u32).filter(|entry| {
        let native = of_server.native(List::Tools, *entry);
        let offered = view.table.snapshot.offers(server, Item::Tool(&native.name));
        offered
            && native.exists_in(Revision::NEWEST_LEGACY)
            && view.index.is_visible(List::Tools, At { server, entry: *entry })
    });
    shown.count()
}
