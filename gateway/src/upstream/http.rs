//! An upstream over HTTP, of the legacy era: Streamable HTTP, or HTTP+SSE.
//!
//! The session begins with the first request, once for all that wait for it,
//! and again when the server has forgotten it; a request that the server
//! refused for that reason is sent once more (R7). Each request of a session
//! is one POST.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use crds::snapshot::{HttpWire, Transport};
use tokio::sync::{Mutex, watch};

use self::client::{Client, Repeat};
use self::reply::{Fallback, may_be_sse};
use self::session::{Failure, Session};
use self::target::Target;
use super::pool::Pool;
use super::sse::SseSession;
use super::{CallerPart, Endpoint, Outcome, Outgoing, Reply, UpstreamError};
use crate::egress::Egress;

pub(crate) mod client;
mod events;
mod headers;
pub(crate) mod reply;
pub(crate) mod session;
pub(crate) mod target;

pub use events::Events;
pub use headers::render_credential;

pub(crate) use events::drain;

/// One server as one caller, or all who share it, reach it over HTTP.
pub struct HttpUpstream {
    /// Or why the server cannot be asked at all, as it is declared.
    client: Result<Arc<Client>, UpstreamError>,
    wire: HttpWire,
    /// The next request's id. One counter for all sessions, so that none is met twice.
    ids: AtomicU64,
    live: ArcSwapOption<Live>,
    /// Held while a session begins; the error of the last attempt.
    beginning: Mutex<Option<UpstreamError>>,
    /// Attempts to begin that ended, by success or error.
    attempts: AtomicU64,
    /// `Auto` found HTTP+SSE.
    found_sse: AtomicBool,
    tools_changed: watch::Sender<u64>,
}

/// A session in use.
enum Live {
    Streamable(Session),
    Sse(SseSession),
}

impl HttpUpstream {
    /// Nothing is connected before the first request. A server that cannot be asked as declared says so to each.
    pub fn new(endpoint: &Endpoint, caller: CallerPart, egress: Arc<Egress>) -> Self {
        let wire = match &endpoint.server.transport {
            Transport::Http { wire, .. } => *wire,
            Transport::Stdio { .. } => HttpWire::Auto,
        };
        Self {
            client: client_of(endpoint, caller, egress).map(Arc::new),
            wire,
            ids: AtomicU64::new(1),
            live: ArcSwapOption::empty(),
            beginning: Mutex::new(None),
            attempts: AtomicU64::new(0),
            found_sse: AtomicBool::new(false),
            tools_changed: watch::Sender::new(0),
        }
    }

    /// Sends a request; the beginning of its reply, within the request's deadline.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, UpstreamError> {
        tokio::time::timeout_at(outgoing.deadline, self.send_unbounded(outgoing))
            .await
            .unwrap_or_else(|_| Err(UpstreamError::timeout("the request")))
    }

    /// Sends a response to a request of the server, or a notification, in the session that is live.
    pub async fn answer(&self, message: Bytes) -> Result<(), UpstreamError> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let live =
            self.live.load_full().ok_or_else(|| UpstreamError::new(Outcome::Unreachable, "no session is live"))?;
        let posted = async {
            match &*live {
                Live::Streamable(session) => session.notify(client, message).await,
                Live::Sse(session) => session.notify(message).await,
            }
        };
        let status = tokio::time::timeout(client.connect_timeout, posted)
            .await
            .unwrap_or_else(|_| Err(UpstreamError::timeout("the answer to the server")))?;
        if status.is_success() { Ok(()) } else { Err(UpstreamError::status(status)) }
    }

    /// Ends the session, if one is live: best effort, within the time to connect.
    pub async fn stop(&self) {
        if let (Ok(client), Some(live)) = (&self.client, self.live.swap(None))
            && let Live::Streamable(session) = &*live
        {
            // Whether the server heard of it changes nothing here.
            let _ = tokio::time::timeout(client.connect_timeout, session.end(client)).await;
        }
    }

    /// Counts the times that the server said, outside of any request, that its tools changed.
    pub fn tools_changed(&self) -> watch::Receiver<u64> {
        self.tools_changed.subscribe()
    }

    async fn send_unbounded(&self, outgoing: &Outgoing<'_>) -> Result<Reply, UpstreamError> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        let live = self.live(client, None).await?;
        match self.send_in(client, &live, outgoing).await {
            Ok(reply) => return Ok(reply),
            Err(Failure::Failed(error)) => return Err(error),
            Err(Failure::Forgotten(_)) => {}
        }
        let renewed = self.live(client, Some(&live)).await?;
        match self.send_in(client, &renewed, outgoing).await {
            Ok(reply) => Ok(reply),
            Err(Failure::Failed(error)) => Err(error),
            Err(Failure::Forgotten(forgotten)) => forgotten.into_reply(),
        }
    }

    async fn send_in(&self, client: &Client, live: &Live, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
        let id = self.next_id();
        let message = (outgoing.render)(id);
        let repeat = Repeat::of(outgoing.method);
        match live {
            Live::Streamable(session) => session.send(client, id, message, repeat).await,
            Live::Sse(session) => session.send(id, message, repeat).await,
        }
    }

    fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// The live session, other than one that the server has forgotten; begun if there is none.
    async fn live(&self, client: &Arc<Client>, forgotten: Option<&Arc<Live>>) -> Result<Arc<Live>, UpstreamError> {
        if let Some(live) = self.usable(forgotten) {
            return Ok(live);
        }
        let before = self.attempts.load(Ordering::Acquire);
        let mut failed = self.beginning.lock().await;
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
        let begun = self.begin(client).await;
        self.attempts.fetch_add(1, Ordering::Release);
        match begun {
            Ok(live) => {
                let live = Arc::new(live);
                self.live.store(Some(Arc::clone(&live)));
                *failed = None;
                Ok(live)
            }
            Err(error) => {
                *failed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn usable(&self, forgotten: Option<&Arc<Live>>) -> Option<Arc<Live>> {
        let live = self.live.load_full()?;
        let lost = matches!(&*live, Live::Sse(session) if session.lost());
        let forgotten = forgotten.is_some_and(|forgotten| Arc::ptr_eq(forgotten, &live));
        (!lost && !forgotten).then_some(live)
    }

    /// Begins a session on the declared wire, or on the one that the server turns out to speak (R5).
    async fn begin(&self, client: &Arc<Client>) -> Result<Live, UpstreamError> {
        let auto = self.wire == HttpWire::Auto;
        if self.wire == HttpWire::Sse || (auto && self.found_sse.load(Ordering::Relaxed)) {
            match self.begin_sse(client).await {
                // It no longer speaks what it spoke: ask anew.
                Err(error) if auto && not_spoken(&error) => self.found_sse.store(false, Ordering::Relaxed),
                begun => return begun,
            }
        }
        let (error, fallback) = match Session::begin(client, self.next_id()).await {
            Ok(session) => return Ok(Live::Streamable(session)),
            Err(failed) => failed,
        };
        if !auto || fallback == Fallback::None {
            return Err(error);
        }
        match self.begin_sse(client).await {
            Ok(live) => {
                self.found_sse.store(true, Ordering::Relaxed);
                Ok(live)
            }
            // A server that speaks neither is told of by what it said first.
            Err(second) if second.outcome == Outcome::UpstreamError => Err(error),
            Err(second) => Err(second),
        }
    }

    async fn begin_sse(&self, client: &Arc<Client>) -> Result<Live, UpstreamError> {
        SseSession::begin(client, self.next_id(), &self.tools_changed).await.map(Live::Sse)
    }
}

fn not_spoken(error: &UpstreamError) -> bool {
    error.http_status.and_then(|status| http::StatusCode::from_u16(status).ok()).is_some_and(may_be_sse)
}

fn client_of(endpoint: &Endpoint, caller: CallerPart, egress: Arc<Egress>) -> Result<Client, UpstreamError> {
    let url = endpoint.secrets.url.as_deref();
    let url = url.ok_or_else(|| UpstreamError::new(Outcome::UpstreamError, "the server's URL is missing"))?;
    let target = Target::parse(url)?;
    Ok(Client {
        headers: headers::base(endpoint, caller, &target)?,
        target,
        connect_timeout: endpoint.connect_timeout(),
        max_response: endpoint.server.max_response_bytes,
        egress,
        pool: Arc::new(Pool::default()),
    })
}
