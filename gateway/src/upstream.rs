//! One MCP server as requests meet it: rendered requests in, replies out.
//!
//! An [`Upstream`] is one upstream session (or child process) for one
//! combination of server, caller-derived values and, where sessions are not
//! shared, caller: nothing of one caller can be met by another (R23). It
//! initializes itself on the first request, again when the server has
//! forgotten it, and never sends a request twice of which a byte may have
//! been processed (R7).

use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::{Secrets, Server};
use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

pub mod handshake;
pub mod stdio;

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
    /// Headers for the server, over HTTP; they come after the declared ones and never repeat their names unless they replace them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The rendered credential of the caller instead of ours (R24), as a header.
    pub credential: Option<(HeaderName, HeaderValue)>,
    /// The caller's headers by name in lower case, for `${X-Header}` in a child's environment.
    pub variables: Vec<(String, String)>,
}

/// A request to an upstream. Its id is chosen by the upstream session: a counter, never reused.
pub struct Outgoing<'a> {
    /// The MCP method.
    pub method: &'a str,
    /// Writes the whole message for an id; the progress token, if any, is the id too.
    pub render: &'a (dyn Fn(u64) -> Bytes + Send + Sync),
    /// When to give up.
    pub deadline: Instant,
}

/// The beginning of an answer.
pub struct Reply {
    /// The id that the request had upstream; the response must bear it.
    pub id: u64,
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
}

/// Messages that a session's reader task sorted out for one request.
pub struct Routed {
    receiver: tokio::sync::mpsc::Receiver<Result<Bytes, UpstreamError>>,
    /// Tells the session, on drop, that nobody waits any more.
    _forget: Box<dyn Send + Sync>,
}

/// How a request to an upstream failed. No value of the server or of a caller is in it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{outcome}: {detail}")]
pub struct UpstreamError {
    /// The class, as LiteLLM's clients know it.
    pub outcome: Outcome,
    /// What happened, for a person; never bytes of an upstream (R21).
    pub detail: String,
    /// The HTTP status, if there was one.
    pub http_status: Option<u16>,
}

/// The class of an upstream's failure; the words are LiteLLM's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// No connection, a dead child, a connection that broke.
    Unreachable,
    /// No answer within the deadline.
    Timeout,
    /// 401.
    AuthRequired,
    /// 403.
    Forbidden,
    /// 429.
    RateLimited,
    /// Any other answer that is not MCP.
    UpstreamError,
    /// A server that speaks only a protocol that the gateway does not speak to it.
    UnsupportedProtocol,
}

impl Outcome {
    /// The outcome's word in `_meta`, metrics and status.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Unreachable => "unreachable",
            Outcome::Timeout => "timeout",
            Outcome::AuthRequired => "auth_required",
            Outcome::Forbidden => "forbidden",
            Outcome::RateLimited => "rate_limited",
            Outcome::UpstreamError => "upstream_error",
            Outcome::UnsupportedProtocol => "unsupported_protocol",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl UpstreamError {
    /// A failure of this class.
    pub fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), http_status: None }
    }

    /// The failure that an HTTP status from the upstream is.
    pub fn status(status: http::StatusCode) -> Self {
        let outcome = match status.as_u16() {
            401 => Outcome::AuthRequired,
            403 => Outcome::Forbidden,
            429 => Outcome::RateLimited,
            408 | 504 => Outcome::Timeout,
            _ => Outcome::UpstreamError,
        };
        Self {
            outcome,
            detail: format!("the server answered HTTP {}", status.as_u16()),
            http_status: Some(status.as_u16()),
        }
    }

    /// The deadline passed.
    pub fn timeout(what: &str) -> Self {
        Self::new(Outcome::Timeout, format!("{what} took longer than its deadline"))
    }
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
    /// The next message; none after the response.
    pub async fn next(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        match self {
            Messages::Routed(routed) => routed.receiver.recv().await,
        }
    }
}
