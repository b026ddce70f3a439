//! Nothing of one caller reaches another (R23): lists, calls, sessions,
//! children, by PerCaller and by what callers bring along.

use std::time::Duration;

use serde_json::json;
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, stdio};
use tests::wait::until_async;

use super::asking::{ALICE, BOB, Clients};
use super::scene::{TRANSPORTS, Transport};

/// A session of a caller who brings these headers along.
async fn session(clients: &Clients, key: &str, headers: &[(&str, &str)]) -> Client {
    let mut client = Client::new(&clients.switchboard.mcp).key(key);
    for (name, value) in headers {
        client.set_header(name, value);
    }
    client.initialize("2025-11-25").await;
    client
}

fn notes() -> Script {
    Script::with([Tool::new("note", Does::Remember), Tool::new("pid", Does::Pid)])
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_per_caller_sessions_and_children_are_nobody_elses() {
    for transport in TRANSPORTS {
        let shared = Clients::with(transport, notes(), &json!({"sessionMode": "PerCaller"}));
        let mut alice = session(&shared, ALICE, &[]).await;
        let mut bob = session(&shared, BOB, &[]).await;
        let mut alice_again = session(&shared, ALICE, &[]).await;
        assert_eq!(alice.call("up-note", r#"{"text":"of alice"}"#).await.text(), "", "{transport:?}");
        assert_eq!(bob.call("up-note", r#"{"text":"of bob"}"#).await.text(), "", "{transport:?}");
        assert_eq!(alice_again.call("up-note", r#"{"text":""}"#).await.text(), "of alice", "{transport:?}");
        if transport == Transport::Stdio {
            let (one, other) = (alice.call("up-pid", "{}").await.text(), bob.call("up-pid", "{}").await.text());
            assert_ne!(one, other, "a child of their own");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_sessions_are_shared() {
    // The mirror of the test above: without it that one could not fail.
    for transport in TRANSPORTS {
        let shared = Clients::with(transport, notes(), &json!({"sessionMode": "Shared"}));
        let mut alice = session(&shared, ALICE, &[]).await;
        let mut bob = session(&shared, BOB, &[]).await;
        alice.call("up-note", r#"{"text":"of alice"}"#).await;
        assert_eq!(bob.call("up-note", r#"{"text":""}"#).await.text(), "of alice", "{transport:?}");
    }
}

/// A server that shows each bearer a further tool.
fn personal() -> Script {
    Script { caller_header: Some("authorization".to_owned()), ..Script::echo() }
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_x_mcp_auth_of_one_caller_shows_and_opens_nothing_to_another() {
    let auth = json!({"type": "Bearer", "bearer": {"value": "house"}, "clientSide": "Replace"});
    let shared = Clients::with(Transport::Http, personal(), &json!({"sessionMode": "Shared", "auth": auth}));
    let mut alice = session(&shared, ALICE, &[("x-mcp-auth", "alice")]).await;
    let mut bob = session(&shared, BOB, &[("x-mcp-auth", "bob")]).await;
    let mut plain = session(&shared, BOB, &[]).await;
    sees_own_alone(&mut alice, "alice").await;
    sees_own_alone(&mut bob, "bob").await;
    sees_own_alone(&mut plain, "house").await;
    for (client, mine) in [(&mut alice, "alice"), (&mut bob, "bob"), (&mut plain, "house")] {
        for name in ["alice", "bob", "house"] {
            let answer = client.call(&format!("up-for_{name}"), "{}").await;
            assert_eq!(answer.is_tool_error(), name != mine, "{mine} calls for_{name}: {answer:?}");
        }
        assert!(!client.call("up-echo", &format!(r#"{{"by":"{mine}"}}"#)).await.is_tool_error());
    }
    for call in shared.upstream.received_of("tools/call") {
        let body = String::from_utf8(call.body.to_vec()).unwrap();
        for name in ["alice", "bob", "house"].into_iter().filter(|name| body.contains(&format!(r#""by":"{name}""#))) {
            assert_eq!(call.header("authorization"), Some(format!("Bearer {name}").as_str()), "{body}");
        }
    }
}

/// The caller's own list settles on their own further tool and never shows another's.
async fn sees_own_alone(client: &mut Client, name: &str) {
    let own = format!("up-for_{name}");
    until_async("one's own tool", Duration::from_secs(5), async || {
        let tools = client.tools().await;
        assert!(tools.iter().all(|tool| tool == "up-echo" || *tool == own), "{name} sees {tools:?}");
        tools.contains(&own).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_sessions_with_different_credentials_of_the_same_caller_do_not_meet() {
    let auth = json!({"type": "Bearer", "bearer": {"value": "house"}, "clientSide": "Replace"});
    let shared = Clients::with(Transport::Http, notes(), &json!({"sessionMode": "Shared", "auth": auth}));
    let mut one = session(&shared, ALICE, &[("x-mcp-auth", "one")]).await;
    let mut other = session(&shared, ALICE, &[("x-mcp-auth", "other")]).await;
    assert_eq!(one.call("up-note", r#"{"text":"under one"}"#).await.text(), "");
    assert_eq!(other.call("up-note", r#"{"text":""}"#).await.text(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_header_for_one_server_makes_a_catalogue_of_its_own() {
    let shared = Clients::with(Transport::Http, personal(), &json!({"sessionMode": "Shared"}));
    let mut alice = session(&shared, ALICE, &[("x-mcp-up-authorization", "Bearer alice")]).await;
    let mut bob = session(&shared, BOB, &[]).await;
    sees_own_alone(&mut alice, "alice").await;
    assert_eq!(bob.tools().await, ["up-echo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_variable_of_a_caller_makes_a_child_of_its_own_even_if_shared() {
    let script = Script::with([Tool::new("environment", Does::Environment), Tool::new("note", Does::Remember)]);
    let mut child = stdio::manifest(&script);
    child["env"] = json!([{"name": "TOKEN", "value": "${X-Token}"}]);
    let manifests = Manifests::default();
    manifests.server("up", &json!({"stdio": child, "sessionMode": "Shared"}));
    manifests.key("alice", ALICE, &["up"]).key("bob", BOB, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    for (key, token) in [(ALICE, "alice-token"), (BOB, "bob-token")] {
        let mut client = Client::new(&switchboard.mcp).key(key).header("x-token", token);
        client.initialize("2025-11-25").await;
        let text = client.call("up-environment", "{}").await.text();
        let all: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(all["TOKEN"], token);
        let last = client.call("up-note", &format!(r#"{{"text":"{token}"}}"#)).await.text();
        assert_eq!(last, "", "no other's note");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_many_calls_of_two_callers_at_once_come_home() {
    for transport in TRANSPORTS {
        let shared = Clients::with(transport, Script::echo(), &json!({"sessionMode": "Shared"}));
        let talk = async |key: &'static str| {
            let mut client = session(&shared, key, &[]).await;
            for number in 0..200 {
                let answer = client.call("up-echo", &format!(r#"{{"who":"{key}","number":{number}}}"#)).await.json();
                let arguments = &answer["result"]["structuredContent"]["params"]["arguments"];
                assert_eq!(*arguments, json!({"who": key, "number": number}), "{transport:?}");
            }
        };
        // Both count their own ids from 1, so that ids collide.
        tokio::join!(talk(ALICE), talk(BOB));
    }
}
