//! What a running gateway is: the view that requests load once, and beside it
//! everything that lives longer than a snapshot.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use crds::snapshot::{Digest128, UnixSeconds};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::budget::Budget;
use crate::caller::{Caller, KeptFor};
use crate::client_session::ClientSessions;
use crate::denial::{Denial, Denials, RequestId};
use crate::discovery;
use crate::drain::Drain;
use crate::egress::Egress;
use crate::guesses::Guesses;
use crate::held::HeldCalls;
use crate::identify::{Identity, Who};
use crate::inbound_sse::streams::Streams;
use crate::index::Index;
use crate::listen::{self, places::Places};
use crate::metrics::Metrics;
use crate::networks::Side;
use crate::owner::Owner;
use crate::peers::Peers;
use crate::seal::Sealer;
use crate::session::{Nonce, Sessions};
use crate::table::RoutingTable;
use crate::token::Tokens;
use crate::under_way::UnderWay;
use crate::upstream::Connectors;
use crate::upstreams::ServerUpstreams;

/// How long news of catalogues gather before the index is built again.
const GATHER: Duration = Duration::from_millis(10);
/// How long ending all sessions may take. A child that ignores that its input ends is killed well before.
const STOP: Duration = Duration::from_secs(5);

/// Everything that a request looks at, as of one moment.
pub struct View {
    /// What the snapshot says.
    pub table: Arc<RoutingTable>,
    /// Per server, in the snapshot's order; none for one that is off.
    pub upstreams: Vec<Option<Arc<ServerUpstreams>>>,
    /// What the servers list.
    pub index: Arc<Index>,
}

/// A running gateway.
pub struct Gateway {
    /// What requests load, once each.
    pub view: ArcSwap<View>,
    /// This process among its peers.
    pub own: Owner,
    /// The others; none if it serves alone. Set once, before the first request.
    pub peers: OnceLock<Arc<Peers>>,
    /// The end of the port for clients; who holds a stream open without a request to answer ends it when that closes.
    pub drain: Arc<Drain>,
    /// Makes and reads what clients bring back.
    pub sealer: Arc<Sealer>,
    /// Legacy sessions.
    pub sessions: Sessions,
    /// What is kept of them here.
    pub clients: ClientSessions,
    /// Calls that clients may cancel.
    pub under_way: UnderWay,
    /// Streams of HTTP+SSE clients.
    pub sse: Streams,
    /// Streams of clients that listen.
    pub listens: Places,
    /// Streams with servers for them.
    pub listens_upstream: Places,
    /// Calls that wait for their clients.
    pub held: HeldCalls,
    /// Bytes of bodies held.
    pub budget: Budget,
    /// Invalid credentials of late.
    pub guesses: Guesses,
    /// What the log is told of denials.
    pub denials: Denials,
    /// Tokens as credentials.
    pub tokens: Tokens,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The revision in force; whoever holds something open looks again when it changes.
    pub revision: watch::Sender<u64>,
    /// Counts the views, each with an index over what the servers list by then.
    pub indexed: watch::Sender<u64>,
    /// Rung by discovery when a catalogue changed.
    pub catalogue_changed: Arc<Notify>,
    connectors: Arc<Connectors>,
    upstreams: Mutex<HashMap<Digest128, Arc<ServerUpstreams>>>,
    /// One at a time makes a view: a table, or an index over new catalogues.
    publishing: Mutex<()>,
}

impl Gateway {
    /// A gateway that serves nobody until a table is set.
    pub fn new(
        table: RoutingTable,
        (sealer, own): (Arc<Sealer>, Owner),
        connectors: Arc<Connectors>,
        metrics: Arc<Metrics>,
    ) -> Arc<Self> {
        let view = View { table: Arc::new(table), upstreams: Vec::new(), index: Arc::default() };
        let gateway = Arc::new(Self {
            view: ArcSwap::from_pointee(view),
            own,
            peers: OnceLock::new(),
            drain: Arc::default(),
            sessions: Sessions::new(sealer.clone(), own),
            sealer,
            clients: ClientSessions::default(),
            under_way: UnderWay::default(),
            sse: Streams::default(),
            listens: Places::new(listen::MOST),
            listens_upstream: Places::new(listen::resources::MOST),
            held: HeldCalls::default(),
            budget: Budget::default(),
            guesses: Guesses::default(),
            denials: Denials::default(),
            tokens: Tokens::new(connectors.egress.clone(), metrics.issuers.clone()),
            metrics,
            revision: watch::Sender::new(0),
            indexed: watch::Sender::new(0),
            catalogue_changed: Arc::default(),
            connectors,
            upstreams: Mutex::default(),
            publishing: Mutex::default(),
        });
        let table = gateway.view.load().table.clone();
        gateway.put(table);
        gateway
    }

    /// Puts a new snapshot in force. Sessions of servers that did not change go on; what a caller lost ends.
    pub fn set_table(self: &Arc<Self>, table: RoutingTable) {
        self.put(Arc::new(table));
    }

    /// Makes these callers, by id, nobody, and no others; the snapshot stays. Takes the time of a look at each session, so
    /// that a revocation does not wait for a table.
    pub fn deny(&self, revision: u64, callers: &[String]) {
        let _publishing = self.publishing.lock();
        let before = self.view.load_full();
        let table = Arc::new(before.table.denying(revision, callers));
        self.publish(View { table, upstreams: before.upstreams.clone(), index: before.index.clone() });
    }

    /// Counts a denial and tells the log of it.
    pub fn deny_request(&self, denial: &Denial<'_>) -> Option<RequestId> {
        self.metrics.denied(denial.reason.as_str());
        self.denials.note(denial)
    }

    fn put(self: &Arc<Self>, table: Arc<RoutingTable>) {
        let _publishing = self.publishing.lock();
        self.connectors.egress.allow(&table.snapshot.settings.egress_allow);
        self.tokens.trust(&table.snapshot.settings.issuers);
        let upstreams: Vec<_> = table.servers.iter().map(|route| self.upstreams_of(route)).collect();
        self.retire(&upstreams);
        let before = self.view.load_full();
        let index = index(&table, &upstreams, &before.index);
        self.publish(View { table, upstreams, index });
    }

    fn publish(&self, view: View) {
        let (revision, pending) = (view.table.version.revision, view.table.pending());
        self.view.store(Arc::new(view));
        self.metrics.snapshots.revision.set(i64::try_from(revision).unwrap_or(i64::MAX));
        self.metrics.snapshots.pending_credentials.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.revision.send_replace(revision);
        self.indexed.send_modify(|count| *count += 1);
        self.end_lost_sessions();
    }

    fn upstreams_of(self: &Arc<Self>, route: &crate::table::ServerRoute) -> Option<Arc<ServerUpstreams>> {
        let server = &route.endpoint.server;
        if server.off {
            return None;
        }
        let mut known = self.upstreams.lock();
        if let Some(upstreams) = known.get(&route.identity) {
            return Some(upstreams.clone());
        }
        let metrics = self.metrics.of_server(&server.id);
        let upstreams = ServerUpstreams::new(route.endpoint.clone(), self.connectors.clone(), metrics);
        // Until it is read anew, what a server listed before its credential was replaced is what it lists.
        let before = known.values().find(|before| {
            let before = &before.endpoint.server;
            before.id == server.id && before.transport == server.transport && before.auth == server.auth
        });
        if let Some(before) = before {
            upstreams.catalogue.store(before.catalogue.load_full());
        }
        let upstreams = Arc::new(upstreams);
        tokio::spawn(discovery::keep(Arc::downgrade(&upstreams), self.catalogue_changed.clone()));
        known.insert(route.identity, upstreams.clone());
        Some(upstreams)
    }

    /// Ends the servers that are no longer there.
    fn retire(&self, kept: &[Option<Arc<ServerUpstreams>>]) {
        let mut known = self.upstreams.lock();
        let gone: Vec<_> = known
            .extract_if(|_, upstreams| !kept.iter().flatten().any(|other| Arc::ptr_eq(other, upstreams)))
            .map(|(_, upstreams)| upstreams)
            .collect();
        drop(known);
        for upstreams in gone {
            tokio::spawn(async move { upstreams.stop().await });
        }
    }

    /// Builds the index again whenever catalogues changed; runs as long as the gateway.
    pub async fn index_catalogues(self: Arc<Self>) {
        loop {
            self.catalogue_changed.notified().await;
            tokio::time::sleep(GATHER).await;
            let _publishing = self.publishing.lock();
            let before = self.view.load_full();
            let index = index(&before.table, &before.upstreams, &before.index);
            let view = View { table: before.table.clone(), upstreams: before.upstreams.clone(), index };
            self.view.store(Arc::new(view));
            self.indexed.send_modify(|count| *count += 1);
        }
    }

    /// Ends sessions that are idle, and those of callers that lost the server.
    pub fn end_lost_sessions(&self) {
        self.held.sweep();
        let view = self.view.load();
        let now = crate::clock::now();
        // What is kept for a caller is kept as long as any request of it could use it.
        let inside = view.table.networks.side_told(true);
        self.clients.sweep(|kept_for| {
            let mut callers = self.callers_of(&view.table, kept_for, inside, now);
            callers.any(|caller| !caller.access(&view.table, now).is_empty())
        });
        for (index, upstreams) in view.upstreams.iter().enumerate() {
            let Some(upstreams) = upstreams else { continue };
            upstreams.sweep(|kept_for| {
                self.callers_of(&view.table, kept_for, inside, now).any(|caller| {
                    let access = caller.access(&view.table, now);
                    access.binary_search_by_key(&(index as u32), |entry| entry.0).is_ok()
                })
            });
        }
    }

    /// Whom something that is kept is for, if that is still somebody, at this side: the one of a binding; of a token, as
    /// the one says with which it was last used, and as the one says that is valid longest.
    pub fn callers_of<'t>(
        &self,
        table: &'t RoutingTable,
        (id, token): KeptFor<'_>,
        side: Side,
        now: UnixSeconds,
    ) -> impl Iterator<Item = Caller<'t>> {
        let binding = if token.is_none() { table.caller_by_id(id, side) } else { None };
        let longest = token.and_then(|_| self.tokens.of_id(id, now));
        let tokens = token.cloned().into_iter().chain(longest);
        let of_token = tokens.filter(move |token| token.is_valid(now)).filter_map(|token| table.bearer(&token));
        let of_token = of_token
            .filter_map(move |bearer| table.caller(&Identity { who: Who::Token(Arc::new(bearer)), side }))
            .filter(move |caller| caller.id() == id);
        binding.into_iter().chain(of_token)
    }

    /// Has everybody looked at again who is known by a token: some are not valid any more.
    pub fn look_at_tokens_again(&self) {
        self.revision.send_modify(|_| {});
        self.indexed.send_modify(|count| *count += 1);
        self.end_lost_sessions();
    }

    /// The one connector for everything that it connects to.
    pub fn egress(&self) -> &Egress {
        &self.connectors.egress
    }

    /// Ends the calls that are still under way where the process does: their clients are told, and so are their servers.
    pub fn end_calls(&self) {
        self.drain.give_up();
        // Each call looks again, as it does at a new revision.
        self.revision.send_modify(|_| {});
    }

    /// Returns when calls were ended.
    pub async fn calls_end(&self) {
        let mut revision = self.revision.subscribe();
        while !self.drain.is_over() && revision.changed().await.is_ok() {}
    }

    /// Ends the sessions with servers that are there for one client.
    pub fn end_client(&self, client: &Nonce) {
        for upstreams in self.upstreams.lock().values() {
            upstreams.end_client(client);
        }
    }

    /// Whether every server is discovered, and its tools can be listed and called, or has failed.
    pub fn is_discovered(&self) -> bool {
        let view = self.view.load();
        let mut servers = view.upstreams.iter().zip(&view.index.servers);
        servers.all(|(upstreams, lists)| upstreams.is_none() || lists.catalogue().is_known())
    }

    /// Ends every session and child, all at once, within five seconds.
    pub async fn stop(&self) {
        let all: Vec<_> = self.upstreams.lock().drain().map(|(_, upstreams)| upstreams).collect();
        let stopping = join_all(all.iter().map(|upstreams| upstreams.stop()));
        if tokio::time::timeout(STOP, stopping).await.is_err() {
            tracing::warn!("not every server let its session end in time");
        }
    }
}

fn index(table: &RoutingTable, upstreams: &[Option<Arc<ServerUpstreams>>], before: &Index) -> Arc<Index> {
    let catalogues = table.snapshot.servers.iter().zip(upstreams).map(|(server, upstreams)| {
        let catalogue = upstreams.as_ref().map(|upstreams| upstreams.catalogue.load_full());
        (server, catalogue.unwrap_or_default())
    });
    Arc::new(Index::build(&table.snapshot.settings, catalogues, before))
}
