//! Calls that are not answered: each has a status and LiteLLM's body, and none is a tool error that hides what happened.

use http::StatusCode;
use serde_json::json;
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::raw;
use tests::upstream::{BODY_OF_ERRORS, Does, Form, Script, Tool, dead_url};

use super::super::scene::{KEY, Scene};
use super::{ALICE, BOB, CALL, Two, call, key_client, post, refused, scene, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_is_missing_is_named() {
    let scene = scene([Tool::new("echo", Does::Echo)]);
    let client = key_client(&scene);
    for (body, missing) in [
        (r#"{"name":"echo","arguments":{}}"#, "server_id"),
        (r#"{"server_id":"","name":"echo","arguments":{}}"#, "server_id"),
        (r#"{"server_id":null,"name":"echo","arguments":{}}"#, "server_id"),
        (r#"{"server_id":"up","arguments":{}}"#, "name"),
        (r#"{"server_id":"up","name":"","arguments":{}}"#, "name"),
        (r#"{"server_id":"up","name":"echo"}"#, "arguments"),
        (r#"{"server_id":"up","name":"echo","arguments":null}"#, "arguments"),
        ("{}", "server_id"),
    ] {
        let answer = post(&client, body).await;
        let expected = format!(
            r#"{{"detail":{{"error":"missing_parameter","message":"{missing} is required in request body"}}}}"#
        );
        assert_eq!((answer.status, text(&answer)), (StatusCode::BAD_REQUEST, expected.as_str()), "{body}");
    }
    assert_eq!(scene.upstream.posts("tools/call"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_server_reads_as_a_forbidden_one_and_so_does_a_tool() {
    let two = Two::start();
    let (alice, bob) = (two.client(ALICE), two.client(BOB));
    let mut servers = Vec::new();
    for server in ["hidden", "default/hidden", "nope", "default/nope", "other/near"] {
        let answer = call(&alice, (server, "echo"), "{}").await;
        assert_eq!(refused(&answer, 403), "access_denied", "{server}");
        servers.push(answer.body);
    }
    assert!(servers.iter().all(|body| *body == servers[0]), "{servers:?}");
    let mut tools = Vec::new();
    for tool in ["add-note", "nope", "Far_Away-add-note", "near-echo"] {
        let answer = call(&bob, ("far_away", tool), "{}").await;
        assert_eq!(refused(&answer, 404), "tool_not_found", "{tool}");
        tools.push(text(&answer).replace(tool, "*"));
    }
    assert!(tools.iter().all(|body| *body == tools[0]), "{tools:?}");
    let outside = alice.clone_at(CALL).header("x-mcp-servers", "near");
    assert_eq!(refused(&call(&outside, ("far_away", "echo"), "{}").await, 403), "access_denied");
    assert_eq!(two.far.posts("tools/call") + two.near.posts("tools/call") + two.hidden.posts("tools/call"), 0);
}

/// R2: never two readings of who is called.
#[tokio::test(flavor = "multi_thread")]
async fn r2_a_body_that_could_be_read_in_two_ways_is_400() {
    let scene = scene([Tool::new("echo", Does::Echo)]);
    let client = key_client(&scene);
    let with = |extra: &str| format!(r#"{{"server_id":"up","name":"echo","arguments":{{}},{extra}}}"#);
    let mut bodies: Vec<Vec<u8>> = [
        r#""server_id":"other""#,
        r#""name":"echo""#,
        r#""arguments":{}"#,
        r#""Name":"other""#,
        r#""server_\u0069d":"other""#,
        r#""name\u0000":"other""#,
        "\"\u{17f}erver_id\":\"other\"",
        r#""x":1,"x":2"#,
    ]
    .map(|extra| with(extra).into_bytes())
    .to_vec();
    let good = r#"{"server_id":"up","name":"echo","arguments":{}}"#;
    let deep =
        format!(r#"{{"server_id":"up","name":"echo","arguments":{}1{}}}"#, r#"{"a":"#.repeat(200), "}".repeat(200));
    for body in [
        "",
        "[]",
        "7",
        "null",
        "hello",
        &good[..good.len() - 1],
        &format!("{good}{good}"),
        &deep,
        r#"{"server_id":7,"name":"echo","arguments":{}}"#,
        r#"{"server_id":"up","name":["echo"],"arguments":{}}"#,
        r#"{"server_id":"up","name":"echo","arguments":[]}"#,
        r#"{"server_id":"up","name":"\ud800","arguments":{}}"#,
    ] {
        bodies.push(body.as_bytes().to_vec());
    }
    bodies.push(b"{\"server_id\":\"up\",\"name\":\"echo\",\"arguments\":{\"a\":\"\xff\"}}".to_vec());
    for body in bodies {
        let shown = String::from_utf8_lossy(&body).into_owned();
        let error = refused(&post(&client, body).await, 400);
        assert!(["parse", "invalid", "params"].contains(&error.as_str()), "{error}: {shown}");
    }
    assert_eq!(scene.upstream.posts("tools/call"), 0);
    assert_eq!(post(&client, good).await.status, StatusCode::OK, "the next good one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_server_is_said_to_fail_and_shows_nothing_else() {
    for form in [Form::Json, Form::EventStream] {
        let cases = [
            (Tool::new("hang", Does::Hang), 504, "timeout"),
            (Tool::new("denied", Does::Status(401)), 502, "auth_required"),
            (Tool::new("forbidden", Does::Status(403)), 502, "forbidden"),
            (Tool::new("limited", Does::Status(429)), 429, "rate_limited"),
            (Tool::new("broken", Does::Status(500)), 502, "upstream_error"),
            (Tool::new("html", Does::Html), 502, "upstream_error"),
            (Tool::new("wrong_id", Does::WrongId), 502, "upstream_error"),
        ];
        let tools = cases.iter().map(|(tool, ..)| tool.clone()).chain([Tool::new("echo", Does::Echo)]);
        let scene = Scene::with(Script { form, ..Script::with(tools) }, &json!({"timeouts": {"callSeconds": 1}}));
        let client = key_client(&scene);
        for (tool, status, error) in cases {
            let answer = call(&client, ("up", &tool.name), "{}").await;
            assert_eq!(refused(&answer, status), error, "{}", tool.name);
            assert!(text(&answer).contains("server 'up'"), "{answer:?}");
            let all = format!("{answer:?}");
            assert!(!all.contains(BODY_OF_ERRORS) && !all.contains("It works!"), "{all}");
            assert!(answer.headers.get("www-authenticate").is_none(), "{answer:?}");
            assert_eq!(call(&client, ("up", "echo"), "{}").await.status, StatusCode::OK, "after {}", tool.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_says_so() {
    let scene = scene([Tool::new("echo", Does::Echo)]);
    let client = key_client(&scene);
    assert_eq!(call(&client, ("up", "echo"), "{}").await.status, StatusCode::OK);
    let Scene { upstream, switchboard: _switchboard, .. } = scene;
    drop(upstream);
    assert_eq!(refused(&call(&client, ("up", "echo"), "{}").await, 502), "unreachable");

    let manifests = Manifests::default();
    manifests.http("lost", &dead_url()).key("scene", KEY, &["lost"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let answer = call(&Client::new(&switchboard.mcp).key(KEY), ("lost", "any"), "{}").await;
    assert_eq!(refused(&answer, 502), "unreachable");
    assert!(text(&answer).contains("server 'lost' is unreachable"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_own_error_has_its_words_code_and_data() {
    let error = r#"{"code":-32602,"message":"no such \u00e9city","data":{"huge":1e400}}"#;
    // It cannot pass for what the gateway says of itself.
    let posing = r#"{"code":-32602,"message":"Tool 'posing' not found"}"#;
    let tools = [("error", error), ("posing", posing)].map(|(name, raw)| Tool::new(name, Does::Error(raw.to_owned())));
    for form in [Form::Json, Form::EventStream] {
        let scene = Scene::of(Script { form, ..Script::with(tools.clone()) });
        let client = key_client(&scene);
        let answer = call(&client, ("up", "error"), "{}").await;
        let expected = r#"{"detail":{"error":"upstream_error","message":"no such \u00e9city","code":-32602,"data":{"huge":1e400}}}"#;
        assert_eq!((answer.status, text(&answer)), (StatusCode::BAD_GATEWAY, expected));
        assert_eq!(refused(&call(&client, ("up", "posing"), "{}").await, 502), "upstream_error");
    }
}

/// A server that asks before it answers (2026-07-28) cannot be answered here.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_asks_is_no_answer() {
    let require = Does::Require(vec![("elicitation/create".to_owned(), "{}".to_owned())]);
    let scene = Scene::of(Script::with([Tool::new("ask", require)]).modern());
    let answer = call(&key_client(&scene), ("up", "ask"), "{}").await;
    assert_eq!(refused(&answer, 502), "missing_capability");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_the_limits_of_mcp() {
    let scene = scene([Tool::new("echo", Does::Echo)]);
    let client = key_client(&scene);
    let body =
        |size: usize| format!(r#"{{"server_id":"up","name":"echo","arguments":{{"a":"{}"}}}}"#, "x".repeat(size));
    assert_eq!(post(&client, body(3 << 20)).await.status, StatusCode::OK);
    let head = format!(
        "POST {CALL} HTTP/1.1\r\nHost: {}\r\nx-api-key: {KEY}\r\nContent-Type: application/json\r\n",
        client.address()
    );
    let large = body(4 << 20);
    for (length, large) in [
        (format!("Content-Length: {}", large.len()), large.clone()),
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len())),
    ] {
        let reply = raw::exchange(client.address(), &format!("{head}{length}\r\n"), large.as_bytes()).await;
        assert_eq!(reply.status(), Some(StatusCode::PAYLOAD_TOO_LARGE), "{length}: {}", reply.text);
        assert!(reply.body().contains(r#"{"detail":{"error":"body_too_large""#), "{length}: {}", reply.text);
    }
    let mut client = client.clone_at(CALL);
    for (header, value, status, error) in [
        ("content-type", "text/plain", 415, "content_type"),
        ("content-type", "", 415, "content_type"),
        ("content-encoding", "gzip", 415, "content_encoding"),
    ] {
        let answer = client.send(&http::Method::POST, &[(header, value)], body(1)).await;
        assert_eq!(refused(&answer, status), error, "{header}: {value}");
    }
    assert_eq!(scene.upstream.posts("tools/call"), 1);
}
