//! Servers that take long to start, as npx and uvx do when they download at the first start.

use std::time::Duration;

use serde_json::{Value, json};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, stdio};

/// A ceiling for a loaded machine, beyond what the servers themselves take.
const SOON: Duration = Duration::from_secs(20);

/// A stdio server that a shell starts when `until` is true.
fn server(until: &str) -> Value {
    let stdio = stdio::manifest(&Script::echo());
    let wait = format!(r#"until {until}; do sleep 0.05; done; exec "$0" "$1""#);
    let arguments = json!(["-c", wait, stdio["command"], stdio["args"][0]]);
    json!({
        "stdio": {"command": "sh", "args": arguments},
        "sessionMode": "Shared",
        "timeouts": {"connectSeconds": 60, "listSeconds": 1},
    })
}

fn state<'e>(event: &'e Value, alias: &str) -> &'e str {
    let servers = event["servers"].as_array().unwrap();
    servers.iter().find(|server| server["alias"] == alias).unwrap()["state"].as_str().unwrap()
}

#[test]
fn a_server_has_its_time_to_connect_and_one_that_needs_over_ten_seconds_is_ready_later() {
    let manifests = Manifests::default();
    let gate = tempfile::tempdir().unwrap();
    let gate = gate.path().join("open");
    manifests.server("slow", &server("sleep 3")).server("slower", &server(&format!("test -e {}", gate.display())));
    let switchboard = Switchboard::start(manifests.path(), &Options::default());
    let first = switchboard.event("ready", SOON, |_| true);
    assert_eq!(state(&first, "slow"), "ready", "a list may take its own second after the start: {first}");
    assert_eq!(state(&first, "slower"), "discovering", "{first}");
    std::fs::write(&gate, "").unwrap();
    switchboard.event("ready", SOON, |event| state(event, "slower") == "ready");
    let failed = switchboard.errors();
    assert!(!failed.contains("tools/list failed"), "{failed}");
}
