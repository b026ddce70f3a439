//! What a client cancels, and what it does not by going away.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::Client;
use tests::upstream::{Does, Script, Tool};
use tests::wait::until;

use super::scene::{KEY, Scene, Transport};

const A_WHILE: Duration = Duration::from_millis(300);
const HANG: &str = r#"{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{"name":"up-hang","arguments":{}}}"#;
const CANCEL: &str = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"mine"}}"#;

/// A child with a journal, whose call never ends.
fn child(journal: &std::path::Path) -> Scene {
    let tools = [Tool::new("hang", Does::Hang), Tool::new("echo", Does::Echo)];
    Scene::over(Transport::Stdio, Script { journal: Some(journal.to_owned()), ..Script::with(tools) }, &json!({}))
}

fn said(journal: &std::path::Path, what: &str) -> usize {
    std::fs::read_to_string(journal).unwrap_or_default().lines().filter(|line| line.contains(what)).count()
}

fn called(scene: &Scene, client: &Client, journal: &std::path::Path) -> tokio::task::JoinHandle<StatusCode> {
    let before = said(journal, "tools/call");
    let (url, session) = (scene.switchboard.mcp.clone(), client.session().map(ToOwned::to_owned));
    let call = tokio::spawn(async move {
        let mut client = Client::new(&url).key(KEY);
        if let Some(session) = session {
            client.set_header("mcp-session-id", &session);
        }
        client.post(HANG).await.status
    });
    until("the call is upstream", Duration::from_secs(5), || (said(journal, "tools/call") > before).then_some(()));
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_cancelled_by_its_own_session_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let scene = child(&journal);
    let mut client = scene.session().await;
    let call = called(&scene, &client, &journal);
    let mut other = scene.session().await;
    assert_eq!(other.post(CANCEL).await.status, StatusCode::ACCEPTED);
    assert_eq!(scene.client().post(CANCEL).await.status, StatusCode::ACCEPTED);
    assert_eq!(client.post(CANCEL.replace(r#""mine""#, "7")).await.status, StatusCode::ACCEPTED);
    assert_eq!(client.call("up-echo", "{}").await.status, StatusCode::OK);
    assert_eq!(said(&journal, "notifications/cancelled"), 0);
    assert!(!call.is_finished());
    assert_eq!(client.post(CANCEL).await.status, StatusCode::ACCEPTED);
    assert_eq!(call.await.unwrap(), StatusCode::ACCEPTED, "no response to what was cancelled");
    until("the server hears of it", Duration::from_secs(5), || {
        (said(&journal, "notifications/cancelled") == 1).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_an_id_that_two_calls_have_means_neither() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let scene = child(&journal);
    let (one, other) = (called(&scene, &scene.client(), &journal), called(&scene, &scene.client(), &journal));
    scene.client().post(CANCEL).await;
    scene.client().call("up-echo", "{}").await;
    assert!(!one.is_finished() && !other.is_finished());
    one.abort();
    other.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_client_that_goes_away_cancels_nothing_and_a_modern_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let scene = child(&journal);
    let legacy = called(&scene, &scene.session().await, &journal);
    legacy.abort();
    let _ = legacy.await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(said(&journal, "notifications/cancelled"), 0);
    let url = scene.switchboard.mcp.clone();
    let modern = tokio::spawn(async move {
        Client::new(&url).key(KEY).modern("tools/call", Some("up-hang"), r#""name":"up-hang","arguments":{}"#).await
    });
    until("the call is upstream", Duration::from_secs(5), || (said(&journal, "tools/call") == 2).then_some(()));
    modern.abort();
    until("the server hears of it", Duration::from_secs(5), || {
        (said(&journal, "notifications/cancelled") == 1).then_some(())
    });
    assert_eq!(scene.client().send(&Method::POST, &[], CANCEL).await.status, StatusCode::ACCEPTED);
}
