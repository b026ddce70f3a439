//! `conformance-client`: what the suite's `client` command runs. The suite is the server; the client that it judges is the
//! gateway, which finds the suite's URL in a manifest, and has one scripted caller before it that makes it do what the
//! scenario wants to see.
//!
//! In: the URL as last argument; `MCP_CONFORMANCE_SCENARIO`, `_CONTEXT` and `_PROTOCOL_VERSION`. Out: exit code 0 once the
//! script came to its end.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the suite reads the exit code and shows stderr: what fails here says so at once"
)]

mod caller;
mod script;

use std::time::Duration;

use serde_json::json;
use tests::client::MODERN;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tokio::time::timeout;

/// Whose the sessions with the suite are.
const SESSION_MODE: &str = "PerClient";

/// How long a script may take. The suite kills what takes 30 s, and the gateway would be left behind.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().next_back().unwrap();
    let scenario = variable("SCENARIO").unwrap();
    let revision = variable("PROTOCOL_VERSION").unwrap_or_else(|| MODERN.to_owned());
    let context = variable("CONTEXT").map_or_else(|| json!({}), |text| serde_json::from_str(&text).unwrap());
    let (_manifests, gateway) = gateway_before(&url);
    let script = script::run(&scenario, &revision, &context, &gateway.mcp);
    timeout(DEADLINE, script).await.expect("the script comes to its end");
}

#[expect(clippy::disallowed_methods, reason = "the suite says what it wants in the environment alone")]
fn variable(name: &str) -> Option<String> {
    std::env::var(format!("MCP_CONFORMANCE_{name}")).ok()
}

/// Switchboard with the suite as its one server, under bare names, for everybody.
fn gateway_before(url: &str) -> (Manifests, Switchboard) {
    let manifests = Manifests::default();
    let server = json!({"http": {"url": url}, "naming": {"type": "Bare"}, "sessionMode": SESSION_MODE});
    let anonymous = json!({"subject": {"type": "Anonymous"}, "grants": {"servers": [{"name": "suite"}]}});
    manifests.server("suite", &server).object("McpKeyBinding", "anonymous", &anonymous);
    let gateway = Switchboard::start_ready(manifests.path(), &Options::default());
    (manifests, gateway)
}
