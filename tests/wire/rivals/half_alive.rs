//! A gateway that passes on a server's 404 for its own session leaves clients with a session that is valid and in which
//! nothing works any more, until they begin another by themselves.

use std::time::Duration;

use serde_json::{Value, json};
use tests::client::Client;
use tests::upstream::{Does, Script, Tool};
use tests::wait::{until, until_async};

use crate::asking::{ABLE, ALICE, Clients};
use crate::scene::Scene;

const SOON: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_millis(300);
/// The end of the client's answer.
const ROOTS: &[u8] = br#""result":{"roots":[]}}"#;
const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// So many calls, all of which have to be answered.
async fn calls(client: &mut Client, count: u64) {
    for number in 0..count {
        let answer = client.call("up-echo", "{}").await;
        assert_eq!(answer.text(), "echo", "{number}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_server_forgot_its_sessions_calls_and_lists_go_on_and_no_call_has_two_effects() {
    for mode in ["Shared", "PerCaller", "PerClient"] {
        let scene =
            Scene::with(Script { list_changed: true, listens: true, ..Script::echo() }, &json!({"sessionMode": mode}));
        let mut client = scene.session().await;
        calls(&mut client, 3).await;
        for round in 1..=3 {
            scene.upstream.forget_sessions();
            calls(&mut client, 3).await;
            assert_eq!(scene.upstream.taken("tools/call"), 3 + 3 * round, "{mode}: each call has one effect");
            assert_eq!(client.tools().await, ["up-echo"], "{mode}");
        }
        // Lists are not only those of before: what the server has now is read too, in another session.
        scene.upstream.forget_sessions();
        scene.upstream.change(|script| script.tools.push(Tool::new("more", Does::Echo)));
        until_async("the new tool is listed", SOON, async || {
            scene.upstream.say(CHANGED);
            (client.tools().await == ["up-echo", "up-more"]).then_some(())
        })
        .await;
        assert_eq!(client.call("up-more", "{}").await.text(), "echo", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_session_at_a_server_begins_again_whole() {
    let clients = Clients::of(Script { listens: true, ..Script::echo() });
    let mut client = clients.session(ALICE, "2025-06-18", ABLE).await;
    let mut stream = client.listen(&[]).await;
    calls(&mut client, 1).await;
    let heard = || until("the gateway hears the server", SOON, || clients.upstream.is_heard_by_callers().then_some(()));
    let in_use =
        || clients.upstream.received_of("tools/call").pop().unwrap().header("mcp-session-id").unwrap().to_owned();
    let first = in_use();
    heard();

    clients.upstream.forget_sessions();
    calls(&mut client, 1).await;
    assert_eq!(clients.upstream.taken("tools/call"), 2);
    let second = in_use();
    assert_ne!(first, second);
    heard();
    // It was begun with what the client can be asked for, as the first was. Sessions are numbered as they begin.
    let begun = clients.upstream.received_of("initialize");
    for session in [&first, &second] {
        let number: usize = session.strip_prefix("scripted-").unwrap().parse().unwrap();
        let initialize: Value = serde_json::from_slice(&begun[number - 1].body).unwrap();
        for capability in ["sampling", "elicitation", "roots"] {
            assert!(initialize["params"]["capabilities"][capability].is_object(), "{session}: {initialize}");
        }
    }

    // What the server asks now reaches the client once, and the answer reaches the server in the second session.
    clients.upstream.say(r#"{"jsonrpc":"2.0","id":"who","method":"roots/list"}"#);
    let asked = stream.message().await;
    assert_eq!(asked["method"], "roots/list");
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"roots":[]}}}}"#, asked["id"]);
    assert_eq!(client.post(answer).await.status, 202);
    until("the server has it", SOON, || clients.upstream.answers().iter().any(|(id, _)| id == "who").then_some(()));
    // Sessions that read lists have no client, and say so.
    let answers = clients.upstream.received_of("").into_iter().filter(|received| received.body.ends_with(ROOTS));
    let sessions: Vec<_> = answers.map(|answer| answer.header("mcp-session-id").unwrap().to_owned()).collect();
    assert_eq!(sessions, [second]);
    assert!(stream.is_silent(A_WHILE).await, "nothing came twice");
}
