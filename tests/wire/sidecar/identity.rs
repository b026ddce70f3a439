//! Who an agent is: the pod, whatever it says itself.

use crds::names::KEY_HEADERS;
use http::{Method, StatusCode};
use serde_json::json;
use tests::client::Client;
use tests::sse_client::SseClient;
use tests::upstream::{Does, Script, Tool, Upstream};

use super::super::scene::{KEY, Scene};
use super::{Beside, before_a_witness};

const OTHER: &str = "sb-key-of-somebody-else";

#[tokio::test(flavor = "multi_thread")]
async fn agents_without_a_key_list_and_call_in_every_revision_and_at_every_path() {
    let Beside { scene, sidecar } = Beside::of(Script::echo());
    assert_eq!(Client::new(&scene.switchboard.mcp).post(super::super::scene::PING).await.status, 401, "it wants a key");
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut agent = sidecar.agent();
        let result = agent.initialize(revision).await;
        assert_eq!(result["protocolVersion"], revision);
        assert_eq!(agent.tools().await, ["up-echo"]);
        let answer = agent.call("up-echo", r#"{"text":"here and back"}"#).await;
        assert_eq!(answer.json()["result"]["structuredContent"]["params"]["arguments"]["text"], "here and back");
        assert_eq!(agent.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
        assert_eq!(agent.request("ping", "{}").await.status, StatusCode::NOT_FOUND, "the session is over");
    }
    let called = sidecar.agent().modern("tools/call", Some("up-echo"), r#""name":"up-echo","arguments":{}"#).await;
    assert!(called.status == StatusCode::OK && !called.is_tool_error(), "{called:?}");
    for path in ["/mcp/", "/mcp/up", "/up/mcp"] {
        assert_eq!(sidecar.agent().path(path).tools().await, ["up-echo"], "{path}");
    }
    for path in ["/mcp-rest/tools/list", "/v1/mcp/tools", "/v1/mcp/server"] {
        assert_eq!(sidecar.agent().path(path).send(&Method::GET, &[], "").await.status, StatusCode::OK, "{path}");
    }
    let nowhere = sidecar.agent().path("/nowhere").post("{}").await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND, "what there is not is the gateway's to say: {nowhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_clients_find_where_to_post_to() {
    let beside = Beside::of(Script::echo());
    for path in ["/sse", "/mcp/sse", "/up/sse"] {
        let url = beside.sidecar.mcp.replace("/mcp", path);
        let mut client = SseClient::open(&url, &[]).await.unwrap();
        client.initialize("2024-11-05").await;
        let answer = client.call("up-echo", "{}").await;
        assert!(answer["result"]["structuredContent"].is_object(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_key_that_an_agent_brings_is_nobodys() {
    let scene = Scene::of(Script::echo());
    let more = Upstream::start(Script::with([Tool::new("secret", Does::Echo)]));
    scene.manifests.http("more", &more.url()).key("other", OTHER, &["more"]);
    let mut other = Client::new(&scene.switchboard.mcp).key(OTHER);
    tests::wait::until_async("the other key is known", std::time::Duration::from_secs(10), async || {
        let answer = other.request("tools/list", "{}").await;
        (answer.status == StatusCode::OK && answer.json()["result"]["tools"][0]["name"] == "more-secret").then_some(())
    })
    .await;
    let Beside { sidecar, .. } = &Beside::before(scene);
    for name in KEY_HEADERS {
        for value in [OTHER.to_owned(), format!("Bearer {OTHER}"), "sb-of-nobody".to_owned()] {
            let mut agent = sidecar.agent().header(name, &value);
            assert_eq!(agent.tools().await, ["up-echo"], "{name}: {value}");
            assert!(agent.call("more-secret", "{}").await.is_tool_error(), "{name}: {value}");
        }
    }
}

/// Of what an agent sends, everything arrives but what is of one connection, and what says who or where it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_reaches_the_gateway_is_what_was_sent_under_the_pods_name() {
    let (witness, sidecar) = before_a_witness(Script::echo());
    let mut agent = sidecar.agent().path("/mcp/a%2Fb?x=%7E&y=1&y=2");
    for name in KEY_HEADERS {
        agent.set_header(name, OTHER);
    }
    for (name, value) in [
        ("origin", "http://127.0.0.1"),
        ("host", "127.0.0.1"),
        ("connection", "keep-alive, x-of-this-connection"),
        ("x-of-this-connection", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("proxy-authorization", "Basic cHJveHk6c2VjcmV0"),
        ("x-mcp-auth", "of-the-agent"),
        ("x-mcp-servers", "a,b"),
        ("x-mcp-github-authorization", "Bearer of-github"),
        ("mcp-session-id", "a-session"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("user-agent", "an agent"),
    ] {
        agent.set_header(name, value);
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"a":9007199254740993,  "b":1e400}}"#;
    let answer = agent.post(body).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "the witness's own answer comes back: {answer:?}");
    let [received] = &witness.received()[..] else { panic!("one request") };
    assert_eq!((received.http_method.as_str(), &received.path[..]), ("POST", "/mcp/a%2Fb?x=%7E&y=1&y=2"));
    assert_eq!(&received.body[..], body.as_bytes());
    let mut headers = received.headers.clone();
    headers.sort();
    let token = format!("Bearer {KEY}");
    let (host, length) = (witness.address().to_string(), body.len().to_string());
    let expected = [
        ("accept", "application/json, text/event-stream"),
        ("content-length", &length),
        ("content-type", "application/json"),
        ("host", &host),
        ("mcp-session-id", "a-session"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("user-agent", "an agent"),
        ("x-litellm-api-key", &token),
        ("x-mcp-auth", "of-the-agent"),
        ("x-mcp-github-authorization", "Bearer of-github"),
        ("x-mcp-servers", "a,b"),
    ];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// An agent's credential for a server is its own, as without a sidecar.
#[tokio::test(flavor = "multi_thread")]
async fn r24_an_agents_credential_for_a_server_reaches_that_server() {
    let auth = json!({"type": "Bearer", "bearer": {"value": "of-the-house"}, "clientSide": "Replace"});
    let Beside { scene, sidecar } = &Beside::before(Scene::with(Script::echo(), &json!({"auth": auth})));
    let answer = sidecar.agent().header("x-mcp-auth", "of-the-agent").call("up-echo", "{}").await;
    assert!(!answer.is_tool_error(), "{answer:?}");
    let called = scene.upstream.received_of("tools/call");
    assert_eq!(called.last().unwrap().header("authorization"), Some("Bearer of-the-agent"));
}
