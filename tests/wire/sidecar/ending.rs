//! The end of a sidecar: what has begun is answered, and nothing is lost where
//! another takes its place.

use std::time::{Duration, Instant};

use http::StatusCode;
use tests::client::split;
use tests::load::{Load, Plan};
use tests::mount::Mount;
use tests::sidecar::Sidecar;
use tests::sse_client::SseClient;
use tests::stream::End;
use tests::upstream::{Does, Script, Tool};
use tests::wait::until_async;

use super::super::scene::{KEY, Scene};
use super::{Beside, origin};

const SOON: Duration = Duration::from_secs(15);

/// A container that is started again: R80's load has no failure, since nothing of it is sent twice and nothing is dropped.
#[tokio::test(flavor = "multi_thread")]
async fn r80_no_request_is_lost_under_load_when_it_ends_and_another_begins() {
    let scene = Scene::of(Script { keep: false, ..Script::with([Tool::new("slow", Does::Slow(50))]) });
    let gateway = origin(&scene.switchboard.mcp);
    let mut sidecar = Sidecar::start(&gateway, KEY);
    let address = split(&sidecar.mcp).0.to_string();
    let load = Load::start(Plan::call(&sidecar.mcp, "sb-of-nobody", "up-slow"));
    for _ in 0..3 {
        let before = load.so_far().sent();
        until_async("calls go on", SOON, async || (load.so_far().sent() > before + 200).then_some(())).await;
        assert!(sidecar.terminate(SOON).success());
        let mut volume = Mount::of(&["token"]);
        volume.put(&[("token", KEY)]);
        sidecar = Sidecar::start_with(&gateway, volume, &["--listen", &address], &[]);
    }
    let before = load.so_far().sent();
    until_async("calls go on", SOON, async || (load.so_far().sent() > before + 200).then_some(())).await;
    let report = load.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures());
    assert_eq!(scene.upstream.posts("tools/call"), report.sent() as u64, "each call once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_begun_is_answered_and_streams_without_an_end_are_ended() {
    let Beside { scene, mut sidecar } = Beside::of(Script::with([Tool::new("slow", Does::Slow(1500))]));
    let mut agent = sidecar.agent();
    agent.initialize("2025-11-25").await;
    let mut stream = agent.listen(&[]).await;
    assert!(stream.next().await.unwrap().id.is_some());
    let mut listening = {
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "subscriptions/listen")];
        let filter = r#""notifications":{"toolsListChanged":true}"#;
        let body = tests::client::modern_body(1, "subscriptions/listen", filter);
        sidecar.agent().stream(&http::Method::POST, &headers, body).await
    };
    assert_eq!(listening.message().await["method"], "notifications/subscriptions/acknowledged");
    let slow = tokio::spawn(async move { agent.call("up-slow", "{}").await });
    until_async("the call is under way", SOON, async || (scene.upstream.posts("tools/call") == 1).then_some(())).await;
    let admin = sidecar.admin.clone();
    let ended = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        assert!(sidecar.terminate(SOON).success());
        (begun.elapsed(), sidecar)
    });
    until_async("it is not ready any more", SOON, async || {
        let answer = tests::client::get(&format!("{admin}/readyz")).await;
        (answer.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    assert_eq!(stream.event().await, Err(End::Told));
    assert_eq!(listening.event().await, Err(End::Told));
    let answer = slow.await.unwrap();
    assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
    assert_eq!(answer.headers["connection"], "close");
    let (took, _) = ended.await.unwrap();
    assert!(took < Duration::from_secs(8), "it did not wait for the streams: {took:?}");
}

/// Its stream bears the answers, so that it stays for as long as these may come.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_gets_the_answer_that_it_waits_for() {
    let Beside { scene, mut sidecar } = Beside::of(Script::with([Tool::new("slow", Does::Slow(1500))]));
    let url = sidecar.mcp.replace("/mcp", "/sse");
    let mut client = SseClient::open(&url, &[]).await.unwrap();
    client.initialize("2024-11-05").await;
    let calling = tokio::spawn(async move { client.call("up-slow", "{}").await });
    until_async("the call is under way", SOON, async || (scene.upstream.posts("tools/call") == 1).then_some(())).await;
    let ended = tokio::task::spawn_blocking(move || sidecar.terminate(Duration::from_secs(25)).success());
    assert!(calling.await.unwrap()["result"]["structuredContent"].is_object());
    assert!(ended.await.unwrap());
}
