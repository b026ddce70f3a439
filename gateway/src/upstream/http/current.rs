//! The session of an upstream that is in use: begun once for all who wait for
//! it, begun again when the server has forgotten it, ended for good.
//!
//! A session begins in a task of its own, since a caller may go away while the
//! server makes one: whoever ends the upstream has to know of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crds::snapshot::HttpWire;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::client::Client;
use super::modern::Modern;
use super::reply::{Fallback, may_be_sse};
use super::session::Session;
use crate::upstream::handshake::Hello;
use crate::upstream::sse::SseSession;
use crate::upstream::unasked::Unasked;
use crate::upstream::{Outcome, UpstreamError};

/// How long ending waits for a session that is just beginning. One that the server makes later ends then, by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// A session in use.
pub(super) enum Live {
    Streamable(Session),
    Sse(SseSession),
    /// No session, but what takes its place: a server that answered as a modern one.
    Modern(Modern),
}

/// The legacy wire that a server turned out to speak.
#[derive(Clone, Copy)]
enum Wire {
    Streamable,
    Sse,
}

/// The one session of an upstream, if there is one.
pub(super) struct Current {
    client: Arc<Client>,
    wire: HttpWire,
    /// The next request's id. One counter for all sessions, so that none is met twice.
    ids: AtomicU64,
    live: ArcSwapOption<Live>,
    /// Held while a session begins; the error of the last attempt.
    beginning: Arc<Mutex<Option<UpstreamError>>>,
    /// Attempts to begin that ended, by success or error.
    attempts: AtomicU64,
    /// What the server was found to speak when it was of the legacy era, as long as it works.
    found: parking_lot::Mutex<Option<Wire>>,
    unasked: Unasked,
    /// Turns true when the upstream is stopped.
    ended: watch::Sender<bool>,
}

impl Current {
    pub(super) fn new(client: Arc<Client>, wire: HttpWire, unasked: Unasked) -> Arc<Self> {
        Arc::new(Self {
            client,
            wire,
            ids: AtomicU64::new(1),
            live: ArcSwapOption::empty(),
            beginning: Arc::default(),
            attempts: AtomicU64::new(0),
            found: parking_lot::Mutex::default(),
            unasked,
            ended: watch::Sender::new(false),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a reason to list the server again.
    pub(super) fn list_again(&self) {
        self.unasked.list_again();
    }

    /// The session that is live, as it is.
    pub(super) fn now(&self) -> Option<Arc<Live>> {
        self.live.load_full()
    }

    /// The live session, other than one that the server has forgotten; begun if there is none, by the deadline. An error
    /// once the upstream is stopped.
    pub(super) async fn get(
        self: &Arc<Self>,
        forgotten: Option<&Arc<Live>>,
        deadline: Instant,
    ) -> Result<Arc<Live>, UpstreamError> {
        if let Some(live) = self.usable(forgotten) {
            return Ok(live);
        }
        let mut ended = self.ended.subscribe();
        tokio::select! {
            biased;
            // Cannot fail: the sender is in `self`.
            _ = ended.wait_for(|ended| *ended) => Err(UpstreamError::ended()),
            live = self.begun(forgotten, deadline) => live,
        }
    }

    /// Ends the session, also one that is just beginning, and lets no other begin. Best effort at the server, which has
    /// the time to connect to take it.
    pub(super) async fn end(&self) {
        self.ended.send_replace(true);
        let begun = timeout(PATIENCE, self.beginning.lock()).await;
        drop(begun);
        self.end_live().await;
    }

    async fn end_live(&self) {
        if let Some(live) = self.live.swap(None)
            && let Live::Streamable(session) = &*live
        {
            // Whether the server heard of it changes nothing here.
            let _ = timeout(self.client.connect_timeout, session.end()).await;
        }
    }

    fn usable(&self, forgotten: Option<&Arc<Live>>) -> Option<Arc<Live>> {
        let live = self.live.load_full()?;
        let lost = match &*live {
            Live::Streamable(session) => session.lost(),
            Live::Sse(session) => session.lost(),
            Live::Modern(_) => false,
        };
        let forgotten = forgotten.is_some_and(|forgotten| Arc::ptr_eq(forgotten, &live));
        (!lost && !forgotten).then_some(live)
    }

    async fn begun(
        self: &Arc<Self>,
        forgotten: Option<&Arc<Live>>,
        deadline: Instant,
    ) -> Result<Arc<Live>, UpstreamError> {
        let before = self.attempts.load(Ordering::Acquire);
        let failed = self.beginning.clone().lock_owned().await;
        if let Some(live) = self.usable(forgotten) {
            return Ok(live);
        }
        // Who waited while another tried shares the outcome; but not a deadline that was the other's.
        if self.attempts.load(Ordering::Acquire) != before
            && let Some(error) = &*failed
            && error.outcome != Outcome::Timeout
        {
            return Err(error.clone());
        }
        let task = tokio::spawn(self.clone().make_live(failed, deadline));
        // An error: the program ends.
        task.await.unwrap_or_else(|_| Err(UpstreamError::ended()))
    }

    /// Begins a session and makes it the live one, unless the upstream was stopped meanwhile: then it ends it.
    async fn make_live(
        self: Arc<Self>,
        mut failed: OwnedMutexGuard<Option<UpstreamError>>,
        deadline: Instant,
    ) -> Result<Arc<Live>, UpstreamError> {
        if *self.ended.borrow() {
            return Err(UpstreamError::ended());
        }
        let begun = timeout_at(deadline, self.begin()).await;
        let begun = begun.unwrap_or_else(|_| Err(UpstreamError::timeout("the request"))).map(Arc::new);
        self.attempts.fetch_add(1, Ordering::Release);
        *failed = begun.as_ref().err().cloned();
        let live = begun?;
        self.live.store(Some(Arc::clone(&live)));
        // Asked after it is stored: who stops the upstream later finds it there.
        if *self.ended.borrow() {
            drop(live);
            self.end_live().await;
            return Err(UpstreamError::ended());
        }
        Ok(live)
    }

    /// Begins a session on the declared wire, or in the era and on the wire that the server turns out to speak (R5).
    async fn begin(&self) -> Result<Live, UpstreamError> {
        if self.wire == HttpWire::Sse {
            return self.begin_sse().await;
        }
        if let Some(begun) = self.begin_as_before().await {
            return begun;
        }
        // A legacy client's own session is of its own era, where the server has that too: nothing is lost in translation.
        let first = if self.unasked.is_of_client() { Some(self.begin_legacy().await) } else { None };
        if let Some(Err(error)) = &first
            && !not_spoken(error)
        {
            return Err(error.clone());
        }
        let (begun, wire) = match first {
            Some(Ok(begun)) => begun,
            _ => match Modern::probe(&self.client, self.next_id()).await? {
                Some(modern) => return Ok(Live::Modern(modern)),
                None => self.begin_legacy().await?,
            },
        };
        *self.found.lock() = Some(wire);
        Ok(begun)
    }

    /// Begins as it went the last time; none if that is not known, or not spoken any more.
    async fn begin_as_before(&self) -> Option<Result<Live, UpstreamError>> {
        let wire = self.found.lock().take()?;
        let begun = match wire {
            Wire::Sse => self.begin_sse().await,
            Wire::Streamable => {
                let begun = Session::begin(&self.client, self.next_id(), &self.unasked).await;
                begun.map(Live::Streamable).map_err(|(error, _)| error)
            }
        };
        match begun {
            Ok(live) => {
                *self.found.lock() = Some(wire);
                Some(Ok(live))
            }
            Err(error) if not_spoken(&error) => None,
            Err(error) => Some(Err(error)),
        }
    }

    async fn begin_legacy(&self) -> Result<(Live, Wire), UpstreamError> {
        let (error, fallback) = match Session::begin(&self.client, self.next_id(), &self.unasked).await {
            Ok(session) => return Ok((Live::Streamable(session), Wire::Streamable)),
            Err(failed) => failed,
        };
        if self.wire != HttpWire::Auto || fallback == Fallback::None {
            return Err(error);
        }
        match self.begin_sse().await {
            Ok(live) => Ok((live, Wire::Sse)),
            // A server that speaks neither is told of by what it said first.
            Err(second) if second.outcome == Outcome::UpstreamError => Err(error),
            Err(second) => Err(second),
        }
    }

    async fn begin_sse(&self) -> Result<Live, UpstreamError> {
        SseSession::begin(&self.client, self.next_id(), &self.unasked).await.map(Live::Sse)
    }
}

fn not_spoken(error: &UpstreamError) -> bool {
    let status = error.http_status.and_then(|status| http::StatusCode::from_u16(status).ok()).is_some_and(may_be_sse);
    status || error.outcome == Outcome::UnsupportedProtocol
}

impl Live {
    /// What the server said of itself.
    pub(super) fn hello(&self) -> Option<&Hello> {
        match self {
            Live::Streamable(session) => Some(session.hello()),
            Live::Sse(session) => session.hello(),
            Live::Modern(modern) => Some(modern.hello()),
        }
    }
}
