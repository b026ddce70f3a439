//! The headers that an upstream is sent (R22), put together once.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::snapshot::{AuthScheme, Transport};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::target::Target;
use crate::upstream::{CallerPart, Endpoint, Outcome, UpstreamError};

/// Names this software to upstreams.
pub(crate) const USER_AGENT: &str = concat!("switchboard/", env!("CARGO_PKG_VERSION"));
/// Both forms in which a server may answer a POST.
const ACCEPT: &str = "application/json, text/event-stream";

/// The header of a Streamable HTTP session.
pub(crate) const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The header of where a stream goes on.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The header of the negotiated revision, from 2025-06-18 on.
pub(crate) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// The header of 2026-07-28 that repeats the method.
pub(crate) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// What a GET of a session bears of what its POSTs bear; `from` is the last event that was seen of the stream.
pub(crate) fn for_events(posted: &HeaderMap, from: Option<&HeaderValue>) -> HeaderMap {
    let mut headers = posted.clone();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.extend(from.map(|from| (LAST_EVENT_ID, from.clone())));
    headers
}

/// What every POST to this upstream bears: ours, then the declared ones, the credential, the caller's.
pub(crate) fn base(endpoint: &Endpoint, caller: CallerPart, target: &Target) -> Result<HeaderMap, UpstreamError> {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(header::HOST, target.authority.clone());
    headers.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    declared(endpoint, &mut headers)?;
    if let Some((name, value)) = credential(endpoint, &caller.overrides)?
        && !is_protocol(&name)
    {
        headers.insert(name, value);
    }
    for (name, value) in caller.overrides {
        if !is_protocol(&name) {
            headers.insert(name, value);
        }
    }
    let set = headers.clone();
    for (name, value) in caller.headers {
        if !is_protocol(&name) && !set.contains_key(&name) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

fn declared(endpoint: &Endpoint, headers: &mut HeaderMap) -> Result<(), UpstreamError> {
    let Transport::Http { headers: names, .. } = &endpoint.server.transport else {
        return Err(unusable("the server is not reached by HTTP"));
    };
    if names.len() != endpoint.secrets.headers.len() {
        return Err(unusable("the server's declared headers have no values"));
    }
    for (name, value) in names.iter().zip(&endpoint.secrets.headers) {
        let parsed = name.parse::<HeaderName>().ok().zip(sensitive(value.trim()));
        let Some((name, value)) = parsed else {
            return Err(unusable(format!("the declared header {name} has a value that HTTP cannot carry")));
        };
        if !is_protocol(&name) {
            headers.insert(name, value);
        }
    }
    Ok(())
}

/// Whether the caller brings a credential in the place of ours.
pub(crate) fn is_replaced(scheme: &AuthScheme, overrides: &[(HeaderName, HeaderValue)]) -> bool {
    match scheme {
        AuthScheme::None => false,
        AuthScheme::Header(name) => overrides.iter().any(|(other, _)| other.as_str().eq_ignore_ascii_case(name)),
        AuthScheme::Bearer | AuthScheme::Basic | AuthScheme::Token | AuthScheme::Fetched(_) => {
            overrides.iter().any(|(name, _)| *name == header::AUTHORIZATION)
        }
    }
}

/// Our credential, unless the caller brings another in its place, or it is fetched when there is something to send. One
/// that cannot be sent fails: nothing is asked without it.
fn credential(
    endpoint: &Endpoint,
    overrides: &[(HeaderName, HeaderValue)],
) -> Result<Option<(HeaderName, HeaderValue)>, UpstreamError> {
    let scheme = &endpoint.server.auth.scheme;
    if matches!(scheme, AuthScheme::None | AuthScheme::Fetched(_)) || is_replaced(scheme, overrides) {
        return Ok(None);
    }
    let value = endpoint.secrets.auth.as_deref().ok_or_else(|| unusable("the server's credential is missing"))?;
    let rendered = render_credential(scheme, value);
    rendered.map(Some).ok_or_else(|| unusable("the server's credential has a value that HTTP cannot carry"))
}

/// Renders a credential, ours or a caller's, as a header; none if there is nothing to send or HTTP cannot carry it.
/// White space around a value, such as the newline at the end of a file, is not part of it.
pub fn render_credential(scheme: &AuthScheme, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let value = value.trim();
    let rendered = match scheme {
        AuthScheme::None => return None,
        AuthScheme::Header(name) => return Some((name.parse().ok()?, sensitive(value)?)),
        AuthScheme::Bearer | AuthScheme::Fetched(_) => {
            format!("Bearer {}", without_word(value, "Bearer ").unwrap_or(value))
        }
        AuthScheme::Basic => match without_word(value, "Basic ") {
            Some(encoded) => format!("Basic {encoded}"),
            None => format!("Basic {}", STANDARD.encode(value)),
        },
        AuthScheme::Token => format!("token {value}"),
    };
    Some((header::AUTHORIZATION, sensitive(&rendered)?))
}

fn without_word<'a>(value: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = value.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Names that only we write: what frames a message, and what the protocol says with headers.
fn is_protocol(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("content-")
        || name.starts_with("mcp-")
        || name.starts_with("proxy-")
        || matches!(
            name,
            "host"
                | "accept"
                | "accept-encoding"
                | "connection"
                | "expect"
                | "keep-alive"
                | "te"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "last-event-id"
        )
}

fn unusable(what: impl Into<String>) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scheme: &AuthScheme, value: &str, expected: Option<(&str, &str)>) {
        let rendered = render_credential(scheme, value);
        assert!(rendered.iter().all(|(_, value)| value.is_sensitive()));
        let rendered = rendered.as_ref().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(rendered, expected, "{scheme:?} {value}");
    }

    #[test]
    fn r22_a_credential_is_rendered_by_its_scheme() {
        check(&AuthScheme::None, "v", None);
        check(&AuthScheme::Header("x-api-key".to_owned()), "v", Some(("x-api-key", "v")));
        check(&AuthScheme::Header("authorization".to_owned()), "Custom v", Some(("authorization", "Custom v")));
        check(&AuthScheme::Bearer, "v", Some(("authorization", "Bearer v")));
        check(&AuthScheme::Bearer, "Bearer v", Some(("authorization", "Bearer v")));
        check(&AuthScheme::Basic, "user:pass", Some(("authorization", "Basic dXNlcjpwYXNz")));
        check(&AuthScheme::Basic, "dXNlcjpwYXNz", Some(("authorization", "Basic ZFhObGNqcHdZWE56")));
        check(&AuthScheme::Basic, "Basic dXNlcjpwYXNz", Some(("authorization", "Basic dXNlcjpwYXNz")));
        check(&AuthScheme::Token, "v", Some(("authorization", "token v")));
    }

    #[test]
    fn a_newline_ends_a_file_and_never_a_header() {
        check(&AuthScheme::Bearer, "v\n", Some(("authorization", "Bearer v")));
        check(&AuthScheme::Basic, "user:pass\n", Some(("authorization", "Basic dXNlcjpwYXNz")));
        check(&AuthScheme::Bearer, "v\r\nHost: elsewhere", None);
        check(&AuthScheme::Header("x y".to_owned()), "v", None);
    }
}
