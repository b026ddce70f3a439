//! A gateway that prefixes names only once there is a second server renames every tool of the first when that appears;
//! one that splits names at a separator sends calls elsewhere.

use std::time::Duration;

use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::until_async;

use crate::scene::KEY;

const SOON: Duration = Duration::from_secs(20);

/// Writes a server that was made in this year.
fn server(manifests: &Manifests, (name, year): (&str, u32), upstream: &Upstream, naming: &Value) {
    let spec = json!({
        "http": {"url": upstream.url(), "transport": "StreamableHTTP"}, "sessionMode": "Shared", "naming": naming,
    });
    let metadata = json!({"name": name, "creationTimestamp": format!("{year}-01-01T00:00:00Z")});
    let object = json!({
        "apiVersion": "switchboard.dev/v1alpha1", "kind": "McpServer", "metadata": metadata, "spec": spec,
    });
    manifests.write(&format!("McpServer-{name}.yaml"), &object.to_string());
}

fn script(tools: &[&str]) -> Script {
    Script::with(tools.iter().map(|tool| Tool::new(tool, Does::Echo)))
}

/// What the first server's tools are called, and what the second's are beside them.
async fn stay(naming: &Value, [first, second]: [(&str, &[&str]); 2], [names, beside]: [&[&str]; 2]) {
    let upstreams = [Upstream::start(script(first.1)), Upstream::start(script(second.1))];
    let manifests = Manifests::default();
    server(&manifests, (first.0, 2024), &upstreams[0], naming);
    manifests.key("scene", KEY, &[first.0, second.0]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    assert_eq!(client.tools().await, names);

    server(&manifests, (second.0, 2025), &upstreams[1], naming);
    let all: Vec<&str> = names.iter().chain(beside).copied().collect();
    until_async("the second server is listed", SOON, async || {
        let tools = client.tools().await;
        assert!(names.iter().all(|name| tools.iter().any(|tool| tool == name)), "at no time: {tools:?}");
        (tools.len() > names.len()).then_some(())
    })
    .await;
    let mut tools = client.tools().await;
    tools.sort_by_key(|tool| all.iter().position(|name| name == tool));
    assert_eq!(tools, all);
    // Each name leads where it led, and the second server's lead to it.
    for (at, name) in names.iter().map(|name| (0, name)).chain(beside.iter().map(|name| (1, name))) {
        let before = upstreams[at].posts("tools/call");
        assert_eq!(client.call(name, "{}").await.text(), "echo", "{name}");
        assert_eq!(upstreams[at].posts("tools/call"), before + 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_keep_their_names_when_a_server_with_the_same_ones_appears() {
    let prefixed = json!({"type": "Prefixed"});
    let tools: &[&str] = &["search", "hub-search"];
    stay(
        &prefixed,
        [("git", tools), ("hub", tools)],
        [&["git-search", "git-hub-search"], &["hub-search", "hub-hub-search"]],
    )
    .await;
    // As if the second one's `search` were the first one's `hub-search`.
    stay(
        &prefixed,
        [("git", tools), ("git-hub", tools)],
        [&["git-search", "git-hub-search"], &["git_hub-search", "git_hub-hub-search"]],
    )
    .await;
    // The second one's name comes first in the alphabet.
    stay(
        &json!({"type": "Bare"}),
        [("zoo", tools), ("ark", &["search", "own"])],
        [&["search", "hub-search"], &["own"]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_alone_has_the_names_that_it_has_among_others() {
    let upstream = Upstream::start(script(&["search"]));
    let manifests = Manifests::default();
    server(&manifests, ("git", 2024), &upstream, &json!({"type": "Prefixed"}));
    manifests.key("scene", KEY, &["git"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    for path in ["/mcp", "/mcp/git"] {
        let mut client = Client::new(&switchboard.mcp).key(KEY).path(path);
        client.initialize("2025-11-25").await;
        assert_eq!(client.tools().await, ["git-search"], "{path}");
    }
}
