//! How the servers are, for people and for tests: no secret, origins only.

use serde::Serialize;

use crds::snapshot::{HttpWire, Transport};

use crate::gateway::Gateway;
use crate::upstream::stdio::ChildState;

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
    /// `ready`, `discovering`, `off`, or how the last discovery failed.
    pub state: &'static str,
    /// What went wrong, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
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
    let servers = view.table.snapshot.servers.iter().zip(&view.upstreams);
    servers
        .map(|(server, upstreams)| {
            let catalogue = upstreams.as_ref().map(|upstreams| upstreams.catalogue.load_full());
            let detail = catalogue.as_ref().and_then(|catalogue| match &catalogue.state {
                crate::catalogue::State::Failed(error) => Some(error.detail.clone()),
                _ => None,
            });
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
                state: catalogue.as_ref().map_or("off", |catalogue| catalogue.state.as_str()),
                detail,
                tools: catalogue.map_or(0, |catalogue| catalogue.tools.len()),
                children,
            }
        })
        .collect()
}
