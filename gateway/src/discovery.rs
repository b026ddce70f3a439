//! Keeps a server's catalogue: lists it at start, when the server says that it
//! changed, and from time to time; a failure leaves the last list for a while.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::catalogue::{Catalogue, State, discover};
use crate::upstream::Upstream;
use crate::upstreams::{Opened, ServerUpstreams};

/// How long a good list counts.
const FRESH: Duration = Duration::from_secs(300);
/// How long the last good list outlives its server.
const KEPT: Duration = Duration::from_secs(600);
/// How long a list waits for a server that the caller's own values make read anew.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait between attempts at a server that fails.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Discovers a server again and again, until it is gone. `own` is the gateway's own session with it.
pub async fn keep(upstreams: Weak<ServerUpstreams>, own: Arc<Upstream>, changed: Arc<Notify>) {
    let mut tools_changed = own.tools_changed();
    let mut backoff = Duration::from_secs(1);
    let mut last_good = Instant::now();
    loop {
        let Some(server) = upstreams.upgrade() else { return };
        let pause = match list(&server, &own).await {
            Ok(catalogue) => {
                server.catalogue.store(Arc::new(catalogue));
                last_good = Instant::now();
                backoff = Duration::from_secs(1);
                FRESH
            }
            Err(state) => {
                let known = server.catalogue.load_full();
                let tools = if last_good.elapsed() < KEPT { known.tools.clone() } else { Arc::default() };
                server.catalogue.store(Arc::new(Catalogue { tools, state, read: Some(Instant::now()) }));
                let pause = backoff;
                backoff = (backoff * 2).min(MAX_BACKOFF);
                pause
            }
        };
        changed.notify_one();
        drop(server);
        let _ = tokio::time::timeout(pause, tools_changed.changed()).await;
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

/// What a server lists to a caller whose own values may change that: as read before, or read now, for at most
/// [`PATIENCE`]. A server that needs longer is missing from this list and there in the next.
pub async fn for_caller(server: &ServerUpstreams, opened: &Opened) -> Arc<Catalogue> {
    let Some(own) = &opened.catalogue else { return server.catalogue.load_full() };
    let known = own.load_full();
    let age = known.read.map(|read| read.elapsed());
    let fresh = if matches!(known.state, State::Ready) { FRESH } else { Duration::from_secs(1) };
    if age.is_some_and(|age| age < fresh) {
        return known;
    }
    let read = match tokio::time::timeout(PATIENCE, list(server, &opened.upstream)).await {
        Ok(Ok(catalogue)) => catalogue,
        Ok(Err(state)) => Catalogue { tools: known.tools.clone(), state, read: Some(Instant::now()) },
        Err(_) => return known,
    };
    let read = Arc::new(read);
    own.store(read.clone());
    read
}
