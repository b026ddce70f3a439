//! Four servers, an access group of two of them, and the keys, served by two gateways that differ in one setting.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::toolchain::{checkout, node_modules, python2};
use tests::upstream::{Does, Received, Script, Tool, Upstream};

use crate::keys::Created;

/// The published tools of Zapier_Gmail, which notes what it is sent.
pub(crate) const ZAPIER: [&str; 2] = ["Zapier_Gmail-find_email", "Zapier_Gmail-send_email"];

/// Those of Server2, the reference server (npm `@modelcontextprotocol/server-everything`), to who cannot be asked.
pub(crate) const SERVER2: [&str; 13] = [
    "Server2-echo",
    "Server2-get-annotated-message",
    "Server2-get-env",
    "Server2-get-resource-links",
    "Server2-get-resource-reference",
    "Server2-get-structured-content",
    "Server2-get-sum",
    "Server2-get-tiny-image",
    "Server2-gzip-file-as-resource",
    "Server2-simulate-research-query",
    "Server2-toggle-simulated-logging",
    "Server2-toggle-subscriber-updates",
    "Server2-trigger-long-running-operation",
];

/// Those of Server3, which is written with PyPI `fastmcp`.
pub(crate) const SERVER3: [&str; 2] = ["Server3-add", "Server3-shout"];

/// What Zapier_Gmail is sent where no caller brings anything.
pub(crate) const STORED: &str = "Bearer stored-token";

/// Covers the start of two Python and two Node servers on a busy machine.
const READY: Duration = Duration::from_secs(120);

/// All that runs.
pub(crate) struct World {
    /// The gateway as it comes.
    pub(crate) gateway: Switchboard,
    /// The same with `authorization` as the header for credentials of the caller's own.
    pub(crate) renamed: Switchboard,
    /// The keys.
    pub(crate) keys: Created,
    zapier: Upstream,
    scratch: TempDir,
    _manifests: [Manifests; 2],
}

impl World {
    /// Starts everything and waits until every server's tools are known.
    pub(crate) fn start() -> Self {
        let answers = |text| Does::Result(json!({"content": [{"type": "text", "text": text}]}).to_string());
        let tools = [Tool::new("send_email", answers("sent")), Tool::new("find_email", answers("found"))];
        let zapier = Upstream::start(Script::with(tools));
        let keys = Created::new();
        let manifests = [(); 2].map(|()| manifests(&zapier, &keys));
        manifests[1].settings(&json!({"clientSideAuthHeader": "authorization"}));
        let [gateway, renamed] = manifests.each_ref().map(|own| Switchboard::start(own.path(), &Options::default()));
        for gateway in [&gateway, &renamed] {
            gateway.event("ready", READY, |event| {
                event["servers"].as_array().unwrap().iter().all(|server| server["state"] == "ready")
            });
        }
        Self { gateway, renamed, keys, zapier, scratch: tempfile::tempdir().unwrap(), _manifests: manifests }
    }

    /// The command, with a folder of this run for what it would keep in the home of its user.
    pub(crate) fn prepared(&self, mut command: Command) -> Command {
        command.env("MCP_REMOTE_CONFIG_DIR", self.scratch.path());
        command
    }

    /// The `Authorization` of the call of Zapier_Gmail whose arguments have this text.
    pub(crate) fn credential_of_call(&self, text: &str) -> Option<String> {
        let calls = self.zapier.received_of("tools/call");
        let has = |call: &&Received| str::from_utf8(&call.body).unwrap().contains(text);
        calls.iter().find(has)?.header("authorization").map(ToOwned::to_owned)
    }

    /// Zapier_Gmail was called so often, and no key nor header that is for the gateway alone was sent to it (R22).
    pub(crate) fn assert_that_zapier_saw_what_is_for_it_alone(&self, calls: usize) {
        assert_eq!(self.zapier.received_of("tools/call").len(), calls, "calls that are refused arrive nowhere");
        for (name, value) in self.zapier.received().iter().flat_map(|request| &request.headers) {
            assert!(!["x-litellm-api-key", "x-mcp-auth", "x-mcp-servers"].contains(&name.as_str()), "{name}");
            assert!(self.keys.all().iter().all(|key| !value.contains(key)), "a key stands in {name}");
        }
    }
}

fn manifests(zapier: &Upstream, keys: &Created) -> Manifests {
    let manifests = Manifests::default();
    let stored = STORED.trim_start_matches("Bearer ");
    manifests.server(
        "zapier-gmail",
        &json!({
            "alias": "Zapier_Gmail", "http": {"url": zapier.sse_url(), "transport": "SSE"},
            "auth": {"type": "Bearer", "bearer": {"value": stored}, "clientSide": "Replace"},
            "accessGroups": [{"name": "dev-group"}],
        }),
    );
    let everything = node_modules().join("@modelcontextprotocol/server-everything/dist/index.js");
    let mut server2 = stdio("Server2", "node", &json!([everything, "stdio"]));
    server2["accessGroups"] = json!([{"name": "dev-group"}]);
    manifests.server("server2", &server2);
    let notes = checkout().join("tests/agents/programs/notes_server.py");
    manifests.server("server3", &stdio("Server3", python2().to_str().unwrap(), &json!(["-B", notes])));
    manifests.server("server4", &stdio("Server4", "switchboard", &json!(["demo-server"])));
    manifests.object("McpAccessGroup", "dev-group", &json!({}));
    keys.write(&manifests);
    manifests
}

/// A child that all callers share. How long it takes to start is not the question here.
fn stdio(alias: &str, command: &str, args: &Value) -> Value {
    json!({
        "alias": alias, "stdio": {"command": command, "args": args}, "sessionMode": "Shared",
        "timeouts": {"connectSeconds": 60},
    })
}
