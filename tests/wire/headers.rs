//! The headers of LiteLLM's clients: keys, filters, and credentials for
//! upstreams (R1, R22, R24).

use http::StatusCode;
use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::raw;
use tests::upstream::{Script, Upstream};

use super::scene::{KEY, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn r1_the_first_key_header_decides_and_an_invalid_one_is_401() {
    let scene = Scene::of(Script::echo());
    let bearer = format!("Bearer {KEY}");
    let lower = format!("bearer {KEY}");
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("x-litellm-api-key", KEY)], true),
        (&[("x-litellm-api-key", &bearer)], true),
        (&[("X-LiteLLM-API-Key", &bearer)], true),
        (&[("authorization", &bearer)], true),
        (&[("authorization", &lower)], true),
        (&[("x-api-key", KEY)], true),
        (&[("x-litellm-api-key", KEY), ("authorization", "Bearer other")], true),
        (&[("x-litellm-api-key", KEY), ("x-api-key", "other")], true),
        (&[("x-litellm-api-key", "other"), ("authorization", &bearer)], false),
        (&[("authorization", "Bearer other"), ("x-api-key", KEY)], false),
        (&[("authorization", "Basic dTpw")], false),
        (&[("x-litellm-api-key", "")], false),
        (&[("x-litellm-api-key", &KEY[1..])], false),
        (&[], false),
    ];
    for (headers, admitted) in cases {
        let mut client = Client::new(&scene.switchboard.mcp);
        for (name, value) in *headers {
            client.set_header(name, value);
        }
        let answer = client.request("tools/list", "{}").await;
        let expected = if *admitted { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(answer.status, expected, "{headers:?}: {answer:?}");
        if !admitted {
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"), "{answer:?}");
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(body.get("detail").is_some(), "LiteLLM's body: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_two_values_of_a_key_header_are_400_and_identity_comes_before_the_body() {
    let scene = Scene::of(Script::echo());
    let address = scene.client().address();
    for name in ["x-litellm-api-key", "Authorization", "x-api-key"] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\n{name}: Bearer {KEY}\r\n{name}: Bearer {KEY}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: 2\r\n"
        );
        assert_eq!(raw::exchange(address, &head, b"{}").await.status(), Some(StatusCode::BAD_REQUEST), "{name}");
    }
    // No byte of the announced body is sent: the answer comes all the same.
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nx-api-key: no\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    );
    assert_eq!(raw::exchange(address, &head, b"").await.status(), Some(StatusCode::UNAUTHORIZED));
}

/// Four servers; the key has three, and a group of two, one of which it may not use.
struct Many {
    _manifests: Manifests,
    _upstreams: Vec<Upstream>,
    switchboard: Switchboard,
}

fn many() -> Many {
    let manifests = Manifests::default();
    let mut upstreams = Vec::new();
    for (name, alias) in [("one", "Alpha_One"), ("two", "beta"), ("three", "gamma"), ("four", "hidden")] {
        let upstream = Upstream::start(Script::echo());
        let http = json!({"url": upstream.url(), "transport": "StreamableHTTP"});
        manifests.server(name, &json!({"alias": alias, "http": http, "sessionMode": "Shared"}));
        upstreams.push(upstream);
    }
    manifests.group("dev", "dev group", &["two", "three", "four"]).group("closed", "closed", &["four"]);
    manifests.key("caller", KEY, &["one", "two", "three"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    Many { _manifests: manifests, _upstreams: upstreams, switchboard }
}

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

const ALPHA: &str = "Alpha_One-echo";
const BETA: &str = "beta-echo";
const GAMMA: &str = "gamma-echo";

#[tokio::test(flavor = "multi_thread")]
async fn filter_headers_narrow_and_never_widen() {
    let many = many();
    let all: &[&str] = &[ALPHA, BETA, GAMMA];
    let (servers, groups) = ("x-mcp-servers", "x-mcp-access-groups");
    let cases: &[(Headers<'_>, &[&str])] = &[
        (&[], all),
        (&[(servers, "")], all),
        (&[(groups, "")], all),
        (&[(servers, "beta")], &[BETA]),
        (&[(servers, "BETA")], &[BETA]),
        (&[(servers, "Alpha_One")], &[ALPHA]),
        (&[(servers, "alpha one")], &[ALPHA]),
        (&[(servers, "alphaone")], &[ALPHA]),
        (&[(servers, " beta , gamma ,")], &[BETA, GAMMA]),
        (&[(servers, "dev group")], &[BETA, GAMMA]),
        (&[(servers, "dev_group")], &[BETA, GAMMA]),
        (&[(groups, "dev_group")], &[BETA, GAMMA]),
        (&[(groups, "Dev-Group")], &[BETA, GAMMA]),
        (&[(servers, "Alpha_One,dev_group")], all),
        (&[(servers, "Alpha_One"), (groups, "dev_group")], all),
        (&[(servers, "beta,nope")], &[BETA]),
        (&[(servers, "nope")], &[]),
        (&[(groups, "nope")], &[]),
        (&[(servers, "hidden")], &[]),
        (&[(groups, "closed")], &[]),
        (&[(servers, "hidden,gamma")], &[GAMMA]),
    ];
    for (headers, expected) in cases {
        let mut client = Client::new(&many.switchboard.mcp).key(KEY);
        for (name, value) in *headers {
            client.set_header(name, value);
        }
        client.initialize("2025-11-25").await;
        let mut tools = client.tools().await;
        tools.sort();
        assert_eq!(tools, *expected, "{headers:?}");
        for tool in [ALPHA, BETA, GAMMA, "hidden-echo"] {
            let answer = client.call(tool, "{}").await;
            assert_eq!(answer.is_tool_error(), !expected.contains(&tool), "{headers:?} {tool}: a call is as the list");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_called_name_may_be_spelled_otherwise_and_bare_only_if_unique() {
    let many = many();
    let mut client = Client::new(&many.switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    for (tool, found) in [("alphaone-echo", true), ("BETA-echo", true), ("echo", false), ("hidden-echo", false)] {
        let answer = client.call(tool, "{}").await;
        assert_eq!(!answer.is_tool_error(), found, "{tool}: {answer:?}");
    }
    client.set_header("x-mcp-servers", "gamma");
    assert!(!client.call("echo", "{}").await.is_tool_error(), "unique among what is left");
}

/// The scene with this auth; gives what the upstream saw under `header` at a call.
async fn seen(auth: &Value, headers: &[(&str, &str)], header: &str) -> Option<String> {
    let scene = Scene::with(Script::echo(), &json!({"auth": auth}));
    let mut client = scene.client();
    for (name, value) in headers {
        client.set_header(name, value);
    }
    client.initialize("2025-11-25").await;
    let answer = client.call("up-echo", "{}").await;
    assert!(!answer.is_tool_error(), "{auth} {headers:?}: {answer:?}");
    scene.upstream.received_of("tools/call")[0].header(header).map(str::to_owned)
}

/// Each auth type, our own value rendered, and a caller's `mine` rendered.
fn auth_types() -> Vec<(Value, &'static str, &'static str, &'static str)> {
    vec![
        (json!({"type": "ApiKey", "apiKey": {"value": "ours"}}), "x-api-key", "ours", "mine"),
        (json!({"type": "ApiKey", "apiKey": {"headerName": "X-Own", "value": "ours"}}), "x-own", "ours", "mine"),
        (json!({"type": "Bearer", "bearer": {"value": "ours"}}), "authorization", "Bearer ours", "Bearer mine"),
        (json!({"type": "Token", "token": {"value": "ours"}}), "authorization", "token ours", "token mine"),
        (json!({"type": "Authorization", "authorization": {"value": "ours"}}), "authorization", "ours", "mine"),
        (json!({"type": "Basic", "basic": {"value": "ours"}}), "authorization", "Basic b3Vycw==", "Basic bWluZQ=="),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_x_mcp_auth_is_rendered_by_the_auth_type() {
    for (mut auth, header, ours, mine) in auth_types() {
        assert_eq!(seen(&auth, &[], header).await.as_deref(), Some(ours), "{auth}");
        auth["clientSide"] = json!("Replace");
        let rendered = seen(&auth, &[("x-mcp-auth", "mine")], header).await;
        assert_eq!(rendered.as_deref(), Some(mine), "{auth}");
    }
    let bearer = json!({"type": "Bearer", "bearer": {"value": "ours"}, "clientSide": "Replace"});
    let twice = seen(&bearer, &[("x-mcp-auth", "Bearer mine")], "authorization").await;
    assert_eq!(twice.as_deref(), Some("Bearer mine"), "one Bearer is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn r24_client_side_settles_where_x_mcp_auth_counts() {
    let auth = |client_side: &str| json!({"type": "Bearer", "bearer": {"value": "ours"}, "clientSide": client_side});
    let mine = ("x-mcp-auth", "mine");
    let narrowed = ("x-mcp-servers", "up");
    let header = "authorization";
    let default = json!({"type": "Bearer", "bearer": {"value": "ours"}});
    assert_eq!(seen(&default, &[mine], header).await.as_deref(), Some("Bearer ours"), "having only one is not enough");
    assert_eq!(seen(&default, &[mine, narrowed], header).await.as_deref(), Some("Bearer mine"));
    assert_eq!(seen(&auth("Replace"), &[mine], header).await.as_deref(), Some("Bearer mine"));
    assert_eq!(seen(&auth("Deny"), &[mine, narrowed], header).await.as_deref(), Some("Bearer ours"));
    let none = json!({"type": "None"});
    assert_eq!(seen(&none, &[mine, narrowed], header).await, None, "nothing to render it by");
    let forward = json!({"type": "None", "clientSide": "Forward"});
    assert_eq!(seen(&forward, &[("x-mcp-auth", "Custom mine")], header).await.as_deref(), Some("Custom mine"));
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_renamed_to_authorization_the_header_is_no_gateway_key() {
    let upstream = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    let auth = json!({"type": "Bearer", "bearer": {"value": "ours"}, "clientSide": "Replace"});
    let http = json!({"url": upstream.url(), "transport": "StreamableHTTP"});
    manifests.server("up", &json!({"http": http, "sessionMode": "Shared", "auth": auth})).key("scene", KEY, &["up"]);
    manifests.settings(&json!({"clientSideAuthHeader": "authorization"}));
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY).header("authorization", "Bearer mine");
    client.initialize("2025-11-25").await;
    client.call("up-echo", "{}").await;
    assert_eq!(upstream.received_of("tools/call")[0].header("authorization"), Some("Bearer mine"));
    let mut keyless = Client::new(&switchboard.mcp).header("authorization", &format!("Bearer {KEY}"));
    assert_eq!(keyless.request("tools/list", "{}").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_headers_for_one_server_reach_it_alone_and_some_never() {
    let upstreams = [Upstream::start(Script::echo()), Upstream::start(Script::echo())];
    let manifests = Manifests::default();
    manifests.http("up", &upstreams[0].url()).http("other", &upstreams[1].url()).key("scene", KEY, &["up", "other"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    let own = [
        ("x-mcp-up-x-tenant", "blue"),
        ("x-mcp-up-authorization", "Bearer mine"),
        ("x-mcp-up-host", "evil.example"),
        ("x-mcp-up-cookie", "a=b"),
        ("x-mcp-up-x-forwarded-for", "1.2.3.4"),
        ("x-mcp-up-mcp-session-id", "forged"),
        ("x-mcp-up-content-length", "3"),
        ("x-mcp-up-transfer-encoding", "chunked"),
        ("x-mcp-up-x-leak", KEY),
        ("cookie", "c=d"),
        ("x-unasked", "1"),
    ];
    for (name, value) in own {
        client.set_header(name, value);
    }
    client.initialize("2025-11-25").await;
    for tool in ["up-echo", "other-echo"] {
        let answer = client.call(tool, "{}").await;
        assert!(!answer.is_tool_error(), "{answer:?}");
    }
    let at_up = &upstreams[0].received_of("tools/call")[0];
    assert_eq!((at_up.header("x-tenant"), at_up.header("authorization")), (Some("blue"), Some("Bearer mine")));
    assert_eq!(at_up.header("host"), Some(upstreams[0].address().to_string().as_str()));
    assert_ne!(at_up.header("mcp-session-id"), Some("forged"));
    for upstream in &upstreams {
        for received in upstream.received() {
            for absent in ["cookie", "x-forwarded-for", "x-leak", "x-unasked", "x-litellm-api-key", "forwarded"] {
                assert_eq!(received.header(absent), None, "{absent} at {}", received.method);
            }
            assert!(!format!("{received:?}").contains(KEY), "the key at an upstream");
        }
    }
    let at_other = &upstreams[1].received_of("tools/call")[0];
    assert_eq!((at_other.header("x-tenant"), at_other.header("authorization")), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_declared_and_forwarded_headers_reach_the_server() {
    let http = |url: &str| {
        let headers = json!([{"name": "X-Declared", "value": "ours"}]);
        json!({"url": url, "transport": "StreamableHTTP", "headers": headers, "forwardHeaders": ["X-Tenant", "X-Declared"]})
    };
    let upstream = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    manifests.server("up", &json!({"http": http(&upstream.url()), "sessionMode": "Shared"})).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY).header("x-tenant", "blue").header("x-declared", "theirs");
    client.initialize("2025-11-25").await;
    client.call("up-echo", "{}").await;
    let received = &upstream.received_of("tools/call")[0];
    assert_eq!((received.header("x-tenant"), received.header("x-declared")), (Some("blue"), Some("ours")));
}
