//! One MCP server as requests meet it: rendered requests in, replies out.
//!
//! An [`Upstream`] is one upstream session (or child process) for one
//! combination of server, caller-derived values and, where sessions are not
//! shared, caller: nothing of one caller can be met by another (R23). It
//! initializes itself on the first request, again when the server has
//! forgotten it, and never sends a request twice of which a byte may have
//! been processed (R7).

use std::sync::Arc;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use crds::digest::cut;
use crds::snapshot::{Digest128, Secrets, Server, Transport};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use self::stdio::{ChildState, Children};
use self::tokens::{Subject, Tokens};
use crate::capabilities::Capabilities;
use crate::egress::Egress;

pub mod era;
mod error;
mod event_stream;
pub mod handshake;
pub mod http;
pub(crate) mod message;
pub(crate) mod pool;
mod routes;
mod sse;
pub mod stdio;
pub mod tokens;
mod unasked;

pub use era::Era;
pub use error::{Outcome, UpstreamError};
pub use handshake::Offers;
pub use http::render_credential;
pub use unasked::Strays;

/// A compiled server with its secret values: all that it takes to reach it.
pub struct Endpoint {
    /// What the snapshot says.
    pub server: Server,
    /// Its secret values; of the form that `server` asks for, checked by the table.
    pub secrets: Secrets,
}

/// What a caller adds to the requests to one server, already filtered (R22).
#[derive(Clone, Default)]
pub struct CallerPart {
    /// Headers for the server, over HTTP; one that the server declares itself stays the server's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Headers that take the place of declared ones or of our credential (R24).
    pub overrides: Vec<(HeaderName, HeaderValue)>,
    /// The caller's headers by name in lower case, for `${X-Header}` in a child's environment.
    pub variables: Vec<(String, String)>,
    /// What the client can be asked for; nothing where sessions are pooled, which ask nobody.
    pub capabilities: Capabilities,
    /// What the server's token for the caller is had in exchange for; none if it has no such tokens, or if the caller
    /// brings a credential in the place of one.
    pub subject: Option<Subject>,
}

/// A request to an upstream. Its id is chosen by the upstream session: a counter, never reused.
pub struct Outgoing<'a> {
    /// The MCP method.
    pub method: &'a str,
    /// Writes the whole message for an id and the server's era; the progress token, if any, is the id too.
    pub render: &'a (dyn Fn(u64, Era) -> Bytes + Send + Sync),
    /// Adds what a modern server is told over HTTP in headers too, besides the method: `Mcp-Name`, `Mcp-Param-*`.
    pub mirror: &'a (dyn Fn(&mut HeaderMap) + Send + Sync),
    /// When to give up.
    pub deadline: Instant,
}

/// The beginning of an answer.
pub struct Reply {
    /// The id that the request had upstream; the response must bear it.
    pub id: u64,
    /// The era in which the server was asked.
    pub era: Era,
    /// What comes.
    pub body: ReplyBody,
}

/// What an upstream answers with.
pub enum ReplyBody {
    /// A JSON body as it arrives, nothing of it scanned: exactly one response. The reader bounds it.
    Json(hyper::body::Incoming),
    /// Complete messages; the response is the last.
    Messages(Messages),
}

/// Complete JSON-RPC messages of one request, in order: notifications, requests of the server, the response.
/// Each is bounded by the server's `maxResponseBytes`, and so is their sum.
pub enum Messages {
    /// From a child or an HTTP+SSE stream, by way of its reader task. Dropping it forgets the request.
    Routed(Routed),
    /// Straight from the body of one HTTP response.
    Events(Box<http::Events>),
}

/// Messages that a session's reader task sorted out for one request.
pub struct Routed {
    receiver: tokio::sync::mpsc::Receiver<Result<Bytes, UpstreamError>>,
    /// Tells the session, on drop, that nobody waits any more.
    _forget: Box<dyn Send + Sync>,
}

impl Endpoint {
    /// How long to wait for a connection, or for a child to answer `initialize`.
    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.server.timeouts.connect))
    }
}

impl Routed {
    /// Messages that arrive on `receiver`; `forget` is dropped when nobody waits any more.
    pub fn new(
        receiver: tokio::sync::mpsc::Receiver<Result<Bytes, UpstreamError>>,
        forget: Box<dyn Send + Sync>,
    ) -> Self {
        Self { receiver, _forget: forget }
    }
}

impl Messages {
    /// A reply of one message, its response.
    pub fn one(response: Bytes) -> Self {
        let (queue, receiver) = tokio::sync::mpsc::channel(1);
        // The queue is empty and its receiver is here.
        let _ = queue.try_send(Ok(response));
        Messages::Routed(Routed::new(receiver, Box::new(())))
    }

    /// The next message; none after the response.
    pub async fn next(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        match self {
            Messages::Routed(routed) => routed.receiver.recv().await,
            Messages::Events(events) => events.next().await,
        }
    }
}

/// One upstream session, or child, over the transport that the server has.
pub enum Upstream {
    /// Streamable HTTP or HTTP+SSE.
    Http(http::HttpUpstream),
    /// A child process.
    Stdio(stdio::StdioUpstream),
}

/// What sessions are opened with.
pub struct Connectors {
    /// For connections.
    pub egress: Arc<Egress>,
    /// For children.
    pub children: Arc<Children>,
}

impl Upstream {
    /// A session to be: nothing happens before the first request. What its server says outside of the answers to
    /// requests goes to `strays`, if it is one client's session; it declares what that client can be asked for. `tokens`:
    /// the server's, if its credential is fetched.
    pub fn new(
        endpoint: Arc<Endpoint>,
        caller: CallerPart,
        strays: Option<Strays>,
        connectors: &Connectors,
        tokens: Option<&Tokens>,
    ) -> Self {
        match endpoint.server.transport {
            Transport::Http { .. } => {
                Upstream::Http(http::HttpUpstream::new(&endpoint, caller, strays, connectors.egress.clone(), tokens))
            }
            Transport::Stdio { .. } => {
                Upstream::Stdio(stdio::StdioUpstream::new(endpoint, caller, strays, connectors.children.clone()))
            }
        }
    }

    /// Sends a request, in a session that is begun if there is none.
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, UpstreamError> {
        match self {
            Upstream::Http(upstream) => upstream.send(outgoing).await,
            Upstream::Stdio(upstream) => upstream.send(outgoing).await,
        }
    }

    /// What the server says that it offers, in a session that is begun if there is none. A modern server is asked anew.
    pub async fn offers(&self, deadline: Instant) -> Result<Offers, UpstreamError> {
        match self {
            Upstream::Http(upstream) => upstream.offers(deadline).await,
            Upstream::Stdio(upstream) => upstream.offers(deadline).await,
        }
    }

    /// The revision that is spoken to the server, once that is known.
    pub fn protocol(&self) -> Option<&'static str> {
        match self {
            Upstream::Http(upstream) => upstream.protocol(),
            Upstream::Stdio(upstream) => upstream.protocol(),
        }
    }

    /// Whether a client of the server must mirror arguments in headers, and must drop tools of which it cannot know which
    /// (2026-07-28, transports/streamable-http).
    pub fn wants_mirrors(&self) -> bool {
        matches!(self, Upstream::Http(_)) && self.protocol() == Some(era::MODERN)
    }

    /// Sends a response to a request of the server, or a notification, in the session that is live. Takes no longer than
    /// the server's time to connect.
    pub async fn answer(&self, message: Bytes) {
        match self {
            // A server that cannot take the answer waits in vain, and its call ends by its deadline.
            Upstream::Http(upstream) => {
                if let Err(error) = upstream.answer(message).await {
                    tracing::debug!("an answer to a server's request was not taken: {error}");
                }
            }
            Upstream::Stdio(upstream) => upstream.answer(message).await,
        }
    }

    /// Ends the session; returns when it is gone.
    pub async fn stop(&self) {
        match self {
            Upstream::Http(upstream) => upstream.stop().await,
            Upstream::Stdio(upstream) => upstream.stop().await,
        }
    }

    /// Changes whenever the server's tools have to be listed again: it says that they changed, its event stream or
    /// process ended by itself, or somebody suspects that it is gone.
    pub fn list_again(&self) -> watch::Receiver<u64> {
        self.again().subscribe()
    }

    /// Has the server's tools listed again, since a call found it gone.
    pub fn suspect(&self) {
        self.again().send_modify(|count| *count += 1);
    }

    fn again(&self) -> &watch::Sender<u64> {
        match self {
            Upstream::Http(upstream) => upstream.list_again(),
            Upstream::Stdio(upstream) => upstream.list_again(),
        }
    }

    /// The child process, if that is what it is.
    pub fn child(&self) -> Option<ChildState> {
        match self {
            Upstream::Http(_) => None,
            Upstream::Stdio(upstream) => Some(upstream.state()),
        }
    }
}

impl CallerPart {
    /// A digest of all that the caller adds; none if that is nothing.
    pub fn digest(&self) -> Option<Digest128> {
        let nothing = self.headers.is_empty() && self.overrides.is_empty() && self.variables.is_empty();
        if nothing && self.capabilities.is_empty() && self.subject.is_none() {
            return None;
        }
        let mut hash = Sha256::new();
        let mut part = |kind: &[u8], name: &[u8], value: &[u8]| {
            for text in [kind, name, value] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        };
        for (name, value) in &self.headers {
            part(b"header", name.as_str().as_bytes(), value.as_bytes());
        }
        for (name, value) in &self.overrides {
            part(b"override", name.as_str().as_bytes(), value.as_bytes());
        }
        for (name, value) in &self.variables {
            part(b"variable", name.as_bytes(), value.as_bytes());
        }
        part(b"capabilities", b"", &[self.capabilities.bits()]);
        if let Some(subject) = &self.subject {
            part(b"subject", b"", subject.digest());
        }
        Some(cut(hash.finalize()))
    }
}
