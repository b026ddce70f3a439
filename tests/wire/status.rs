//! What `/status` says of servers.

use serde_json::{Value, json};
use tests::client::get;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};

fn server(upstream: &Upstream, more: &Value) -> Value {
    let mut spec = json!({
        "http": {"url": upstream.url(), "transport": "StreamableHTTP"},
        "sessionMode": "Shared",
        "naming": {"type": "Bare"},
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_has_as_many_tools_as_it_publishes() {
    let tools = |names: &[&str]| Script::with(names.iter().map(|name| Tool::new(name, Does::Echo)));
    let first = Upstream::start(tools(&["a", "b", "c"]));
    let second = Upstream::start(tools(&["a", "d", "e"]));
    let manifests = Manifests::default();
    manifests.server("first", &server(&first, &json!({"tools": {"deny": ["b"]}})));
    manifests.server("second", &server(&second, &json!({"tools": {"allow": ["a", "d"]}})));
    manifests.http("gone", &tests::upstream::dead_url());
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let status = get(&format!("{}/status", switchboard.admin)).await.json();
    let of = |alias: &str| {
        let servers = status["servers"].as_array().unwrap();
        servers.iter().find(|server| server["alias"] == alias).unwrap()["tools"].clone()
    };
    assert_eq!(of("first"), 2, "not the one that is denied: {status}");
    assert_eq!(of("second"), 1, "nor one whose name an earlier server has: {status}");
    assert_eq!(of("gone"), 0, "{status}");
}
