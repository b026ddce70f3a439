//! Bodies go through as they come, in both directions, and end as their other
//! side ends.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::{Client, modern_body};
use tests::sidecar::Sidecar;
use tests::upstream::{Does, Form, Script, Tool, Upstream};
use tests::usage::{peak_bytes, rss_bytes};
use tests::wait::{until, until_async};

use super::super::asking::{ABLE, ALICE, Clients, call as call_asking};
use super::super::scene::{KEY, Scene, Transport};
use super::{Beside, origin};

const SOON: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_asks_in_a_call_comes_before_the_calls_answer() {
    let asks = Does::Ask(vec![("roots/list".into(), "{}".into()), ("roots/list".into(), "{}".into())]);
    let clients = Clients::of(Script { form: Form::EventStream, ..Script::with([Tool::new("ask", asks)]) });
    let sidecar = Sidecar::start(&origin(&clients.switchboard.mcp), ALICE);
    let mut agent = sidecar.agent();
    agent.initialize_with("2025-11-25", ABLE).await;
    let mut called = call_asking(&agent).await;
    assert_eq!(
        (called.status, &called.headers["content-type"]),
        (StatusCode::OK, &"text/event-stream".parse().unwrap())
    );
    for _ in 0..2 {
        let asked = called.message().await;
        assert_eq!(asked["method"], "roots/list");
        let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"roots": []}}).to_string();
        assert_eq!(agent.post(answer).await.status, StatusCode::ACCEPTED);
    }
    assert!(called.message().await["result"]["structuredContent"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_session_tells_of_what_changes() {
    let Beside { scene, sidecar } = Beside::of(Script::echo());
    let mut agent = sidecar.agent();
    agent.initialize("2025-11-25").await;
    let mut stream = agent.listen(&[]).await;
    let beginning = stream.next().await.unwrap();
    assert!(beginning.id.is_some() && beginning.data.is_empty());
    assert!(stream.is_silent(Duration::from_millis(300)).await);
    let more = Upstream::start(Script::with([Tool::new("more", Does::Echo)]));
    scene.manifests.http("more", &more.url()).key("scene", KEY, &["up", "more"]);
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    drop(stream);
    // A broken stream goes on from its last event: the gateway heard that its client left.
    let mut again = agent.listen(&[("last-event-id", &beginning.id.unwrap())]).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.message().await["method"], "notifications/tools/list_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_goes_away_is_gone_for_the_gateway_too() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let said = |what: &str| std::fs::read_to_string(&journal).unwrap_or_default().matches(what).count();
    let script = Script { journal: Some(journal.clone()), ..Script::with([Tool::new("hang", Does::Hang)]) };
    let beside = Beside::before(Scene::over(Transport::Stdio, script, &json!({})));
    let url = beside.sidecar.mcp.clone();
    let call = tokio::spawn(async move {
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "up-hang")];
        let body = modern_body(1, "tools/call", r#""name":"up-hang","arguments":{}"#);
        Client::new(&url).send(&Method::POST, &headers, body).await
    });
    until("the call is upstream", SOON, || (said("tools/call") == 1).then_some(()));
    assert_eq!(said("notifications/cancelled"), 0);
    call.abort();
    until("the server hears of it", SOON, || (said("notifications/cancelled") == 1).then_some(()));
}

/// Neither a large request nor a large answer is held: one that is held at a time would show.
#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_pass_through_and_are_not_held() {
    const LARGE: usize = 15 * 1024 * 1024;
    let tools = [Tool::new("huge", Does::Huge(LARGE as u64)), Tool::new("echo", Does::Echo)];
    let Beside { scene, sidecar } = Beside::before(Scene::of(Script { keep: false, ..Script::with(tools) }));
    let mut agent = sidecar.agent();
    let text = "x".repeat(3 * 1024 * 1024);
    let large = format!(r#"{{"text":"{text}"}}"#);
    assert!(!agent.call("up-echo", "{}").await.is_tool_error());
    let before = rss_bytes(sidecar.pid());
    let answer = agent.call("up-echo", &large).await;
    assert!(answer.body.windows(text.len()).any(|bytes| bytes == text.as_bytes()));
    for _ in 0..3 {
        let answer = agent.call("up-huge", "{}").await;
        assert!(answer.body.len() >= LARGE, "{}", answer.body.len());
    }
    let grown = peak_bytes(sidecar.pid()).saturating_sub(before);
    assert!(grown < 3 * 1024 * 1024, "it took {grown} bytes more at times");
    drop(scene);
}

/// What comes in pieces goes on in pieces: the gateway has the head before the agent has sent the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_passed_on_while_it_is_being_sent() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let gateway = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sidecar = Sidecar::start(&format!("http://{}", gateway.local_addr().unwrap()), KEY);
    let (address, _) = tests::client::split(&sidecar.mcp);
    let mut agent = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nTransfer-Encoding: chunked\r\n\r\n");
    agent.write_all(head.as_bytes()).await.unwrap();
    let (mut taken, _) = gateway.accept().await.unwrap();
    let mut seen = Vec::new();
    for piece in ["one", "two", "three"] {
        agent.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
        until_async("the piece arrives", SOON, async || {
            let mut buffer = [0; 4096];
            let read = taken.read(&mut buffer).await.unwrap();
            seen.extend_from_slice(&buffer[..read]);
            String::from_utf8_lossy(&seen).contains(piece).then_some(())
        })
        .await;
    }
}
