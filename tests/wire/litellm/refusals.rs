//! Who is let in, and from where: as on MCP, with the bodies of LiteLLM's REST endpoints.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::json;
use tests::client::{Answer, Client};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::raw;
use tests::upstream::{Script, Upstream};

use super::{ALICE, CALL, LIST, READS, Two, call, listed, read, read_with, refused, text};

const GOOD: &str = r#"{"server_id":"near","name":"echo","arguments":{}}"#;

/// The answer of every endpoint that needs a key to these headers.
async fn everywhere(client: &Client, headers: &[(&str, &str)]) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for path in READS {
        answers.push((path.to_owned(), read_with(client, path, headers).await));
    }
    let answer = client.clone_at(CALL).send(&Method::POST, headers, GOOD).await;
    answers.push((CALL.to_owned(), answer));
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_or_with_a_wrong_one_it_is_401() {
    let two = Two::start();
    let nobody = Client::new(&two.switchboard.mcp);
    let body = |why: &str| {
        format!(
            r#"{{"error":{{"message":"Authentication Error, {why}","type":"auth_error","param":null,"code":"401"}}}}"#
        )
    };
    for (path, answer) in everywhere(&nobody, &[]).await {
        assert_eq!(
            (answer.status, text(&answer)),
            (StatusCode::UNAUTHORIZED, body("No api key passed in.").as_str()),
            "{path}"
        );
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{path}");
    }
    for headers in [("authorization", "Bearer sb-wrong"), ("x-litellm-api-key", "sb-wrong")] {
        for (path, answer) in everywhere(&nobody, &[headers]).await {
            assert_eq!(
                (answer.status, text(&answer)),
                (StatusCode::UNAUTHORIZED, body("Invalid api key passed in.").as_str()),
                "{path}"
            );
            assert_eq!(answer.headers["www-authenticate"], r#"Bearer error="invalid_token""#, "{path}");
        }
    }
    for headers in [("authorization", format!("Bearer {ALICE}")), ("x-api-key", ALICE.to_owned())] {
        for (path, answer) in everywhere(&nobody, &[(headers.0, &headers.1)]).await {
            assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        }
    }
    // R1: the first key header decides, whatever comes after it.
    let both = [("x-litellm-api-key", "sb-wrong"), ("x-api-key", ALICE)];
    for (path, answer) in everywhere(&nobody, &both).await {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(two.near.posts("tools/call"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_guesses_are_limited_here_too() {
    let two = Two::start();
    let guesser = Client::new(&two.switchboard.mcp).key("sb-wrong");
    let mut limited = None;
    for _ in 0..2000 {
        let answer = read(&guesser, LIST).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("a limit");
    assert_eq!(refused(&limited, 429), "too_many_invalid_credentials");
    assert_eq!(limited.headers["connection"], "close");
    assert_eq!(guesser.clone_at("/mcp").post("{}").await.status, StatusCode::TOO_MANY_REQUESTS, "one limit for all");
    assert_eq!(read(&two.client(ALICE), LIST).await.status, StatusCode::OK, "a valid key passes");
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_host_and_origin_are_judged_as_on_mcp() {
    let two = Two::start();
    let alice = two.client(ALICE);
    for (headers, error) in [
        (("host", "mcp.example.com"), "host"),
        (("origin", "https://evil.example"), "origin"),
        (("origin", "null"), "origin"),
    ] {
        for (path, answer) in everywhere(&alice, &[headers]).await {
            assert_eq!(refused(&answer, 403), error, "{path}");
        }
        let enabled = read_with(&Client::new(&two.switchboard.mcp), "/mcp/enabled", &[headers]).await;
        assert_eq!(refused(&enabled, 403), error);
    }
    let own = format!("http://{}", alice.address());
    for (path, answer) in everywhere(&alice, &[("origin", &own)]).await {
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    }
    assert_eq!(two.near.posts("tools/call"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_have_the_limits_of_mcp() {
    let two = Two::start();
    let alice = two.client(ALICE);
    let large = "x".repeat(64 * 1024);
    let refused = read_with(&alice, LIST, &[("x-large", &large)]).await;
    assert_eq!(refused.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{refused:?}");
    let key = format!("x-api-key: {ALICE}\r\n");
    let head = format!("GET {LIST} HTTP/1.1\r\nHost: {}\r\n{key}{key}", alice.address());
    let twice = raw::exchange(alice.address(), &head, b"").await;
    assert_eq!(twice.status(), Some(StatusCode::BAD_REQUEST), "{}", twice.text);
    assert!(twice.body().contains(r#"{"detail":{"error":"repeated_header""#), "{}", twice.text);
    // What MCP says in headers says nothing here.
    let spoken = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-session-id", "none"),
        ("mcp-method", "x"),
        ("accept", "text/html"),
    ];
    for (path, answer) in everywhere(&alice, &spoken).await {
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_there_is_mcp_anybody_may_know() {
    let two = Two::start();
    let nobody = Client::new(&two.switchboard.mcp);
    for path in ["/mcp/enabled", "/mcp/enabled/"] {
        let answer = read(&nobody, path).await;
        assert_eq!((answer.status, text(&answer)), (StatusCode::OK, r#"{"enabled":true}"#), "{path}");
    }
    let written = nobody.clone_at("/mcp/enabled").send(&Method::POST, &[], "{}").await;
    assert_eq!((refused(&written, 405).as_str(), &written.headers["allow"]), ("method", &"GET".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_405_and_other_paths_404() {
    let two = Two::start();
    let alice = two.client(ALICE);
    for (path, method, allow) in
        [(LIST, Method::POST, "GET"), (LIST, Method::DELETE, "GET"), (CALL, Method::GET, "POST")]
    {
        let answer = alice.clone_at(path).send(&method, &[], Bytes::new()).await;
        assert_eq!(refused(&answer, 405), "method", "{method} {path}");
        assert_eq!(answer.headers["allow"], allow, "{method} {path}");
    }
    for path in ["/v1/mcp/toolset", "/v1/mcp/registry.json", "/mcp-rest/test/tools/list", "/mcp-rest/", "/v1/mcp/"] {
        assert_eq!(refused(&read(&alice, path).await, 404), "not_found", "{path}");
        assert_eq!(read(&Client::new(&two.switchboard.mcp), path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let test = alice.clone_at("/mcp-rest/test/connection").send(&Method::POST, &[], "{}").await;
    assert_eq!(refused(&test, 404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_presents_nothing_has_what_an_anonymous_binding_gives() {
    let up = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    let anonymous = json!({"subject": {"type": "Anonymous"}, "grants": {"servers": [{"name": "up"}]}});
    manifests.http("up", &up.url()).http("other", &up.url()).object("McpKeyBinding", "anonymous", &anonymous);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let nobody = Client::new(&switchboard.mcp);
    assert_eq!(listed(&read(&nobody, LIST).await), [("default/up".to_owned(), "echo".to_owned())]);
    assert_eq!(call(&nobody, ("up", "echo"), "{}").await.status, StatusCode::OK);
    assert_eq!(refused(&call(&nobody, ("other", "echo"), "{}").await, 403), "access_denied");
    let wrong = nobody.key("sb-wrong");
    assert_eq!(read(&wrong, LIST).await.status, StatusCode::UNAUTHORIZED, "never anonymous after all");
}
