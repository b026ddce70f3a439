//! The stream of a session, for what no answer carries.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::Client;
use tests::stream::End;
use tests::upstream::{Does, Entry, Form, Received, Script, Tool};

use super::asking::{ABLE, ALICE, BOB, Clients};
use super::scene::{Scene, Transport};

/// Long enough for what should not come to come.
const A_WHILE: Duration = Duration::from_millis(300);

fn talks() -> Script {
    let note = Tool::new("note", Does::Remember);
    let resource = Entry::resource("test://one", Does::Echo);
    Script { listens: true, ..Script::with([note]).resources([resource]) }
}

async fn heard_by(clients: &Clients, count: usize) {
    tests::wait::until_async("the gateway listens upstream", Duration::from_secs(5), async || {
        (clients.upstream.say(r#"{"jsonrpc":"2.0","method":"notifications/nothing"}"#) >= count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_needs_a_session_and_wants_events() {
    let scene = Scene::of(Script::echo());
    let session = scene.session().await;
    assert_eq!(scene.client().listen(&[]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(session.listen(&[("accept", "application/json")]).await.status, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(session.listen(&[("mcp-session-id", "forged")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(session.listen(&[("last-event-id", "forged")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(session.listen(&[("mcp-protocol-version", "2026-07-28")]).await.status, StatusCode::METHOD_NOT_ALLOWED);
    let mut stream = session.listen(&[]).await;
    assert_eq!(stream.status, StatusCode::OK);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let beginning = stream.next().await.unwrap();
    assert!(beginning.id.is_some() && beginning.data.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_unasked_reaches_its_own_client_alone() {
    let clients = Clients::over(Transport::Sse, talks());
    let mut alice = clients.session(ALICE, "2025-06-18", ABLE).await;
    let mut bob = clients.session(BOB, "2025-06-18", ABLE).await;
    let (mut to_alice, mut to_bob) = (alice.listen(&[]).await, bob.listen(&[]).await);
    alice.call("up-note", r#"{"text":""}"#).await;
    heard_by(&clients, 1).await;
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1e400}}"#;
    assert!(clients.upstream.say(log) >= 1);
    assert_eq!(to_alice.next().await.unwrap().data, log);
    clients.upstream.say(r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#);
    let asked = to_alice.message().await;
    assert_eq!(asked["method"], "roots/list");
    let id = &asked["id"];
    assert_eq!(alice.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)).await.status, 202);
    assert!(
        clients
            .upstream
            .answers()
            .iter()
            .any(|(id, body)| id == "7" && &body[..] == br#"{"jsonrpc":"2.0","id":7,"result":{}}"#)
    );
    assert!(to_bob.is_silent(A_WHILE).await, "nothing of alice's");
    // A level that is set filters, and is set upstream: the session is the client's own.
    alice.request("logging/setLevel", r#"{"level":"emergency"}"#).await;
    clients.upstream.say(log);
    clients.upstream.say(&log.replace("error", "emergency"));
    assert_eq!(to_alice.next().await.unwrap().data, log.replace("error", "emergency"));
    tests::wait::until_async("the level is set upstream", Duration::from_secs(5), async || {
        (clients.upstream.posts("logging/setLevel") == 1).then_some(())
    })
    .await;
    drop(bob);
    bob = clients.session(BOB, "2025-06-18", ABLE).await;
    assert_eq!(bob.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_nobody_listens_waits_for_the_stream() {
    let clients = Clients::over(Transport::Sse, talks());
    let mut alice = clients.session(ALICE, "2025-06-18", ABLE).await;
    alice.call("up-note", r#"{"text":""}"#).await;
    heard_by(&clients, 1).await;
    clients.upstream.say(r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create","params":{}}"#);
    let mut stream = alice.listen(&[]).await;
    assert_eq!(stream.message().await["method"], "elicitation/create");
    // A new stream takes over.
    let mut second = alice.listen(&[]).await;
    assert_eq!(stream.next().await, None);
    clients.upstream.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#);
    assert_eq!(second.message().await["method"], "notifications/cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_changed_for_the_caller_is_told_and_one_that_did_not_is_not() {
    let scene = Scene::with(Script::echo(), &json!({}));
    scene.manifests.key("other", BOB, &["up"]);
    let session = scene.session().await;
    let mut stream = session.listen(&[]).await;
    assert!(stream.next().await.unwrap().data.is_empty());
    // Nothing of what the caller sees.
    scene.manifests.key("third", "sb-key-of-third", &["up"]);
    assert!(stream.is_silent(A_WHILE).await);
    let more = tests::upstream::Upstream::start(Script::with([Tool::new("more", Does::Echo)]));
    scene.manifests.http("more", &more.url());
    scene.manifests.key("scene", super::scene::KEY, &["up", "more"]);
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_session_and_with_what_its_caller_may_do() {
    let scene = Scene::of(Script::echo());
    scene.manifests.key("alice", ALICE, &["up"]);
    let mut by_alice = Client::new(&scene.switchboard.mcp).key(ALICE);
    tests::wait::until_async("alice is known", Duration::from_secs(5), async || {
        (by_alice.try_initialize("2025-06-18").await.status == StatusCode::OK).then_some(())
    })
    .await;
    by_alice.initialize("2025-06-18").await;
    let mut session = scene.session().await;
    let (mut of_alice, mut other) = (by_alice.listen(&[]).await, session.listen(&[]).await);
    assert!(other.next().await.unwrap().data.is_empty());
    scene.manifests.remove("McpKeyBinding-alice.yaml");
    assert_eq!(of_alice.next().await, None, "the key is gone");
    assert_eq!(session.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(other.next().await, None, "the session is over");
    assert_eq!(session.listen(&[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_process_ends_its_streams() {
    let mut scene = Scene::of(Script { form: Form::Json, ..Script::echo() });
    let session = scene.session().await;
    let mut stream = session.listen(&[]).await;
    stream.next().await.unwrap();
    let began = std::time::Instant::now();
    assert!(scene.switchboard.terminate(Duration::from_secs(8)).success());
    assert!(began.elapsed() < Duration::from_secs(5), "it did not wait for the stream");
    assert_eq!(stream.event().await, Err(End::Told));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_told_of_by_the_uri_that_the_client_subscribed_to() {
    for (mode, transport) in [
        ("PerClient", Transport::Sse),
        ("PerCaller", Transport::Sse),
        ("Shared", Transport::Sse),
        ("Shared", Transport::Http),
    ] {
        told_of(mode, transport).await;
    }
    // What a child keeps, another child would not see.
    let script = Script::echo().resources([Entry::resource("test://one", Does::Echo)]);
    let shared = Scene::over(Transport::Stdio, script, &json!({}));
    let refused = shared.session().await.request("resources/subscribe", r#"{"uri":"test://one"}"#).await;
    assert_eq!(refused.code(), Some(-32601));
}

async fn told_of(mode: &str, transport: Transport) {
    let script = talks().instead("resources/subscribe", Does::Result("{}".to_owned()));
    let script = script.instead("resources/unsubscribe", Does::Result("{}".to_owned()));
    let clients = Clients::with(transport, script, &json!({"sessionMode": mode}));
    let mut alice = clients.session(ALICE, "2025-06-18", ABLE).await;
    let updated =
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://one","x":1e400}}"#;
    let said = "switchboard:up:test://one";
    let params = format!(r#"{{"uri":"{said}"}}"#);
    assert_eq!(alice.request("resources/subscribe", &params).await.json()["result"], json!({}), "{mode}");
    assert_eq!(alice.request("resources/subscribe", r#"{"uri":"test://other"}"#).await.json()["result"], json!({}));
    let (mut to_alice, mut bob) = (alice.listen(&[]).await, clients.session(BOB, "2025-06-18", ABLE).await);
    bob.call("up-note", r#"{"text":""}"#).await;
    let mut to_bob = bob.listen(&[]).await;
    heard_by(&clients, 2).await;
    clients.upstream.say(updated);
    assert_eq!(to_alice.next().await.unwrap().data, updated.replace("test://one", said), "{mode}");
    assert_eq!(alice.request("resources/unsubscribe", &params).await.json()["result"], json!({}));
    clients.upstream.say(updated);
    assert!(to_alice.is_silent(A_WHILE).await && to_bob.is_silent(A_WHILE).await, "{mode}");
    assert_eq!(clients.upstream.posts("resources/subscribe"), 2);
}

/// What a server asks in a call may come on the stream of its session, and is lost if nobody listens yet.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_of_one_client_is_listened_to_before_it_is_called() {
    let clients = Clients::of(talks());
    for _ in 0..8 {
        let mut client = clients.session(ALICE, "2025-11-25", ABLE).await;
        client.call("up-note", r#"{"text":""}"#).await;
        let received = clients.upstream.received();
        let called = received.iter().rposition(|request| request.method == "tools/call").unwrap();
        let session = received[called].header("mcp-session-id");
        let listens = |request: &Received| request.http_method == "GET" && request.header("mcp-session-id") == session;
        assert!(session.is_some() && received[..called].iter().any(listens), "{received:#?}");
    }
}

/// Servers need not have such a stream.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_listened_to_is_called() {
    let clients = Clients::of(Script { listens: false, ..talks() });
    let mut client = clients.session(ALICE, "2025-11-25", ABLE).await;
    assert!(!client.call("up-note", r#"{"text":""}"#).await.is_tool_error());
}
