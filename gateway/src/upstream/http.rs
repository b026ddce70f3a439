//! An upstream over HTTP: Streamable HTTP of either era, or HTTP+SSE.
//!
//! The session begins with the first request, once for all that wait for it,
//! and again when the server has forgotten it; a request that the server
//! refused for that reason is sent once more (R7). Each request of a session
//! is one POST. A modern server has no session: what stands for one is that it
//! said so, and ends when it says otherwise. Once stopped, it begins no session
//! any more.

use std::sync::Arc;

use ::http::StatusCode;
use bytes::Bytes;
use crds::snapshot::{HttpWire, Transport};
use tokio::sync::watch;
use tokio::time::Instant;

use self::client::{Client, Repeat};
use self::current::{Current, Live};
use self::session::Failure;
use self::target::Target;
use super::pool::Pool;
use super::tokens::Tokens;
use super::unasked::Unasked;
use super::{CallerPart, Endpoint, Era, Offers, Outcome, Outgoing, Reply, Strays, UpstreamError};
use crate::egress::Egress;

pub(crate) mod client;
mod current;
pub(crate) mod event_body;
mod events;
pub(crate) mod headers;
mod listen;
mod modern;
pub(crate) mod post;
pub(crate) mod reply;
mod resume;
pub(crate) mod session;
pub(crate) mod target;

pub use events::Events;
pub use headers::render_credential;

pub(crate) use events::drain;

/// One server as one caller, or all who share it, reach it over HTTP.
pub struct HttpUpstream {
    /// Or why the server cannot be asked at all, as it is declared.
    current: Result<Arc<Current>, UpstreamError>,
    list_again: watch::Sender<u64>,
}

impl HttpUpstream {
    /// Nothing is connected before the first request. A server that cannot be asked as declared says so to each, as does one
    /// whose `tokens` have none for this caller.
    pub fn new(
        endpoint: &Endpoint,
        caller: CallerPart,
        strays: Option<Strays>,
        egress: Arc<Egress>,
        tokens: Option<&Tokens>,
    ) -> Self {
        let wire = match &endpoint.server.transport {
            Transport::Http { wire, .. } => *wire,
            Transport::Stdio { .. } => HttpWire::Auto,
        };
        let list_again = watch::Sender::new(0);
        let unasked = Unasked::new(strays, caller.capabilities, list_again.clone());
        let client = client_of(endpoint, caller, egress, tokens);
        let current = client.map(|client| Current::new(Arc::new(client), wire, unasked));
        Self { current, list_again }
    }

    /// Sends a request; the beginning of its reply, within the request's deadline.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, UpstreamError> {
        tokio::time::timeout_at(outgoing.deadline, self.send_unbounded(outgoing))
            .await
            .unwrap_or_else(|_| Err(UpstreamError::timeout("the request")))
    }

    /// What the server says that it offers, in a session that is begun if there is none.
    pub async fn offers(&self, deadline: Instant) -> Result<Offers, UpstreamError> {
        let current = self.current.as_ref().map_err(Clone::clone)?;
        // What a modern server offers is not agreed on: it may have changed since.
        let known = current.now().filter(|live| matches!(&**live, Live::Modern(_)));
        let live = tokio::time::timeout_at(deadline, current.get(known.as_ref(), deadline));
        let live = live.await.unwrap_or_else(|_| Err(UpstreamError::timeout("the beginning of a session")))?;
        Ok(live.hello().map(|hello| hello.offers).unwrap_or_default())
    }

    /// The revision that is spoken to the server, once that is known.
    pub fn protocol(&self) -> Option<&'static str> {
        self.current.as_ref().ok()?.now()?.hello().map(|hello| hello.version)
    }

    /// Sends a response to a request of the server, or a notification, in the session that is live.
    pub async fn answer(&self, message: Bytes) -> Result<(), UpstreamError> {
        let current = self.current.as_ref().map_err(Clone::clone)?;
        let live = current.now().ok_or_else(|| UpstreamError::new(Outcome::Unreachable, "no session is live"))?;
        let client = current.client();
        let posted = async {
            match &*live {
                Live::Streamable(session) => session.notify(message).await,
                Live::Sse(session) => session.notify(message).await,
                // It asks nothing, and is told nothing.
                Live::Modern(_) => Ok(StatusCode::ACCEPTED),
            }
        };
        let status = tokio::time::timeout(client.connect_timeout, posted)
            .await
            .unwrap_or_else(|_| Err(UpstreamError::timeout("the answer to the server")))?;
        if status.is_success() { Ok(()) } else { Err(UpstreamError::status(status)) }
    }

    /// Ends the session for good, if one is live or just beginning, and lets no other begin.
    pub async fn stop(&self) {
        if let Ok(current) = &self.current {
            current.end().await;
        }
    }

    /// Counts the reasons to list the server's tools again: it said outside of any request that they changed, or its
    /// event stream ended by itself.
    pub fn list_again(&self) -> &watch::Sender<u64> {
        &self.list_again
    }

    async fn send_unbounded(&self, outgoing: &Outgoing<'_>) -> Result<Reply, UpstreamError> {
        let current = self.current.as_ref().map_err(Clone::clone)?;
        let live = current.get(None, outgoing.deadline).await?;
        match send_in(current, &live, outgoing).await {
            Ok(reply) => return Ok(reply),
            Err(Failure::Failed(error) | Failure::Stale(error)) => return Err(error),
            Err(Failure::Forgotten(_)) => {}
        }
        let renewed = current.get(Some(&live), outgoing.deadline).await?;
        match send_in(current, &renewed, outgoing).await {
            Ok(reply) => Ok(reply),
            Err(Failure::Failed(error) | Failure::Stale(error)) => Err(error),
            Err(Failure::Forgotten(forgotten)) => forgotten.into_reply(),
        }
    }
}

async fn send_in(current: &Current, live: &Live, outgoing: &Outgoing<'_>) -> Result<Reply, Failure> {
    let id = current.next_id();
    let message = |era| (outgoing.render)(id, era);
    let repeat = Repeat::of(outgoing.method);
    match live {
        Live::Streamable(session) => session.send(id, message(Era::Legacy), repeat).await,
        Live::Sse(session) => session.send(id, message(Era::Legacy), repeat).await,
        Live::Modern(modern) => {
            let sent = modern.send(current.client(), id, message(Era::Modern), outgoing).await;
            if matches!(&sent, Err(Failure::Stale(_))) {
                current.list_again();
            }
            sent
        }
    }
}

fn client_of(
    endpoint: &Endpoint,
    caller: CallerPart,
    egress: Arc<Egress>,
    tokens: Option<&Tokens>,
) -> Result<Client, UpstreamError> {
    let url = endpoint.secrets.url.as_deref();
    let url = url.ok_or_else(|| UpstreamError::new(Outcome::UpstreamError, "the server's URL is missing"))?;
    let target = Target::parse(url)?;
    let tokens = tokens.filter(|_| !headers::is_replaced(&endpoint.server.auth.scheme, &caller.overrides));
    Ok(Client {
        token: tokens.map(|tokens| tokens.token(caller.subject.as_ref())).transpose()?,
        headers: headers::base(endpoint, caller, &target)?,
        target,
        connect_timeout: endpoint.connect_timeout(),
        max_response: endpoint.server.max_response_bytes,
        egress,
        pool: Arc::new(Pool::default()),
    })
}
