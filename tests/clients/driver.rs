//! The official clients as one: jobs in, answers out, a process of the SDK's own language between.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::toolchain;

/// An official SDK.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Client {
    /// PyPI `mcp` 1.x; it knows `initialize` only.
    Python1,
    /// PyPI `mcp` 2.x; by default it probes `server/discover`.
    Python2,
    /// npm `@modelcontextprotocol/sdk`; it knows `initialize` only.
    TypeScript1,
    /// npm `@modelcontextprotocol/client`; told to probe `server/discover`, by default `initialize`.
    TypeScript2,
    /// Crate `rmcp`; by default `initialize`.
    Rmcp,
}

impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// A connection to make, and what to do on it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) headers: BTreeMap<String, String>,
    /// Whether to list the tools, all pages.
    pub(crate) list: bool,
    /// A tool to call.
    pub(crate) call: Option<Call>,
    /// What else to ask, in this order.
    pub(crate) ask: Vec<Ask>,
    /// With which content to accept every form; absent: cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) elicit: Option<Value>,
    /// How to open the connection; absent: as [`Client`] says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) era: Option<&'static str>,
}

impl Job {
    /// Lists with the headers given.
    pub(crate) fn listing(name: impl Into<String>, url: &str, headers: BTreeMap<String, String>) -> Self {
        let (name, url) = (name.into(), url.to_owned());
        Self { name, url, headers, list: true, call: None, ask: Vec::new(), elicit: None, era: None }
    }

    /// And calls a tool.
    pub(crate) fn calling(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.call = Some(Call { name: name.into(), arguments, progress: false });
        self
    }
}

/// A tool call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
    /// Whether to ask for progress.
    pub(crate) progress: bool,
}

/// A request for prompts, resources or completions, as the protocol has it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
}

/// What came of a job.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) name: String,
    /// The protocol version that the SDK negotiated.
    pub(crate) protocol: Option<String>,
    /// The names of the tools, sorted.
    pub(crate) tools: Option<Vec<String>>,
    pub(crate) call: Option<CallAnswer>,
    /// To each of what was asked: the entries of a list, all pages, or else the result's member that says it
    /// (`messages`, `contents`, `completion`).
    pub(crate) answers: Vec<Value>,
    /// What the SDK raised. What came before it stands.
    pub(crate) error: Option<String>,
}

/// The result of a tool call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallAnswer {
    pub(crate) is_error: bool,
    /// The text blocks, a line each.
    pub(crate) text: String,
    /// The progress that came during the call.
    pub(crate) progress: Vec<f64>,
}

/// Runs the jobs one after the other in one process; an answer for each, in order.
pub(crate) fn run(client: Client, jobs: &[Job]) -> Vec<Answer> {
    let mut child = command(client).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(json!(jobs).to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the {client} client ended with {}", output.status);
    let answers: Vec<Answer> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
    let answered: Vec<&str> = answers.iter().map(|answer| answer.name.as_str()).collect();
    assert_eq!(answered, asked, "the {client} client answers each job in order");
    answers
}

fn command(client: Client) -> Command {
    match client {
        Client::Python1 => toolchain::program(toolchain::python1(), "python1/client.py"),
        Client::Python2 => toolchain::program(toolchain::python2(), "python2/client.py"),
        Client::TypeScript1 => toolchain::program("node", "typescript/client1.cjs"),
        Client::TypeScript2 => toolchain::program("node", "typescript/client2.cjs"),
        Client::Rmcp => Command::new(env!("CARGO_BIN_EXE_rmcp-client")),
    }
}

/// Headers from pairs.
pub(crate) fn headers<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
