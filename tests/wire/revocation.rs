//! What is taken away ends within a second: calls under way, and requests that
//! were begun before and finished after.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::upstream::{Does, Script, Tool};
use tests::wait::{until, until_async};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::scene::{KEY, Scene, TRANSPORTS};

/// The file in which a [`Scene`] has the caller's binding.
const BINDING: &str = "McpKeyBinding-scene.yaml";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_ends_with_its_callers_key_over_every_transport() {
    for transport in TRANSPORTS {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let script = Script { journal: Some(journal.clone()), ..Script::with([Tool::new("hang", Does::Hang)]) };
        let scene = Scene::over(transport, script, &json!({}));
        let mut client = scene.session().await;
        let call = tokio::spawn(async move { client.call("up-hang", "{}").await });
        until("the call at the server", Duration::from_secs(5), || {
            let written = std::fs::read_to_string(&journal).unwrap_or_default();
            (scene.upstream.posts("tools/call") == 1 || written.contains("tools/call")).then_some(())
        });
        let began = Instant::now();
        scene.manifests.remove(BINDING);
        let answer = call.await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "{transport:?}: {:?}", began.elapsed());
        assert_eq!(answer.text(), "Error: Tool 'up-hang' not found", "{transport:?}");
        assert_eq!(scene.client().request("tools/list", "{}").await.status, 401, "{transport:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_begun_before_and_finished_after_is_refused_and_has_no_effect() {
    let scene = Scene::of(Script::echo());
    let (address, _) = tests::client::split(&scene.switchboard.mcp);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-echo","arguments":{}}}"#;
    let (early, late) = body.split_at(20);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Api-Key: {KEY}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut parked = TcpStream::connect(address).await.unwrap();
    parked.write_all(head.as_bytes()).await.unwrap();
    parked.write_all(early.as_bytes()).await.unwrap();
    scene.manifests.remove(BINDING);
    let mut other = scene.client();
    until_async("the revocation", Duration::from_secs(5), async || {
        (other.request("tools/list", "{}").await.status == 401).then_some(())
    })
    .await;
    parked.write_all(late.as_bytes()).await.unwrap();
    let mut answer = String::new();
    parked.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(scene.upstream.posts("tools/call"), 0);
}
