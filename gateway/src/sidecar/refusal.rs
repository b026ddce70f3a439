//! What an agent is told where the gateway has not answered.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

use super::token::NoToken;
use super::way::WayError;
use crate::body::Body;
use crate::json;
use crate::reject::Reject;
use crate::rest::{self, Endpoint};

/// Why a request is not answered by the gateway.
pub(super) enum Refusal {
    /// It is none that goes on.
    Request(Reject),
    /// There is nothing that the gateway could know the pod by.
    NoToken(NoToken),
    /// The gateway, by its origin, does not answer.
    Way(String, WayError),
    /// Something before the gateway, by its origin, sends its clients elsewhere.
    Redirect(String),
}

impl Refusal {
    /// The label in metrics.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Refusal::Request(reject) => reject.as_str(),
            Refusal::NoToken(_) => "no_token",
            Refusal::Way(_, WayError::Unreachable(_)) => "unreachable",
            Refusal::Way(_, WayError::Full) => "busy",
            Refusal::Way(_, WayError::Broken) => "broken",
            Refusal::Way(_, WayError::NotHttp) => "not_http",
            Refusal::Redirect(_) => "redirect",
        }
    }

    /// The whole response, as the gateway's own refusals are: a JSON-RPC error, or at one of LiteLLM's endpoints its body.
    pub(super) fn into_response(self, rest: Option<Endpoint>) -> Response<Body> {
        let word = self.as_str();
        let (status, code, message) = match self {
            // What the gateway says of it is of settings, of which there are none here.
            Refusal::Request(Reject::Origin) => (
                StatusCode::FORBIDDEN,
                json::INVALID_REQUEST,
                "this Origin is not allowed: a sidecar is for the agents of its pod, not for pages".to_owned(),
            ),
            Refusal::Request(reject) => {
                return match rest {
                    None => reject.into_response(),
                    Some(endpoint) => rest::refusal(endpoint, reject),
                };
            }
            Refusal::NoToken(why) => {
                (StatusCode::SERVICE_UNAVAILABLE, json::INTERNAL_ERROR, format!("the sidecar has no token: {why}"))
            }
            Refusal::Way(origin, why) => {
                let is_busy = matches!(why, WayError::Full);
                let status = if is_busy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::BAD_GATEWAY };
                (status, json::INTERNAL_ERROR, format!("the gateway {origin} {why}"))
            }
            Refusal::Redirect(origin) => (
                StatusCode::BAD_GATEWAY,
                json::INTERNAL_ERROR,
                format!(
                    "{origin} sends its clients elsewhere, which is not followed: --gateway names the gateway itself"
                ),
            ),
        };
        let body = match rest {
            None => {
                let mut body = Vec::with_capacity(256);
                json::error(b"null", code, &message, None, &mut body);
                body
            }
            Some(_) => json::detail(word, &message),
        };
        let mut response = Response::new(Body::whole(Bytes::from(body)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
