//! Each client on each transport of the reference server, with each of two keys, narrowed by each filter.
//!
//! What a cell should list is computed here from the manifests below and from the tools that the reference server
//! lists to a client that asks it directly.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::process::Switchboard;

use crate::driver::{Answer, Client, Job, headers, run};
use crate::everything::{self, Everything};
use crate::{figures, gateway, toolchain};

/// A client in each language.
const CLIENTS: [Client; 3] = [Client::Python2, Client::TypeScript1, Client::Rmcp];

/// How the gateway reaches a server, and the end of that server's name.
pub(crate) const TRANSPORTS: [&str; 3] = ["http", "sse", "stdio"];

/// The tools that the narrow key may use of each server.
const NARROW: [&str; 2] = ["echo", "get-sum"];

/// A caller, by the key that it presents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Key {
    /// Inherits its team's three groups: everything.
    Wide,
    /// Declares two tools of each server.
    Narrow,
}

impl Key {
    /// The key itself.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Wide => "sb-clients-wide",
            Self::Narrow => "sb-clients-narrow",
        }
    }
}

/// What `x-mcp-servers` names.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Filter {
    /// The server of the cell.
    Server,
    /// The group of the cell's server and the next one.
    Group,
    /// That group, and the one server that is not in it.
    Both,
    /// Nothing that exists.
    Unknown,
}

/// One client, transport, key and filter.
#[derive(Clone, Copy, Debug)]
struct Cell {
    client: Client,
    transport: usize,
    key: Key,
    filter: Filter,
}

#[test]
fn every_client_lists_and_calls_what_its_key_and_filter_leave() {
    let world = World::start("matrix");
    let cells = cells();
    let mut samples = Vec::new();
    let mut failures = Vec::new();
    for (cell, answer) in world.answers(&cells) {
        let verdict = cell.check(&answer, &world.native);
        samples.push(json!({
            "client": cell.client.to_string(), "transport": TRANSPORTS[cell.transport], "key": format!("{:?}", cell.key),
            "filter": format!("{:?}", cell.filter), "protocol": answer.protocol, "passed": verdict.is_ok(),
        }));
        failures.extend(verdict.err().map(|reason| format!("{}: {reason}", cell.name())));
    }
    figures::write(samples.len() - failures.len(), &samples);
    assert_eq!(samples.len(), 72);
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), samples.len(), failures.join("\n"));
}

fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for client in CLIENTS {
        for transport in 0..TRANSPORTS.len() {
            for key in [Key::Wide, Key::Narrow] {
                for filter in [Filter::Server, Filter::Group, Filter::Both, Filter::Unknown] {
                    cells.push(Cell { client, transport, key, filter });
                }
            }
        }
    }
    cells
}

impl Cell {
    fn name(self) -> String {
        format!("{} {} {:?} {:?}", self.client, TRANSPORTS[self.transport], self.key, self.filter)
    }

    fn header(self) -> String {
        let transport = TRANSPORTS[self.transport];
        match self.filter {
            Filter::Server => format!("ev_{transport}"),
            Filter::Group => format!("group_{transport}"),
            Filter::Both => format!("ev_{},group_{transport}", TRANSPORTS[(self.transport + 2) % 3]),
            Filter::Unknown => "nowhere".to_owned(),
        }
    }

    fn job(self, url: &str) -> Job {
        let headers = headers([("x-litellm-api-key", self.key.text()), ("x-mcp-servers", &self.header())]);
        let message = self.name();
        Job::listing(self.name(), url, headers).calling(self.tool(), json!({"message": message}))
    }

    /// The tool that this cell calls, by its published name.
    fn tool(self) -> String {
        format!("ev_{}-echo", TRANSPORTS[self.transport])
    }

    /// The published names that this cell should list, sorted.
    fn expected(self, native: &BTreeSet<String>) -> Vec<String> {
        let reach = match self.filter {
            Filter::Server => 1,
            Filter::Group => 2,
            Filter::Both => 3,
            Filter::Unknown => 0,
        };
        let mut names = BTreeSet::new();
        for transport in TRANSPORTS.iter().cycle().skip(self.transport).take(reach) {
            let allowed = |tool: &&String| self.key == Key::Wide || NARROW.contains(&tool.as_str());
            names.extend(native.iter().filter(allowed).map(|tool| format!("ev_{transport}-{tool}")));
        }
        names.into_iter().collect()
    }

    fn check(self, answer: &Answer, native: &BTreeSet<String>) -> Result<(), String> {
        let expected = self.expected(native);
        if answer.tools.as_ref() != Some(&expected) {
            return Err(format!("lists {:?}, not {expected:?}; error {:?}", answer.tools, answer.error));
        }
        let call = answer.call.as_ref();
        let right = if self.filter != Filter::Unknown {
            call.is_some_and(|call| !call.is_error && call.text == format!("Echo: {}", self.name()))
                && answer.error.is_none()
        } else if answer.protocol.as_deref() == Some("2026-07-28") {
            // Outside the filter the tool does not exist: a protocol error to modern clients,
            call.is_none() && answer.error.as_ref().is_some_and(|error| error.contains("not found"))
        } else {
            // and a result that says so to legacy ones.
            let text = format!("Error: Tool '{}' not found", self.tool());
            call.is_some_and(|call| call.is_error && call.text == text) && answer.error.is_none()
        };
        if right { Ok(()) } else { Err(format!("answers the call by {call:?}, error {:?}", answer.error)) }
    }
}

/// The reference server over three transports, and a gateway before them.
pub(crate) struct World {
    /// The gateway's address.
    pub(crate) mcp: String,
    /// The reference server's own, over Streamable HTTP.
    pub(crate) direct: String,
    /// The tools that the reference server lists to a client that declares no capability.
    pub(crate) native: BTreeSet<String>,
    _gateway: Switchboard,
    _servers: [Everything; 2],
}

impl World {
    /// Starts the servers, writes the manifests and starts the gateway on them.
    pub(crate) fn start(name: &str) -> Self {
        let (http, sse) = (Everything::streamable_http(), Everything::sse());
        let direct = format!("http://127.0.0.1:{}/mcp", http.port);
        let native = native_tools(&direct);
        let gateway = gateway::start(&write_manifests(name, http.port, sse.port));
        Self { mcp: gateway.mcp.clone(), direct, native, _gateway: gateway, _servers: [http, sse] }
    }

    /// Runs the cells, the three clients side by side.
    fn answers(&self, cells: &[Cell]) -> Vec<(Cell, Answer)> {
        std::thread::scope(|scope| {
            let running = CLIENTS.map(|client| {
                let cells: Vec<Cell> = cells.iter().copied().filter(|cell| cell.client == client).collect();
                let jobs: Vec<Job> = cells.iter().map(|cell| cell.job(&self.mcp)).collect();
                scope.spawn(move || cells.into_iter().zip(run(client, &jobs)).collect::<Vec<_>>())
            });
            running.into_iter().flat_map(|client| client.join().unwrap()).collect()
        })
    }
}

fn native_tools(direct: &str) -> BTreeSet<String> {
    let jobs = [Job::listing("direct", direct, headers([])).calling("echo", json!({"message": "direct"}))];
    let mut lists = CLIENTS.map(|client| {
        let answer = run(client, &jobs).remove(0);
        assert_eq!(answer.error, None, "{client}, without a gateway");
        assert_eq!(answer.call.unwrap().text, "Echo: direct", "{client}, without a gateway");
        answer.tools.unwrap()
    });
    lists.sort();
    assert_eq!(lists[0], lists[2], "the clients agree without a gateway");
    let native: BTreeSet<String> = lists[0].iter().cloned().collect();
    assert!(NARROW.iter().all(|tool| native.contains(*tool)) && native.len() > NARROW.len(), "{native:?}");
    native
}

fn write_manifests(name: &str, http_port: u16, sse_port: u16) -> PathBuf {
    let directory = toolchain::scratch(name).join("manifests");
    fs::create_dir(&directory).unwrap();
    let mut objects = vec![
        server(
            "http",
            &json!({"http": {"url": format!("http://127.0.0.1:{http_port}/mcp"), "transport": "StreamableHTTP"}}),
        ),
        server("sse", &json!({"http": {"url": format!("http://127.0.0.1:{sse_port}/sse"), "transport": "SSE"}})),
        server("stdio", &json!({"stdio": {"command": "node", "args": [everything::program(), "stdio"]}})),
    ];
    for (index, transport) in TRANSPORTS.iter().enumerate() {
        let next = TRANSPORTS[(index + 1) % 3];
        let servers = [json!({"name": format!("ev-{transport}")}), json!({"name": format!("ev-{next}")})];
        objects.push(object("McpAccessGroup", &format!("group-{transport}"), &json!({"servers": servers})));
    }
    let groups = TRANSPORTS.map(|transport| json!({"name": format!("group-{transport}")}));
    let team = json!({"subject": {"type": "Team", "team": "blue"}, "grants": {"accessGroups": groups}});
    objects.push(object("McpKeyBinding", "blue", &team));
    let narrow = TRANSPORTS.map(|transport| json!({"name": format!("ev-{transport}"), "tools": NARROW}));
    objects.push(key("wide", Key::Wide, &json!({"team": "blue"})));
    objects.push(key("narrow", Key::Narrow, &json!({"team": "blue", "grants": {"servers": narrow}})));
    for object in objects {
        let name = object["metadata"]["name"].as_str().unwrap();
        fs::write(directory.join(format!("{name}.json")), object.to_string()).unwrap();
    }
    directory
}

fn server(transport: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["alias"] = json!(format!("ev_{transport}"));
    object("McpServer", &format!("ev-{transport}"), &spec)
}

fn key(name: &str, key: Key, spec: &Value) -> Value {
    let sha256 = format!("{:x}", Sha256::digest(key.text()));
    let mut spec = spec.clone();
    spec["subject"] = json!({"type": "Key", "keys": [{"name": name, "sha256": sha256}]});
    object("McpKeyBinding", name, &spec)
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}
