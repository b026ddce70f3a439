//! Why a request is refused before any message of it is answered, and how
//! that looks on the wire: status, headers and body in one table.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::denial::{Reason, RequestId};
use crate::json;
use crate::owner::Owner;

/// A refusal of a whole HTTP request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reject {
    /// No credential, and no Anonymous binding.
    Unauthenticated,
    /// A credential that is no live caller's.
    InvalidCredential(NotTaken),
    /// A token whose issuer's keys have never been had.
    NoKeys,
    /// An invalid credential, from an address that presented too many of them.
    TooManyGuesses,
    /// A header that may stand once stands twice.
    RepeatedHeader(&'static str),
    /// Header names and values over 64 KiB, or more than 100 of them.
    HeadersTooLarge,
    /// An Origin that is not allowed.
    Origin,
    /// A Host that is not loopback, on a loopback listener.
    Host,
    /// A path that is not ours.
    NotFound,
    /// A scoped path that leaves nothing for the caller; unknown and forbidden look the same. With the id that the log has it
    /// by.
    NoSuchServer(String, Option<RequestId>),
    /// A method other than these.
    Method(&'static str),
    /// Accept without JSON or without event streams.
    NotAcceptable,
    /// A body that does not say it is JSON.
    ContentType,
    /// A compressed body.
    ContentEncoding,
    /// A body over the limit.
    BodyTooLarge,
    /// The pod holds as many bodies as it may.
    Busy,
    /// The body did not come in time or broke off.
    BodyIncomplete,
    /// Not JSON, with what and where.
    Parse(String),
    /// JSON, but no request.
    Invalid(String),
    /// A request, but for a member of its params.
    Params(String),
    /// A revision that is not spoken.
    Version,
    /// A session id that is unknown, forged, foreign, expired or ended.
    NoSuchSession,
    /// What it is about is kept by this process alone, which is to answer it; if it is no more, it is answered with this
    /// message, or its session is unknown.
    Elsewhere(Owner, Option<Bytes>),
    /// The caller, or all together, have as many streams as they may.
    TooManyStreams,
    /// No random bytes for a session id.
    Internal,
}

/// Why a credential is not taken. Its sender is not told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotTaken {
    /// Why.
    pub reason: Reason,
    /// `namespace/name` of the binding that it was of.
    pub binding: Option<Box<str>>,
}

impl NotTaken {
    /// Of nobody's credential.
    pub fn new(reason: Reason) -> Self {
        Self { reason, binding: None }
    }
}

impl Reject {
    /// The reason's label in metrics and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Reject::Unauthenticated => "unauthenticated",
            Reject::InvalidCredential(_) => "invalid_credential",
            Reject::NoKeys => "no_issuer_keys",
            Reject::TooManyGuesses => "too_many_invalid_credentials",
            Reject::RepeatedHeader(_) => "repeated_header",
            Reject::HeadersTooLarge => "headers_too_large",
            Reject::Origin => "origin",
            Reject::Host => "host",
            Reject::NotFound => "not_found",
            Reject::NoSuchServer(..) => "no_such_server",
            Reject::Method(_) => "method",
            Reject::NotAcceptable => "not_acceptable",
            Reject::ContentType => "content_type",
            Reject::ContentEncoding => "content_encoding",
            Reject::BodyTooLarge => "body_too_large",
            Reject::Busy => "busy",
            Reject::BodyIncomplete => "body_incomplete",
            Reject::Parse(_) => "parse",
            Reject::Invalid(_) => "invalid",
            Reject::Params(_) => "params",
            Reject::Version => "version",
            Reject::NoSuchSession | Reject::Elsewhere(..) => "no_such_session",
            Reject::TooManyStreams => "too_many_streams",
            Reject::Internal => "internal",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Reject::Unauthenticated | Reject::InvalidCredential(_) => StatusCode::UNAUTHORIZED,
            Reject::TooManyGuesses | Reject::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Reject::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Reject::Origin | Reject::Host => StatusCode::FORBIDDEN,
            Reject::NotFound | Reject::NoSuchServer(..) | Reject::NoSuchSession | Reject::Elsewhere(..) => {
                StatusCode::NOT_FOUND
            }
            Reject::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Reject::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Reject::ContentType | Reject::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reject::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reject::Busy | Reject::NoKeys => StatusCode::SERVICE_UNAVAILABLE,
            Reject::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Reject::RepeatedHeader(_) | Reject::Parse(_) | Reject::Invalid(_) | Reject::Params(_) | Reject::Version => {
                StatusCode::BAD_REQUEST
            }
            Reject::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is wrong, and what to do; nothing where the body says it by itself.
    pub fn message(&self) -> String {
        match self {
            Reject::RepeatedHeader(name) => format!("{name} stands twice; send it once"),
            Reject::HeadersTooLarge => "the headers are over 64 KiB, or more than 100".into(),
            Reject::Origin => "this Origin is not allowed; the settings' allowedOrigins lists those that are".into(),
            Reject::Host => "this gateway listens on loopback only; address it as localhost or 127.0.0.1".into(),
            Reject::NotFound => "there is nothing at this path; MCP is served at /mcp, for old clients at /sse".into(),
            Reject::Method(allowed) => format!("this path takes {allowed}"),
            Reject::NotAcceptable => "Not Acceptable: Accept must name application/json and text/event-stream".into(),
            Reject::ContentType => "Content-Type must be application/json".into(),
            Reject::ContentEncoding => "the body must not be compressed".into(),
            Reject::BodyTooLarge => "the body is over 4 MiB".into(),
            Reject::Busy => "the gateway holds as many requests as it may; try again".into(),
            Reject::NoKeys => "the keys of the token's issuer cannot be had; try again".into(),
            Reject::BodyIncomplete => "the body did not arrive in time".into(),
            Reject::Parse(what) | Reject::Invalid(what) | Reject::Params(what) => what.clone(),
            Reject::Version => {
                "Unsupported MCP-Protocol-Version; supported: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28".into()
            }
            Reject::NoSuchSession | Reject::Elsewhere(..) => "Session not found; initialize again".into(),
            Reject::TooManyStreams => "there are as many streams as there may be; end one, or try again later".into(),
            Reject::Internal => "the operating system gives no random bytes".into(),
            Reject::Unauthenticated | Reject::InvalidCredential(_) | Reject::TooManyGuesses | Reject::NoSuchServer(..) => {
                String::new()
            }
        }
    }

    /// The body: LiteLLM's for who and where, JSON-RPC for the rest (REQUIREMENTS, Answers).
    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(128);
        match self {
            Reject::Unauthenticated | Reject::InvalidCredential(_) => body.extend_from_slice(
                br#"{"detail":{"error":"authentication_required","message":"Authenticate with the gateway to use the MCP endpoint."}}"#,
            ),
            Reject::TooManyGuesses => body.extend_from_slice(
                br#"{"detail":{"error":"too_many_invalid_credentials","message":"Too many invalid credentials came from this address. Authenticate with a valid key."}}"#,
            ),
            Reject::NoSuchServer(name, _) => {
                body.extend_from_slice(br#"{"detail":"#);
                json::string(&format!("MCP server, toolset, or access group '{name}' not found"), &mut body);
                body.push(b'}');
            }
            Reject::Parse(_) => json::error(b"null", -32700, &self.message(), None, &mut body),
            Reject::Params(_) => json::error(b"null", json::INVALID_PARAMS, &self.message(), None, &mut body),
            _ => json::error(b"null", json::INVALID_REQUEST, &self.message(), None, &mut body),
        }
        body
    }

    /// The whole response.
    pub fn into_response(self) -> Response<Body> {
        let body = self.body();
        self.with_body(body)
    }

    /// The whole response, with this body in the place of its own.
    pub fn with_body(self, body: Vec<u8>) -> Response<Body> {
        let mut response = Response::new(Body::whole(Bytes::from(body)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Reject::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Reject::InvalidCredential(_) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#));
            }
            Reject::Method(allowed) => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            Reject::Busy | Reject::NoKeys | Reject::TooManyStreams => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Reject::TooManyGuesses => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                // Each further guess costs a connection.
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
