//! What a response to a POST is, by its head: a reply, or a refusal of some
//! class. Of a refusal's body only a JSON-RPC error is looked at (R21).

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::events::Events;
use super::post::UnderWay;
use crate::upstream::era::{self, Found, HEADER_MISMATCH, UNSUPPORTED_VERSION, is_modern_error};
use crate::upstream::{Messages, Outcome, ReplyBody, UpstreamError, handshake};

/// No JSON-RPC error is larger.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// A response that is no reply.
pub(crate) struct Refusal {
    pub(crate) error: UpstreamError,
    status: StatusCode,
    rpc: Option<RpcError>,
}

/// A JSON-RPC error in the body of a refusal.
struct RpcError {
    code: i64,
    /// It answers the request: it bears its id.
    ours: bool,
    body: Bytes,
}

/// The content types that pass (R21).
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Media {
    Json,
    Events,
    Other,
}

/// Reads the head of the response to the request `id`. One that is `under_way` goes on if the stream of its answer ends
/// too early.
pub(crate) async fn read(
    response: Response<Incoming>,
    id: u64,
    limit: u64,
    mut under_way: Option<UnderWay>,
) -> Result<ReplyBody, Refusal> {
    let status = response.status();
    let media = media(response.headers());
    if let (Some(under_way), true) = (&mut under_way, status != StatusCode::OK || media != Media::Events) {
        // The server is done with it.
        under_way.answered();
    }
    if status != StatusCode::OK {
        return Err(Refusal::read(response, &media, id).await);
    }
    if response.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Refusal::new(status, "the server answered with a content encoding that was not asked for"));
    }
    let declared = http_body::Body::size_hint(response.body()).lower();
    match media {
        Media::Json | Media::Events if declared > limit => {
            Err(Refusal::new(status, "the answer is larger than maxResponseBytes"))
        }
        Media::Json => Ok(ReplyBody::Json(response.into_body())),
        Media::Events => {
            let events = Events::new(response.into_body(), id, limit, under_way);
            Ok(ReplyBody::Messages(Messages::Events(Box::new(events))))
        }
        Media::Other => Err(Refusal::new(status, "the server answered neither application/json nor text/event-stream")),
    }
}

/// The content type without its parameters.
pub(crate) fn media(headers: &HeaderMap) -> Media {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map_or("", str::trim);
    if essence.eq_ignore_ascii_case("application/json") {
        Media::Json
    } else if essence.eq_ignore_ascii_case("text/event-stream") {
        Media::Events
    } else {
        Media::Other
    }
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, what: &str) -> Self {
        let error =
            UpstreamError { http_status: Some(status.as_u16()), ..UpstreamError::new(Outcome::UpstreamError, what) };
        Self { error, status, rpc: None }
    }

    /// Reads a response that is no reply, its body only if that may hold a JSON-RPC error.
    pub(crate) async fn read(response: Response<Incoming>, media: &Media, id: u64) -> Self {
        let status = response.status();
        if status.is_success() {
            return Self::new(status, "the server took the request without answering it");
        }
        if status.is_redirection() {
            return Self::new(status, "the server answered with a redirect, and none is followed");
        }
        let rpc = if status.is_client_error() && *media == Media::Json {
            let body = Limited::new(response.into_body(), MAX_ERROR_BODY).collect().await;
            body.ok().and_then(|body| RpcError::read(body.to_bytes(), id))
        } else {
            None
        };
        Self { error: UpstreamError::status(status), status, rpc }
    }

    /// Whether the server says that it does not know the session that the request named.
    pub(crate) fn session_unknown(&self) -> bool {
        match (self.status.as_u16(), &self.rpc) {
            (404 | 400, None) => true,
            // an answer to this very request, from a server that knew what it was about
            (404, Some(rpc)) => !(rpc.ours && rpc.code == -32601),
            // what the SDKs of the legacy era say of a session: -32000, later -32001; the id is often echoed
            (400, Some(rpc)) => !rpc.modern() && (!rpc.ours || matches!(rpc.code, -32000 | -32001)),
            _ => false,
        }
    }

    /// The refusal of an `initialize`: the modern protocol alone, or any other failure.
    pub(crate) fn of_initialize(self) -> (UpstreamError, Fallback) {
        match self.rpc {
            Some(rpc) if rpc.modern() || rpc.code == -32601 => (handshake::refused(rpc.code), Fallback::None),
            _ if may_be_sse(self.status) => (self.error, Fallback::Sse),
            _ => (self.error, Fallback::None),
        }
    }

    /// Whether a server misses a session in a request of the modern era: it is of the legacy one, and read nothing of it.
    pub(crate) fn session_missing(&self) -> bool {
        match &self.rpc {
            None => may_be_sse(self.status),
            Some(rpc) if rpc.ours => may_be_sse(self.status) && matches!(rpc.code, -32000 | -32001),
            Some(rpc) => may_be_sse(self.status) && !rpc.modern(),
        }
    }

    /// What the refusal of a `server/discover` shows: only these statuses are those of servers that know nothing of it,
    /// and only without an error of the modern protocol (R5). Anything else leaves the era unknown.
    pub(crate) fn of_discover(self) -> Result<Found, UpstreamError> {
        match self.rpc {
            Some(rpc) if rpc.modern() => era::found(&rpc.body),
            _ if may_be_sse(self.status) => Ok(Found::Legacy),
            _ => Err(self.error),
        }
    }

    /// Whether the server refused, unread, because it speaks another revision than it was asked in.
    pub(crate) fn version_refused(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.code() == Some(UNSUPPORTED_VERSION)
    }

    /// Whether the server refused, unread, because of the headers that 2026-07-28 asks for.
    pub(crate) fn headers_refused(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST && self.code() == Some(HEADER_MISMATCH)
    }

    fn code(&self) -> Option<i64> {
        self.rpc.as_ref().map(|rpc| rpc.code)
    }

    /// A JSON-RPC error that answers the request is a message, whatever its status; else a failure.
    pub(crate) fn into_reply(self) -> Result<ReplyBody, UpstreamError> {
        let answer = self.rpc.filter(|rpc| rpc.ours && self.error.outcome == Outcome::UpstreamError);
        let Some(answer) = answer else { return Err(self.error) };
        Ok(ReplyBody::Messages(Messages::one(answer.body)))
    }
}

/// What is left to try after an `initialize` was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fallback {
    /// The server may speak HTTP+SSE.
    Sse,
    /// Nothing.
    None,
}

/// The statuses by which a server without Streamable HTTP refuses a POST (R5).
pub(crate) fn may_be_sse(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 404 | 405)
}

impl RpcError {
    fn read(body: Bytes, id: u64) -> Option<Self> {
        #[derive(Deserialize)]
        struct Response<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
            error: Code,
        }
        #[derive(Deserialize)]
        struct Code {
            code: i64,
        }
        let Response { id: answered, error } = serde_json::from_slice(&body).ok()?;
        let (ours, code) = (answered.is_some_and(|answered| answered.get().parse() == Ok(id)), error.code);
        Some(Self { code, ours, body })
    }

    /// A code that only the modern protocol has.
    fn modern(&self) -> bool {
        is_modern_error(self.code)
    }
}
