//! Both eras of the wire, side by side on one path: sessions of 2025-03-26 to
//! 2025-11-25, and the stateless 2026-07-28 with its mirrored headers (R6).

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, Client, MODERN, modern_body};
use tests::raw;
use tests::upstream::{Does, Form, Script, Tool};

use super::scene::{KEY, Scene, TRANSPORTS};

const LEGACY: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];

#[tokio::test(flavor = "multi_thread")]
async fn each_legacy_revision_initializes_lists_calls_and_ends_over_each_transport() {
    for transport in TRANSPORTS {
        let scene = Scene::over(transport, Script::echo(), &json!({}));
        for revision in LEGACY {
            let mut client = scene.client();
            let hello = client.initialize(revision).await;
            assert_eq!(hello["protocolVersion"], revision);
            assert!(hello["capabilities"]["tools"].is_object() && hello["serverInfo"]["name"].is_string(), "{hello}");
            assert_eq!(hello["capabilities"]["tools"]["listChanged"], true, "it is told on the stream below");
            assert!(client.session().is_some());
            assert_eq!(client.request("ping", "{}").await.json()["result"], json!({}));
            assert_eq!(client.tools().await, ["up-echo"]);
            let answer = client.call("up-echo", r#"{"a":1}"#).await.json();
            assert_eq!(answer["result"]["structuredContent"]["params"], json!({"name": "echo", "arguments": {"a": 1}}));
            for member in ["resultType", "ttlMs", "cacheScope"] {
                assert!(answer["result"].get(member).is_none(), "{member} is of another era");
            }
            let told = client.post(r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).await;
            assert_eq!((told.status, told.body.len()), (StatusCode::ACCEPTED, 0));
            assert_eq!(client.listen(&[]).await.status, StatusCode::OK);
            assert!(client.send(&Method::DELETE, &[], "").await.status.is_success());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_revision_is_answered_with_the_newest_legacy_one() {
    let scene = Scene::of(Script::echo());
    let answer = scene.client().try_initialize("1999-01-01").await;
    assert_eq!(answer.json()["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_goes_home_on_the_calls_own_stream_under_the_callers_token() {
    for transport in TRANSPORTS {
        let script = Script { form: Form::EventStream, ..Script::with([Tool::new("steps", Does::Progress(3))]) };
        let scene = Scene::over(transport, script, &json!({}));
        let mut client = scene.session().await;
        for token in [r#""mine""#, "7"] {
            let params = format!(r#"{{"name":"up-steps","_meta":{{"progressToken":{token}}}}}"#);
            let answer = client.request("tools/call", &params).await;
            let messages: Vec<Value> =
                answer.messages().into_iter().map(|message| serde_json::from_slice(message).unwrap()).collect();
            assert_eq!(messages.len(), 4, "{transport:?}: {messages:?}");
            for (index, message) in messages[..3].iter().enumerate() {
                assert_eq!(message["method"], "notifications/progress");
                assert_eq!(message["params"]["progressToken"].to_string(), token, "{transport:?}");
                assert_eq!(message["params"]["progress"], index + 1);
            }
            assert!(messages[3]["result"].is_object());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_modern_revision_discovers_lists_and_calls_over_each_transport() {
    for transport in TRANSPORTS {
        let scene = Scene::over(transport, Script::echo(), &json!({}));
        let mut client = scene.client();
        let discovered = client.modern("server/discover", None, "").await.json();
        let result = &discovered["result"];
        assert!(result["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)), "{result}");
        assert!(result["capabilities"]["tools"].is_object() && result["ttlMs"].is_u64(), "{result}");
        assert!(result["cacheScope"].is_string() && result["resultType"] == "complete", "{result}");
        let list = client.modern("tools/list", None, "").await;
        assert!(list.headers.get("mcp-session-id").is_none());
        let result = &list.json()["result"];
        assert_eq!(result["tools"][0]["name"], "up-echo");
        assert_eq!((&result["cacheScope"], &result["resultType"]), (&json!("private"), &json!("complete")), "R5");
        assert!(result["ttlMs"].is_u64(), "{result}");
        let call = client.modern("tools/call", Some("up-echo"), r#""name":"up-echo","arguments":{"a":1}"#).await;
        let result = &call.json()["result"];
        assert_eq!((&result["resultType"], &result["content"][0]["text"]), (&json!("complete"), &json!("echo")));
        assert_eq!(result["structuredContent"]["params"]["arguments"], json!({"a": 1}));
    }
}

/// A modern tools/call with these headers instead of the right ones.
async fn call_with(client: &mut Client, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "up-echo")];
    all.retain(|(name, _)| !headers.iter().any(|(replaced, _)| replaced == name));
    all.extend(headers.iter().filter(|(_, value)| !value.is_empty()));
    client.send(&Method::POST, &all, modern_body(5, "tools/call", r#""name":"up-echo","arguments":{}"#)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_mirrored_headers_must_agree_with_the_body() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    let wrong: &[&[(&str, &str)]] = &[
        &[("mcp-method", "tools/list")],
        &[("mcp-method", "Tools/Call")],
        &[("mcp-method", "")],
        &[("mcp-name", "up-other")],
        &[("mcp-name", "UP-ECHO")],
        &[("mcp-name", "")],
        &[("mcp-name", "=?base64?dXAtb3RoZXI=?=")],
        &[("mcp-name", "=?base64?***?=")],
        &[("mcp-name", "=?base64?dXAtZWNobw?=")],
        &[("mcp-name", "=?BASE64?dXAtZWNobw==?=")],
        &[("mcp-protocol-version", "2025-11-25")],
    ];
    for headers in wrong {
        let answer = call_with(&mut client, headers).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(-32020)), "{headers:?}: {answer:?}");
    }
    assert_eq!(scene.upstream.posts("tools/call"), 0);
    // "up-echo" in base64, and optional white space
    for headers in [[("mcp-name", "=?base64?dXAtZWNobw==?=")], [("mcp-name", " up-echo ")]] {
        let answer = call_with(&mut client, &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_mirrored_header_stands_once_and_holds_what_headers_may() {
    let scene = Scene::of(Script::echo());
    let address = scene.client().address();
    let post = |headers: String, body: String| async move {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nx-litellm-api-key: {KEY}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n",
            body.len()
        );
        raw::exchange(address, &head, body.as_bytes()).await
    };
    let modern = modern_body(5, "tools/call", r#""name":"up-echo","arguments":{}"#);
    let right = format!("MCP-Protocol-Version: {MODERN}\r\nMcp-Method: tools/call\r\nMcp-Name: up-echo\r\n");
    let cases = [
        (right.clone(), StatusCode::OK),
        (format!("{right}mcp-protocol-version: {MODERN}\r\n"), StatusCode::BAD_REQUEST),
        (format!("mcp-protocol-version: 2025-11-25\r\n{right}"), StatusCode::BAD_REQUEST),
        (format!("{right}mcp-method: tools/call\r\n"), StatusCode::BAD_REQUEST),
        (format!("{right}MCP-NAME: up-echo\r\n"), StatusCode::BAD_REQUEST),
        (right.replace("up-echo", "up-echo\u{e9}"), StatusCode::BAD_REQUEST),
    ];
    for (headers, status) in cases {
        let reply = post(headers.clone(), modern.clone()).await;
        assert_eq!(reply.status(), Some(status), "{headers}: {}", reply.text);
        assert_eq!(status == StatusCode::OK, !reply.body().contains(r#""code":-32020"#), "{headers}: {}", reply.text);
        assert!(reply.body().contains(r#""id":5"#), "{headers}: {}", reply.text);
    }
    assert_eq!(scene.upstream.posts("tools/call"), 1);
    // To a legacy client two of them are headers like any other; only the revision must be clear.
    let legacy = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"up-echo"}}"#.to_owned();
    let mirrored = "mcp-name: a\r\nmcp-name: b\r\nmcp-method: c\r\nmcp-method: d\r\n";
    let reply = post(format!("MCP-Protocol-Version: 2025-11-25\r\n{mirrored}"), legacy.clone()).await;
    assert_eq!(reply.status(), Some(StatusCode::OK), "{}", reply.text);
    let reply = post("MCP-Protocol-Version: 2025-11-25\r\n".repeat(2), legacy).await;
    assert_eq!(reply.status(), Some(StatusCode::BAD_REQUEST), "{}", reply.text);
    // A call that names no tool mirrors no name.
    let answer = scene.client().modern("tools/call", None, "").await;
    assert_eq!(answer.code(), Some(-32602), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_codes_of_the_modern_revision() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    let body = modern_body(5, "tools/list", "").replace(MODERN, "2030-01-01");
    let headers = [("mcp-protocol-version", "2030-01-01"), ("mcp-method", "tools/list")];
    let answer = client.send(&Method::POST, &headers, body).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(-32022)), "{answer:?}");
    let data = &answer.json()["error"]["data"];
    assert_eq!(data["requested"], "2030-01-01");
    assert!(data["supported"].as_array().unwrap().contains(&json!(MODERN)), "{data}");

    for method in ["tools/burn", "initialize", "ping", "logging/setLevel", "resources/subscribe"] {
        let answer = client.modern(method, None, "").await;
        assert_eq!((answer.status, answer.code()), (StatusCode::NOT_FOUND, Some(-32601)), "{method}: {answer:?}");
    }
    let unknown = client.modern("tools/call", Some("up-nope"), r#""name":"up-nope""#).await;
    assert_eq!(unknown.code(), Some(-32602), "{unknown:?}");

    let bare = modern_body(5, "tools/list", "").replace(r#""io.modelcontextprotocol/clientCapabilities":{},"#, "");
    let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/list")];
    let answer = client.send(&Method::POST, &headers, bare).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(-32602)), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_modern_revision_knows_no_sessions() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client().header("mcp-session-id", "whatever");
    assert_eq!(client.modern("tools/list", None, "").await.status, StatusCode::OK, "the header is ignored");
    for method in [Method::GET, Method::DELETE] {
        let answer = client.send(&method, &[("mcp-protocol-version", MODERN)], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}
