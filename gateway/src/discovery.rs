//! Keeps a server's catalogue: lists it at start, when the server says that it
//! changed or was seen to be gone, and from time to time; a failure leaves the
//! last list for a while.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crds::snapshot::Caller;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::catalogue::{Catalogue, State, discover};
use crate::own_list::{OwnList, closed};
use crate::upstream::{CallerPart, Upstream};
use crate::upstreams::{Opened, ServerUpstreams};

/// The shortest time between the end of a list of a server and the next, however often there is a reason for one.
const SPACING: Duration = Duration::from_secs(1);
/// How long a good list counts.
const FRESH: Duration = Duration::from_secs(300);
/// How long the last good list outlives its server.
const KEPT: Duration = Duration::from_secs(600);
/// How long a list waits for a server that the caller's own values make read anew.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait between attempts at a server that fails.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Discovers a server again and again, until it is stopped or dropped.
pub async fn keep(upstreams: Weak<ServerUpstreams>, changed: Arc<Notify>) {
    let Some((own, mut ended)) = upstreams.upgrade().map(|server| (server.own().clone(), server.ended())) else {
        return;
    };
    let discovering = async {
        let mut list_again = own.list_again();
        let mut backoff = SPACING;
        let mut last_good = Instant::now();
        loop {
            let Some(server) = upstreams.upgrade() else { return };
            // What is told from here on may be missing from this list.
            list_again.mark_unchanged();
            let listed = list(&server, &own).await;
            let good = listed.is_ok();
            let catalogue = listed.unwrap_or_else(|state| {
                let known = server.catalogue.load_full();
                let tools = if last_good.elapsed() < KEPT { known.tools.clone() } else { Arc::default() };
                Catalogue { tools, state, read: Some(Instant::now()) }
            });
            server.catalogue.store(Arc::new(catalogue));
            drop(server);
            changed.notify_one();
            if good {
                last_good = Instant::now();
                backoff = SPACING;
                tokio::time::sleep(SPACING).await;
                let _ = tokio::time::timeout(FRESH, list_again.changed()).await;
            } else {
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(MAX_BACKOFF);
            }
        }
    };
    tokio::select! {
        biased;
        // An error: the server was dropped.
        _ = ended.wait_for(|ended| *ended) => {}
        () = discovering => {}
    }
}

/// Lists a server through one session. Until that went well once, the session may have to begin first: a child that
/// is still being downloaded is not late before its time to connect is over.
pub async fn list(server: &ServerUpstreams, upstream: &Upstream) -> Result<Catalogue, State> {
    let declared = &server.endpoint.server;
    let connect = match server.catalogue.load().state {
        State::Ready => 0,
        State::Unknown | State::Failed(_) => declared.timeouts.connect,
    };
    let seconds = u64::from(connect) + u64::from(declared.timeouts.list);
    let deadline = Instant::now() + Duration::from_secs(seconds);
    match discover(upstream, deadline, declared.max_response_bytes).await {
        Ok(tools) => Ok(Catalogue { tools: Arc::new(tools), state: State::Ready, read: Some(Instant::now()) }),
        Err(error) => {
            tracing::warn!(server = %declared.id, outcome = %error.outcome, "tools/list failed: {}", error.detail);
            Err(State::Failed(error))
        }
    }
}

/// What a server lists to a caller whose own values may change that: as read before, or read now, which is waited for
/// for at most [`PATIENCE`]. A server that needs longer is missing from this list, and there once it has answered.
async fn for_caller(server: &Arc<ServerUpstreams>, opened: &Opened) -> Arc<Catalogue> {
    let Some(own) = &opened.list else { return server.catalogue.load_full() };
    let known = own.catalogue.load_full();
    if is_fresh(&known) {
        return known;
    }
    let over = own.read(is_fresh, || read_own(server.clone(), opened.upstream.clone(), own.clone()));
    if let Some(over) = over {
        // Late or over: what is known by then counts.
        let _ = tokio::time::timeout(PATIENCE, closed(over)).await;
    }
    own.catalogue.load_full()
}

/// Whether a caller's own list need not be read again yet.
fn is_fresh(known: &Catalogue) -> bool {
    let fresh = if matches!(known.state, State::Ready) { FRESH } else { SPACING };
    known.read.is_some_and(|read| read.elapsed() < fresh)
}

/// Reads a caller's own list. It takes one of the server's slots, as a call does.
async fn read_own(server: Arc<ServerUpstreams>, upstream: Arc<Upstream>, own: Arc<OwnList>) {
    // The semaphore is never closed.
    let Ok(_slot) = server.calls.acquire().await else { return };
    let read = list(&server, &upstream).await.unwrap_or_else(|state| {
        let tools = own.catalogue.load().tools.clone();
        Catalogue { tools, state, read: Some(Instant::now()) }
    });
    own.catalogue.store(Arc::new(read));
}

/// What a server lists to this caller, who adds `part`; a server that is stopped failed to list.
pub async fn of_caller(server: &Arc<ServerUpstreams>, caller: &Caller, part: CallerPart) -> Arc<Catalogue> {
    match server.open(caller, part) {
        Ok(opened) => for_caller(server, &opened).await,
        Err(error) => Arc::new(Catalogue { state: State::Failed(error), ..Catalogue::default() }),
    }
}
