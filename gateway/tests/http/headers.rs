//! Which headers a server is sent (R22, R24).

use crds::snapshot::{AuthScheme, HttpWire, Transport};
use gateway::upstream::http::{HttpUpstream, render_credential};
use gateway::upstream::{CallerPart, Endpoint, Outcome};
use http::{HeaderName, HeaderValue};

use crate::calls::{call, egress, endpoint};
use crate::server::{Seen, Server, streamable};

fn declare(endpoint: &mut Endpoint, declared: &[(&str, &str)]) {
    let Transport::Http { headers, .. } = &mut endpoint.server.transport else { panic!("an HTTP server") };
    *headers = declared.iter().map(|(name, _)| (*name).to_owned()).collect();
    endpoint.secrets.headers = declared.iter().map(|(_, value)| (*value).to_owned()).collect();
}

fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static(name), HeaderValue::from_static(value))
}

/// The call as the server sees it.
async fn seen(change: impl FnOnce(&mut Endpoint), caller: CallerPart) -> Seen {
    let server = Server::start(|seen, _| streamable(seen)).await;
    let mut endpoint = endpoint(&server.url(), HttpWire::Auto);
    change(&mut endpoint);
    let upstream = HttpUpstream::new(&endpoint, caller, None, egress(), None);
    call(&upstream).await.unwrap();
    let mut seen = server.script.of("tools/call").pop().unwrap();
    assert_eq!(seen.headers.remove("host"), Some(server.address.to_string()));
    seen
}

#[tokio::test]
async fn r22_a_plain_call_bears_ours_and_nothing_else() {
    let seen = seen(|_| {}, CallerPart::default()).await;
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/mcp?key=secret-of-the-url"));
    let mut headers: Vec<_> = seen.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    headers.retain(|header| !header.starts_with("content-length: "));
    headers.sort();
    assert_eq!(
        headers,
        [
            "accept-encoding: identity",
            "accept: application/json, text/event-stream",
            "content-type: application/json",
            "mcp-protocol-version: 2025-06-18",
            "mcp-session-id: s1",
            concat!("user-agent: switchboard/", env!("CARGO_PKG_VERSION")),
        ]
    );
}

#[tokio::test]
async fn r22_a_callers_header_sets_nothing_that_is_set_already() {
    let caller = CallerPart {
        headers: vec![
            header("x-tenant", "callers"),
            header("x-extra", "callers"),
            header("authorization", "Bearer callers"),
            header("content-type", "text/plain"),
            header("host", "elsewhere"),
            header("mcp-session-id", "callers"),
            header("mcp-method", "callers"),
            header("connection", "close"),
        ],
        ..CallerPart::default()
    };
    let seen = seen(
        |endpoint| {
            declare(endpoint, &[("x-tenant", "declared"), ("content-type", "declared")]);
            endpoint.server.auth.scheme = AuthScheme::Bearer;
            endpoint.secrets.auth = Some("ours".to_owned());
        },
        caller,
    )
    .await;
    let of = |name: &str| seen.headers.get(name).map(String::as_str);
    assert_eq!(of("x-tenant"), Some("declared"));
    assert_eq!(of("x-extra"), Some("callers"));
    assert_eq!(of("authorization"), Some("Bearer ours"));
    assert_eq!(of("content-type"), Some("application/json"));
    assert_eq!(of("mcp-session-id"), Some("s1"));
    assert_eq!((of("mcp-method"), of("connection")), (None, None));
}

#[tokio::test]
async fn r24_a_callers_credential_replaces_ours() {
    let caller = CallerPart {
        overrides: render_credential(&AuthScheme::Bearer, "callers").into_iter().collect(),
        ..CallerPart::default()
    };
    let seen = seen(
        |endpoint| {
            declare(endpoint, &[("authorization", "declared")]);
            endpoint.server.auth.scheme = AuthScheme::Bearer;
            endpoint.secrets.auth = Some("ours".to_owned());
        },
        caller,
    )
    .await;
    assert_eq!(seen.headers["authorization"], "Bearer callers");
}

#[tokio::test]
async fn a_credential_that_cannot_be_sent_is_not_left_out() {
    for secret in [None, Some("secret\nsecret".to_owned())] {
        let server = Server::start(|seen, _| streamable(seen)).await;
        let mut endpoint = endpoint(&server.url(), HttpWire::Auto);
        endpoint.server.auth.scheme = AuthScheme::Bearer;
        endpoint.secrets.auth = secret;
        let failed =
            call(&HttpUpstream::new(&endpoint, CallerPart::default(), None, egress(), None)).await.unwrap_err();
        assert_eq!(failed.outcome, Outcome::UpstreamError);
        assert!(!failed.to_string().contains("secret"));
        assert_eq!(server.script.connections(), 0);
    }
}
