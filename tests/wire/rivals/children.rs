//! A gateway that forgets what it started leaves a process behind for each session that ended, and all of them when it
//! is killed itself.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::sse_client::SseClient;
use tests::upstream::{Does, Script, Tool, stdio};
use tests::usage::{descendants, lives};
use tests::wait::until;

use crate::scene::KEY;

const SOON: Duration = Duration::from_secs(15);

/// Switchboard with a server whose process starts another one and does not look after it.
fn start(mode: &str) -> (Manifests, Switchboard) {
    let mut child = stdio::manifest(&Script::with([Tool::new("pid", Does::Pid)]));
    let script = child["args"][0].take();
    child["args"] = json!(["-c", "sleep 1000 & exec \"$0\" \"$@\"", child["command"], script]);
    child["command"] = json!("sh");
    let manifests = Manifests::default();
    manifests.server("up", &json!({"stdio": child, "sessionMode": mode})).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    (manifests, switchboard)
}

async fn session(switchboard: &Switchboard) -> Client {
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    client
}

async fn pid(client: &mut Client) -> u32 {
    client.call("up-pid", "{}").await.text().parse().unwrap()
}

/// Every process below the gateway.
fn family(switchboard: &Switchboard) -> BTreeSet<u32> {
    descendants(switchboard.pid()).iter().map(|process| process.pid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_takes_its_child_and_what_that_started_with_it() {
    let (_manifests, switchboard) = start("PerClient");
    let mut stays = session(&switchboard).await;
    let kept = pid(&mut stays).await;
    let before = family(&switchboard);
    assert!(before.contains(&kept) && before.len() >= 2, "{before:?}");
    for _ in 0..3 {
        let mut ends = session(&switchboard).await;
        let own = pid(&mut ends).await;
        assert_ne!(own, kept);
        let added: Vec<u32> = family(&switchboard).difference(&before).copied().collect();
        assert!(added.contains(&own) && added.len() >= 2, "a child and its own: {added:?}");
        assert!(ends.send(&Method::DELETE, &[], "").await.status.is_success());
        until("they are gone", SOON, || (!added.iter().any(|pid| lives(*pid))).then_some(()));
    }
    // An old client has no DELETE: its session ends with its stream.
    let mut old = SseClient::open(&switchboard.mcp.replace("/mcp", "/sse"), &[("x-api-key", KEY)]).await.unwrap();
    old.initialize("2024-11-05").await;
    let answer = old.call("up-pid", "{}").await;
    let own: u32 = answer["result"]["content"][0]["text"].as_str().unwrap().parse().unwrap();
    assert!(lives(own) && own != kept);
    drop(old);
    until("it is gone", SOON, || (family(&switchboard) == before).then_some(()));
    assert_eq!(pid(&mut stays).await, kept, "the session that did not end has its child");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_without_a_session_leave_no_child_each() {
    for mode in ["Shared", "PerCaller", "PerClient"] {
        let (_manifests, switchboard) = start(mode);
        let mut client = Client::new(&switchboard.mcp).key(KEY);
        let first = pid(&mut client).await;
        let before = family(&switchboard).len();
        for _ in 0..20 {
            assert_eq!(pid(&mut client).await, first, "{mode}");
            let answer = client.modern("tools/call", Some("up-pid"), r#""name":"up-pid","arguments":{}"#).await;
            assert!(!answer.is_tool_error(), "{mode}: {answer:?}");
        }
        // Modern clients may have a child of their own.
        let after = family(&switchboard).len();
        assert!(after <= 2 * before, "{mode}: {before} processes became {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_child_outlives_a_gateway_that_is_told_to_end_or_is_killed() {
    for mode in ["Shared", "PerCaller", "PerClient"] {
        for signal in [Signal::TERM, Signal::KILL] {
            let (_manifests, switchboard) = start(mode);
            let mut clients = [session(&switchboard).await, session(&switchboard).await];
            for client in &mut clients {
                assert!(lives(pid(client).await));
            }
            let family = family(&switchboard);
            assert!(family.len() >= if mode == "PerClient" { 4 } else { 2 }, "{mode}: {family:?}");
            kill_process(Pid::from_raw(switchboard.pid().cast_signed()).unwrap(), signal).unwrap();
            until("all are gone", SOON, || (!family.iter().any(|pid| lives(*pid))).then_some(()));
            until("the gateway too", SOON, || (!lives(switchboard.pid())).then_some(()));
        }
    }
}
