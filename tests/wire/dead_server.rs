//! A server that dies is said to be dead soon after the first call that met its
//! death, or after its stream or process ended; and it is back when it is back.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tests::client::{Client, get};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream, stdio};
use tests::wait::until_async;

use super::scene::{KEY, Transport, server};

/// Within this a death shows: a list may have been read a second ago. The rest is for a loaded machine.
const SHOWS: Duration = Duration::from_secs(3);

/// Within this a server that came back is found: the waits between attempts grow from a second on.
const FOUND: Duration = Duration::from_secs(20);

/// Waits for the state of the one server in `/status`.
async fn shows(switchboard: &Switchboard, state: &str, within: Duration) -> Value {
    let url = format!("{}/status", switchboard.admin);
    until_async(state, within, async || {
        let server = get(&url).await.json()["servers"][0].take();
        (server["state"] == state).then_some(server)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_shows_after_the_first_failed_call_and_comes_back() {
    let upstream = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    manifests.http("up", &upstream.url()).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    assert!(!client.call("up-echo", "{}").await.is_tool_error());
    let address = upstream.address();
    drop(upstream);
    let failed = client.call("up-echo", "{}").await;
    assert_eq!(failed.json()["result"]["_meta"]["switchboard.dev/outcome"], "unreachable");
    let shown = shows(&switchboard, "unreachable", SHOWS).await;
    assert!(shown["detail"].as_str().is_some_and(|detail| detail.contains("cannot be reached")), "{shown}");
    let again = Upstream::start_at(address, Script::echo());
    shows(&switchboard, "ready", FOUND).await;
    assert!(!client.call("up-echo", "{}").await.is_tool_error());
    assert_eq!(again.posts("tools/call"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_event_stream_ends_shows_without_a_call() {
    let upstream = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    manifests.server("up", &server(Transport::Sse, &upstream, &json!({}), &json!({})));
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    shows(&switchboard, "ready", SHOWS).await;
    let address = upstream.address();
    drop(upstream);
    shows(&switchboard, "unreachable", SHOWS).await;
    let _again = Upstream::start_at(address, Script::echo());
    shows(&switchboard, "ready", FOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_ends_and_does_not_start_again_shows_without_a_call() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    std::fs::write(&gate, "").unwrap();
    let child = stdio::manifest(&Script::with([Tool::new("pid", Does::Pid)]));
    let script = format!(r#"test -e {} && exec "$0" "$1"; exit 3"#, gate.display());
    let arguments = json!(["-c", script, child["command"], child["args"][0]]);
    let manifests = Manifests::default();
    let spec = json!({"stdio": {"command": "sh", "args": arguments}, "sessionMode": "Shared"});
    manifests.server("up", &spec).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    let pid: i32 = client.call("up-pid", "{}").await.text().parse().unwrap();
    shows(&switchboard, "ready", SHOWS).await;
    std::fs::remove_file(&gate).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let shown = shows(&switchboard, "unreachable", SHOWS).await;
    assert_eq!(shown["detail"], "the server's process ended (exit code 3)", "{shown}");
    std::fs::write(&gate, "").unwrap();
    shows(&switchboard, "ready", FOUND).await;
}
