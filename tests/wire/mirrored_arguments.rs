//! Arguments that a tool wants mirrored in `Mcp-Param-*` headers (R6): of
//! 2026-07-28 alone; the servers behind are of 2025-11-25 and know nothing of it.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, Client, MODERN, modern_body};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::raw;
use tests::upstream::{Does, Script, Tool, Upstream};

use super::scene::{KEY, Scene, TRANSPORTS, Transport, server};

/// Three annotated arguments, of each type.
const ANNOTATED: &str = r#""region":{"type":"string","x-mcp-header":"Region"},"count":{"type":"integer","x-mcp-header":"Count"},"deep":{"type":"object","properties":{"dry":{"type":"boolean","x-mcp-header":"Dry-Run"}}}"#;
/// Not all the way below `properties`.
const WRONG: &str = r#""regions":{"type":"array","items":{"type":"string","x-mcp-header":"Region"}}"#;

fn script() -> Script {
    Script::with([
        Tool::new("plain", Does::Echo),
        Tool::new("annotated", Does::Echo).properties(ANNOTATED),
        Tool::new("wrong", Does::Echo).properties(WRONG),
    ])
}

type Headers<'a> = &'a [(&'a str, &'a str)];

/// A modern call of `up-annotated`; an empty value leaves a header out.
async fn call(client: &mut Client, arguments: &str, headers: Headers<'_>) -> Answer {
    let mut all = vec![("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "up-annotated")];
    all.extend(headers);
    let params = format!(r#""name":"up-annotated","arguments":{arguments}"#);
    client.send(&Method::POST, &all, modern_body(5, "tools/call", &params)).await
}

async fn modern_tools(client: &mut Client) -> Value {
    client.modern("tools/list", None, "").await.json()["result"]["tools"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_wrongly_annotated_tool_does_not_exist_for_modern_clients_alone() {
    for transport in TRANSPORTS {
        let scene = Scene::over(transport, script(), &json!({}));
        let mut modern = scene.client();
        let tools = modern_tools(&mut modern).await;
        let names: Vec<&str> = tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["up-plain", "up-annotated"], "{transport:?}");
        assert_eq!(tools[1]["inputSchema"]["properties"]["region"]["x-mcp-header"], "Region", "{transport:?}");
        let mut legacy = scene.session().await;
        assert_eq!(legacy.tools().await, ["up-plain", "up-annotated", "up-wrong"], "{transport:?}");
        assert_eq!(legacy.call("up-wrong", "{}").await.text(), "echo", "{transport:?}");

        for name in ["up-wrong", "UP-wrong", "wrong"] {
            let answer = modern.modern("tools/call", Some(name), &format!(r#""name":"{name}""#)).await;
            let nope = modern.modern("tools/call", Some("up-nope"), r#""name":"up-nope""#).await;
            let (told, of_nope) = (answer.without_request_id().0, nope.without_request_id().0);
            let as_nope = told["error"].to_string().replace(name, "up-nope");
            assert_eq!((answer.status, answer.code()), (nope.status, Some(-32602)), "{transport:?} {name}");
            assert_eq!(of_nope["error"].to_string(), as_nope, "{name}");
        }
        if transport != Transport::Stdio {
            assert_eq!(scene.upstream.posts("tools/call"), 1, "the legacy one");
        }
        let warned = scene.switchboard.errors();
        let warnings: Vec<&str> =
            warned.lines().filter(|line| line.contains("not for clients of 2026-07-28")).collect();
        assert!(!warnings.is_empty(), "{warned}");
        for line in warnings {
            assert!(line.contains("wrong") && line.contains("up") && line.contains("not only properties"), "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_arguments_that_are_mirrored_rightly_pass_byte_for_byte() {
    let scene = Scene::of(script());
    let mut client = scene.client();
    let cases: [(&str, Headers<'_>); 6] = [
        (r#"{"other" : 1e400}"#, &[]),
        (r#"{"count":null,"region":"us-west1"}"#, &[("mcp-param-region", "us-west1")]),
        (r#"{"region":"caf\u00e9 "}"#, &[("Mcp-Param-Region", "=?base64?Y2Fmw6kg?=")]),
        (r#"{"count":9007199254740993.0}"#, &[("MCP-PARAM-COUNT", "9007199254740993")]),
        (
            r#"{"deep":{"dry":true,"x":[{"a":1,"a":2}]},"count":1e0}"#,
            &[("mcp-param-dry-run", "true"), ("mcp-param-count", "1.0"), ("mcp-param-other", "anything")],
        ),
        (r#"{"region":""}"#, &[("mcp-param-region", "=?base64??=")]),
    ];
    for (at, (arguments, headers)) in cases.iter().enumerate() {
        let answer = call(&mut client, arguments, headers).await;
        let echoed = String::from_utf8(answer.body.to_vec()).unwrap().contains(arguments);
        assert!(answer.status == StatusCode::OK && echoed, "{arguments}: {answer:?}");
        let received = &scene.upstream.received_of("tools/call")[at];
        let body = String::from_utf8(received.body.to_vec()).unwrap();
        assert!(body.contains(&format!(r#""params":{{"name":"annotated","arguments":{arguments}"#)), "{body}");
        let mirrored = received.headers.iter().find(|(name, _)| name.starts_with("mcp-param"));
        assert_eq!(mirrored, None, "a server of 2025-11-25 is told nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_arguments_that_are_mirrored_wrongly_are_not_sent() {
    let scene = Scene::of(script());
    let mut client = scene.client();
    let cases: [(&str, Headers<'_>, i64); 15] = [
        (r#"{"region":"us"}"#, &[], -32020),
        (r#"{"region":"us"}"#, &[("mcp-param-region", "eu")], -32020),
        (r#"{"region":"us"}"#, &[("mcp-param-region", "US")], -32020),
        (r#"{"region":"us"}"#, &[("mcp-param-region", "=?base64?ZXU=?=")], -32020),
        (r#"{"region":"us"}"#, &[("mcp-param-region", "=?base64?dXM?=")], -32020),
        (r#"{"region":"us"}"#, &[("mcp-param-region", "us"), ("mcp-param-count", "1")], -32020),
        (r#"{"region":null}"#, &[("mcp-param-region", "null")], -32020),
        ("{}", &[("mcp-param-region", "us")], -32020),
        (r#"{"count":9007199254740993}"#, &[("mcp-param-count", "9007199254740992")], -32020),
        (r#"{"count":1}"#, &[("mcp-param-count", "01")], -32020),
        (r#"{"deep":{"dry":true}}"#, &[("mcp-param-dry-run", "false")], -32020),
        (r#"{"deep":{"dry":true}}"#, &[], -32020),
        // R2: what the upstream reads must be what was compared.
        (r#"{"region":"us","region":"eu"}"#, &[("mcp-param-region", "us")], -32600),
        (r#"{"region":"us","Region":"eu"}"#, &[("mcp-param-region", "us")], -32600),
        (r#"{"region":"us","deep":{"DRY\u0000":1}}"#, &[("mcp-param-region", "us")], -32600),
    ];
    for (arguments, headers, code) in cases {
        let answer = call(&mut client, arguments, headers).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(code)), "{arguments} {headers:?}");
        let json = answer.json();
        let message = json["error"]["message"].as_str().unwrap();
        assert!(code == -32600 || message.starts_with("Mcp-Param-"), "{message}");
        assert!(!message.contains("us") && !message.contains("9007"), "no value is told: {message}");
        assert_eq!(json["id"], 5, "{arguments}");
    }
    let body = modern_body(5, "tools/call", r#""name":"up-annotated","arguments":{"region":"us"}"#);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nx-litellm-api-key: {KEY}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMCP-Protocol-Version: {MODERN}\r\nMcp-Method: tools/call\r\nMcp-Name: up-annotated\r\nMcp-Param-Region: us\r\nmcp-param-region: us\r\nContent-Length: {}\r\n",
        body.len(),
        address = client.address()
    );
    let reply = raw::exchange(client.address(), &head, body.as_bytes()).await;
    assert_eq!(reply.status(), Some(StatusCode::BAD_REQUEST), "{}", reply.text);
    assert!(
        reply.body().contains("-32020") && reply.body().contains("Mcp-Param-Region stands twice"),
        "{}",
        reply.text
    );
    assert_eq!(scene.upstream.posts("tools/call"), 0);

    // A tool that mirrors nothing, and a legacy client: the headers are nobody's.
    client.set_header("mcp-param-region", "eu");
    let answer =
        client.modern("tools/call", Some("up-plain"), r#""name":"up-plain","arguments":{"region":"us","region":1}"#);
    assert_eq!(answer.await.text(), "echo");
    let mut legacy = scene.session().await;
    legacy.set_header("mcp-param-region", "eu");
    assert_eq!(legacy.call("up-annotated", r#"{"region":"us","Region":"us"}"#).await.text(), "echo");
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_tool_that_the_caller_may_not_use_is_unknown_and_not_compared() {
    let upstream = Upstream::start(script());
    let manifests = Manifests::default();
    manifests.server("up", &server(Transport::Http, &upstream, &json!(null), &json!({})));
    manifests.server("other", &server(Transport::Http, &upstream, &json!(null), &json!({})));
    manifests.key("scene", KEY, &["other"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    let answer = call(&mut client, r#"{"region":"us"}"#, &[("mcp-param-region", "eu")]).await;
    assert_eq!(answer.code(), Some(-32602), "{answer:?}");
    let nope = client.modern("tools/call", Some("up-nope"), r#""name":"up-nope""#).await;
    assert_eq!(answer.status, nope.status);
    assert_eq!(upstream.posts("tools/call"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_callers_own_list_is_held_to_the_same() {
    let upstream = Upstream::start(script());
    let mut of_server = server(Transport::Http, &upstream, &json!(null), &json!({}));
    of_server["http"]["forwardHeaders"] = json!(["x-tenant"]);
    let manifests = Manifests::default();
    manifests.server("up", &of_server).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY).header("x-tenant", "t");
    assert_eq!(modern_tools(&mut client).await.as_array().unwrap().len(), 2);
    let wrong = client.modern("tools/call", Some("up-wrong"), r#""name":"up-wrong""#).await;
    assert_eq!(wrong.code(), Some(-32602), "{wrong:?}");
    let answer = call(&mut client, r#"{"region":"us"}"#, &[("mcp-param-region", "eu")]).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(-32020)), "{answer:?}");
    assert_eq!(upstream.posts("tools/call"), 0);
    let answer = call(&mut client, r#"{"region":"us"}"#, &[("mcp-param-region", "us")]).await;
    assert_eq!(answer.text(), "echo");
}
