//! The servers: the reference server over each transport, and one of ours on each SDK that speaks 2026-07-28.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::driver::headers;
use crate::everything::{self, Everything};
use crate::process::{Process, free_port};
use crate::toolchain;

const STARTED: Duration = Duration::from_secs(30);

/// A server, to be put behind the gateway.
pub(super) struct Server {
    /// Its name and prefix; not the name of a transport, which are the gateway's own words.
    pub(super) alias: &'static str,
    /// What the table calls it.
    pub(super) title: &'static str,
    /// Its manifest.
    pub(super) spec: Value,
    offers: &'static Offers,
}

/// Where a client finds a server, and by which names it goes there.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) offers: &'static Offers,
    prefix: String,
    uri_prefix: String,
}

/// What a server has for each feature, by its own names. Each has a tool `echo`.
pub(super) struct Offers {
    /// The newest revision that it speaks.
    pub(super) revision: &'static str,
    /// What `echo` answers to a message asked in the client's revision: a server of both eras is asked in the client's.
    pub(super) echo: fn(&str, &str) -> String,
    /// A prompt, and what is in it.
    pub(super) prompt: (&'static str, &'static str),
    /// A resource, and what is in it.
    pub(super) resource: (&'static str, &'static str),
    /// A tool and arguments with which it makes three steps.
    pub(super) progress: fn() -> (&'static str, Value),
    /// A tool that asks for a name, and answers with it.
    pub(super) elicitation: &'static str,
}

static EVERYTHING: Offers = Offers {
    revision: "2025-11-25",
    echo: |message, _| format!("Echo: {message}"),
    prompt: ("simple-prompt", "This is a simple prompt without arguments."),
    resource: ("demo://resource/static/document/features.md", "Everything Server"),
    progress: || ("trigger-long-running-operation", json!({"duration": 0.1, "steps": 3})),
    elicitation: "trigger-elicitation-request",
};

/// Both of `tests/clients/servers` offer the same; their `echo` says in which revision it was asked.
static TYPESCRIPT: Offers = Offers {
    revision: "2026-07-28",
    echo: |message, _| format!("Echo: {message} (2026-07-28)"),
    prompt: ("welcome", "Say welcome."),
    resource: ("notes://today", "Nothing today."),
    progress: || ("count", json!({"to": 3})),
    elicitation: "greet",
};

static PYTHON: Offers = Offers { echo: |message, revision| format!("Echo: {message} ({revision})"), ..TYPESCRIPT };

impl Server {
    fn new(alias: &'static str, title: &'static str, offers: &'static Offers, mut spec: Value) -> Self {
        // What a client can be asked for is a matter of its session.
        spec["sessionMode"] = json!("PerClient");
        // All clients at once start children of their own; how long that takes is not the question here.
        spec["timeouts"] = json!({"connectSeconds": 60});
        Self { alias, title, spec, offers }
    }

    /// Where it is behind the gateway.
    pub(super) fn through(&self, mcp: &str, key: &str) -> Place {
        Place {
            url: mcp.to_owned(),
            headers: headers([("x-litellm-api-key", key), ("x-mcp-servers", self.alias)]),
            offers: self.offers,
            prefix: format!("{}-", self.alias),
            uri_prefix: format!("switchboard:{}:", self.alias),
        }
    }

    /// Where it is itself, if over Streamable HTTP.
    pub(super) fn direct(&self) -> Option<Place> {
        let http = self.spec.get("http").filter(|http| http["transport"] == "StreamableHTTP")?;
        let url = http["url"].as_str()?.to_owned();
        let (prefix, uri_prefix) = (String::new(), String::new());
        Some(Place { url, headers: headers([]), offers: self.offers, prefix, uri_prefix })
    }
}

impl Place {
    /// A tool or prompt, as clients know it here.
    pub(super) fn name(&self, native: &str) -> String {
        format!("{}{native}", self.prefix)
    }

    /// The resource, as clients can always call it here.
    pub(super) fn uri(&self) -> String {
        format!("{}{}", self.uri_prefix, self.offers.resource.0)
    }
}

/// All of them, running.
pub(super) struct Servers {
    pub(super) all: [Server; 5],
    _everything: [Everything; 2],
    _ours: [Process; 2],
}

impl Servers {
    pub(super) fn start() -> Self {
        let (http, sse) = (Everything::streamable_http(), Everything::sse());
        let (typescript_port, typescript) = listening(toolchain::program("node", "servers/typescript.cjs"));
        let (python_port, python) = listening(toolchain::program(toolchain::python2(), "servers/python.py"));
        let streamable = |port| json!({"http": {"url": mcp(port), "transport": "StreamableHTTP"}});
        let over_sse = json!({"http": {"url": format!("http://127.0.0.1:{}/sse", sse.port), "transport": "SSE"}});
        let child = json!({"stdio": {"command": "node", "args": [everything::program(), "stdio"]}});
        let all = [
            Server::new("streamable", "server-everything, Streamable HTTP", &EVERYTHING, streamable(http.port)),
            Server::new("events", "server-everything, HTTP+SSE", &EVERYTHING, over_sse),
            Server::new("child", "server-everything, stdio", &EVERYTHING, child),
            Server::new("typescript", "TypeScript v2", &TYPESCRIPT, streamable(typescript_port)),
            Server::new("python", "Python 2.x", &PYTHON, streamable(python_port)),
        ];
        Self { all, _everything: [http, sse], _ours: [typescript, python] }
    }
}

fn mcp(port: u16) -> String {
    format!("http://127.0.0.1:{port}/mcp")
}

/// Starts a server of ours on a free port and waits until it listens there.
fn listening(mut command: Command) -> (u16, Process) {
    let port = free_port();
    let process = Process::reading_stderr(command.arg(port.to_string()));
    let said = port.to_string();
    process.wait_for("a server of ours", STARTED, |line| line.contains(&said).then_some(()));
    (port, process)
}
