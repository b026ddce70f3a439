//! What belongs to the session of an old client (R12): it is asked, told and heard on its one stream, and everything
//! ends with that.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tests::process::Switchboard;
use tests::sse_client::SseClient;
use tests::upstream::{Does, Form, Script, Tool};
use tests::wait::{until, until_async};

use super::asking::{ABLE, ALICE, BOB, Clients};
use super::scene::{KEY, Scene, Transport};

/// How long something may take that waits for nobody.
const SOON: Duration = Duration::from_secs(5);
/// How many requests of one stream are answered at once.
const AT_ONCE: usize = 64;

async fn begun(switchboard: &Switchboard, key: &str, revision: &str) -> SseClient {
    let url = switchboard.mcp.replace("/mcp", "/sse");
    let mut client = SseClient::open(&url, &[("x-api-key", key)]).await.unwrap();
    client.initialize_with(revision, ABLE).await;
    client
}

fn asks(method: &str) -> Script {
    let tools = [Tool::new("ask", Does::Ask(vec![(method.to_owned(), "{}".to_owned())]))];
    Script { form: Form::EventStream, ..Script::with(tools) }
}

async fn answer(client: &mut SseClient, id: &Value, rest: &str) -> StatusCode {
    client.post(format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_server_asks_an_old_client_in_a_call() {
    for (revision, method) in [("2024-11-05", "sampling/createMessage"), ("2025-11-25", "elicitation/create")] {
        let clients = Clients::of(asks(method));
        let (mut alice, mut bob) =
            (begun(&clients.switchboard, ALICE, revision).await, begun(&clients.switchboard, BOB, revision).await);
        let call = alice.ask("tools/call", r#"{"name":"up-ask"}"#).await;
        let asked = alice.message().await.unwrap();
        assert_eq!(asked["method"], method);
        for id in [asked["id"].clone(), json!("ask-0")] {
            assert_eq!(answer(&mut bob, &id, r#""result":{}"#).await, StatusCode::BAD_REQUEST, "foreign");
        }
        assert_eq!(answer(&mut alice, &asked["id"], r#""result":{"of":"alice"}"#).await, StatusCode::ACCEPTED);
        let last = alice.message().await.unwrap();
        assert_eq!(last["id"], call);
        assert_eq!(last["result"]["structuredContent"]["answers"][0]["result"]["of"], "alice", "{last}");
        assert_eq!(answer(&mut alice, &asked["id"], r#""result":{}"#).await, StatusCode::BAD_REQUEST, "once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_what_a_server_says_unasked_is_on_the_stream_of_its_own_client() {
    let clients =
        Clients::over(Transport::Sse, Script { listens: true, ..Script::with([Tool::new("note", Does::Remember)]) });
    let (mut alice, mut bob) =
        (begun(&clients.switchboard, ALICE, "2025-11-25").await, begun(&clients.switchboard, BOB, "2025-11-25").await);
    assert!(alice.call("up-note", r#"{"text":"hers"}"#).await["result"].is_object());
    until_async("the gateway listens upstream", SOON, async || {
        (clients.upstream.say(r#"{"jsonrpc":"2.0","method":"notifications/nothing"}"#) >= 1).then_some(())
    })
    .await;
    clients
        .upstream
        .say(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"only for her"}}"#);
    assert_eq!(alice.message().await.unwrap()["params"]["data"], "only for her");
    clients.upstream.change(|script| script.tools.push(Tool::new("later", Does::Echo)));
    clients.upstream.say(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    assert_eq!(alice.message().await.unwrap()["method"], "notifications/tools/list_changed");
    assert_eq!(bob.request("ping", "{}").await["result"], json!({}), "nothing of hers came before");
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_call_is_cancelled_by_its_own_stream_though_every_place_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let script = Script { journal: Some(journal.clone()), ..Script::with([Tool::new("hang", Does::Hang)]) };
    let scene = Scene::over(Transport::Stdio, script, &json!({"limits": {"maxConcurrentCalls": 1000}}));
    let said = |what: &str| {
        std::fs::read_to_string(&journal).unwrap_or_default().lines().filter(|line| line.contains(what)).count()
    };
    let (mut client, mut other) =
        (begun(&scene.switchboard, KEY, "2024-11-05").await, begun(&scene.switchboard, KEY, "2024-11-05").await);
    let mut calls = Vec::new();
    for _ in 0..AT_ONCE {
        calls.push(client.ask("tools/call", r#"{"name":"up-hang"}"#).await);
    }
    until("the calls at the server", SOON, || (said("tools/call") == AT_ONCE).then_some(()));
    let cancel =
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{}}}}}"#, calls[0]);
    assert_eq!(other.post(cancel.clone()).await.status, StatusCode::ACCEPTED);
    assert_eq!(other.request("ping", "{}").await["result"], json!({}));
    assert_eq!(said("notifications/cancelled"), 0, "a call of another stream");
    assert_eq!(client.post(cancel).await.status, StatusCode::ACCEPTED);
    until("the server hears of it", SOON, || (said("notifications/cancelled") == 1).then_some(()));
    assert_eq!(client.request("ping", "{}").await["result"], json!({}), "there is a place again, and no answer came");
    drop(client);
    until("the server hears of the others", SOON, || (said("notifications/cancelled") == AT_ONCE).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_the_session_with_a_server_and_its_calls_end_with_the_stream() {
    let clients = Clients::of(Script::with([Tool::new("note", Does::Remember), Tool::new("hang", Does::Hang)]));
    let (mut one, mut other) = (
        begun(&clients.switchboard, ALICE, "2024-11-05").await,
        begun(&clients.switchboard, ALICE, "2024-11-05").await,
    );
    for client in [&mut one, &mut other] {
        assert!(client.call("up-note", r#"{"text":"first"}"#).await["result"].is_object());
    }
    one.ask("tools/call", r#"{"name":"up-hang"}"#).await;
    until("the call at the server", SOON, || (clients.upstream.posts("tools/call") == 3).then_some(()));
    let before = clients.upstream.sessions();
    drop(one);
    until("the session upstream ends", SOON, || (clients.upstream.sessions() + 1 == before).then_some(()));
    let again = other.call("up-note", r#"{"text":""}"#).await;
    assert_eq!(again["result"]["content"][0]["text"], "first", "another's goes on");
}
