//! Keeps a server's catalogue: lists it at start, when the server says that it
//! changed or was seen to be gone, and from time to time; a failure leaves the
//! last list for a while.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::caller::Caller;
use tokio::sync::{Notify, watch};

use crate::catalogue::{Catalogue, List, State, discover};
use crate::listening;
use crate::own_list::{OwnList, closed};
use crate::upstream::handshake::Changes;
use crate::upstream::tokens::{self, Subject};
use crate::upstream::{CallerPart, Upstream};
use crate::upstreams::{Opened, ServerUpstreams};

/// The shortest time between the end of a list of a server and the next, however often there is a reason for one.
const SPACING: Duration = Duration::from_secs(1);
/// How long a good list counts.
const FRESH: Duration = Duration::from_secs(300);
/// How long a list waits for a server that the caller's own values make read anew.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait between attempts at a server that fails.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Discovers a server again and again, until it is stopped or dropped. One that cannot be asked without a caller is not.
pub async fn keep(upstreams: Weak<ServerUpstreams>, changed: Arc<Notify>) {
    let Some(server) = upstreams.upgrade() else { return };
    if server.endpoint.server.auth.scheme.is_exchanged() {
        server.catalogue.store(Arc::new(Catalogue::per_caller()));
        changed.notify_one();
        return;
    }
    let (own, mut ended) = (server.own().clone(), server.ended());
    drop(server);
    let told = watch::Sender::new(Changes::default());
    let listening = listening::keep(&own, told.subscribe());
    let discovering = async {
        let mut list_again = own.list_again();
        let mut backoff = SPACING;
        loop {
            let Some(server) = upstreams.upgrade() else { return };
            // What is told from here on may be missing from this list.
            list_again.mark_unchanged();
            let known = server.catalogue.load_full();
            let publish = |catalogue| {
                server.catalogue.store(Arc::new(catalogue));
                changed.notify_one();
            };
            let catalogue = list(&server, &own, &known, publish).await;
            drop(server);
            told.send_replace(catalogue.offers.changes);
            if !catalogue.is_ready() {
                backoff = backoff.min(MAX_BACKOFF);
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(MAX_BACKOFF);
                continue;
            }
            let fresh = if catalogue.is_whole() {
                backoff = SPACING;
                FRESH
            } else {
                // A kind that fails is tried again ever more rarely: the others are read anew with it.
                backoff = (backoff * 2).min(FRESH);
                backoff
            };
            tokio::time::sleep(SPACING).await;
            let changed = tokio::time::timeout(fresh, list_again.changed()).await;
            if let (Ok(Ok(())), Some(server)) = (changed, upstreams.upgrade()) {
                // What it tells here is as true of what it lists to callers with values of their own.
                server.outdate_lists();
            }
        }
    };
    tokio::select! {
        biased;
        // An error: the server was dropped.
        _ = ended.wait_for(|ended| *ended) => {}
        () = discovering => {}
        () = listening => {}
    }
}

/// Lists a server through one session; of a list that fails what was `known` stays for a time. Until the server was
/// listed well once, the session may have to begin first: a child that is still being downloaded is not late before
/// its time to connect is over.
pub async fn list(
    server: &ServerUpstreams,
    upstream: &Upstream,
    known: &Catalogue,
    publish: impl Fn(Catalogue),
) -> Catalogue {
    let declared = &server.endpoint.server;
    let within = Duration::from_secs(u64::from(declared.timeouts.list));
    let was_ready = server.catalogue.load().is_ready();
    let begins = if was_ready { within } else { within + server.endpoint.connect_timeout() };
    let catalogue = discover(upstream, known, (begins, within), declared.max_response_bytes, publish).await;
    let mut told = None;
    for list in List::ALL {
        // A server that cannot be asked at all is told of once.
        if let State::Failed(error) = &catalogue.of(list).state
            && told.replace(&error.detail) != Some(&error.detail)
        {
            let method = list.method();
            tracing::warn!(server = %declared.id, outcome = %error.outcome, "{method} failed: {}", error.detail);
        }
    }
    catalogue
}

/// What a server lists to a caller whose own values may change that: as read before, or read now, which is waited for
/// for at most [`PATIENCE`]. A server that needs longer is missing from this list, and there once it has answered.
async fn for_caller(server: &Arc<ServerUpstreams>, opened: &Opened, list: List) -> Arc<Catalogue> {
    let Some(own) = &opened.list else { return server.catalogue.load_full() };
    let known = own.catalogue.load_full();
    // Of a first reading that is under way some lists may be there, and this one may not.
    let is_there = |known: &Catalogue| is_fresh(known) && !matches!(known.of(list).state, State::Unknown);
    if is_there(&known) {
        return known;
    }
    let over = own.read(is_there, || read_own(server.clone(), opened.upstream.clone(), own.clone()));
    if let Some(over) = over {
        // Late or over: what is known by then counts.
        let _ = tokio::time::timeout(PATIENCE, closed(over)).await;
    }
    own.catalogue.load_full()
}

/// Whether a caller's own list need not be read again yet.
fn is_fresh(known: &Catalogue) -> bool {
    let fresh = match (known.is_whole(), known.is_ready()) {
        (true, _) => FRESH,
        (false, true) => MAX_BACKOFF,
        (false, false) => SPACING,
    };
    known.read.is_some_and(|read| read.elapsed() < fresh)
}

/// Reads a caller's own list. It takes one of the server's slots, as a call does.
async fn read_own(server: Arc<ServerUpstreams>, upstream: Arc<Upstream>, own: Arc<OwnList>) {
    // The semaphore is never closed.
    let Ok(_slot) = server.calls.acquire().await else { return };
    let known = own.catalogue.load_full();
    list(&server, &upstream, &known, |read| own.catalogue.store(Arc::new(read))).await;
}

/// What a server lists to this caller, who adds `part`, `list` at least; a server that is stopped, or needs a token that
/// the caller has not, failed to list.
pub async fn of_caller(
    server: &Arc<ServerUpstreams>,
    caller: &Caller<'_>,
    part: CallerPart,
    list: List,
) -> Arc<Catalogue> {
    if let Some(Subject::Missing) = part.subject {
        return Arc::new(Catalogue::default().failed(&tokens::no_subject()));
    }
    match server.open(caller, part, None) {
        Ok(opened) => for_caller(server, &opened, list).await,
        Err(error) => Arc::new(Catalogue::default().failed(&error)),
    }
}
