//! Jobs for clients that are programs of their own, in whatever language: a JSON list of them on the program's stdin,
//! one JSON line a job on its stdout.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A connection to make, and what to do on it.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    /// What the answer to it is called.
    pub name: String,
    /// Where the server is.
    pub url: String,
    /// What to send with every request.
    pub headers: BTreeMap<String, String>,
    /// Whether to list the tools, all pages.
    pub list: bool,
    /// A tool to call.
    pub call: Option<Call>,
    /// What else to ask, in this order.
    pub ask: Vec<Ask>,
    /// With which content to accept every form; absent: cannot be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elicit: Option<Value>,
    /// How to open the connection; absent: as the program does by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub era: Option<&'static str>,
}

impl Job {
    /// Lists with the headers given.
    pub fn listing(name: impl Into<String>, url: &str, headers: BTreeMap<String, String>) -> Self {
        let (name, url) = (name.into(), url.to_owned());
        Self { name, url, headers, list: true, call: None, ask: Vec::new(), elicit: None, era: None }
    }

    /// And calls a tool.
    pub fn calling(mut self, name: impl Into<String>, arguments: Value) -> Self {
        self.call = Some(Call { name: name.into(), arguments, progress: false });
        self
    }
}

/// A tool call.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// The published name of the tool.
    pub name: String,
    /// Its arguments, an object.
    pub arguments: Value,
    /// Whether to ask for progress.
    pub progress: bool,
}

/// A request for prompts, resources or completions, as the protocol has it.
#[derive(Clone, Debug, Serialize)]
pub struct Ask {
    /// Its method.
    pub method: &'static str,
    /// Its params, an object.
    pub params: Value,
}

/// What came of a job.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    /// The name of the job.
    pub name: String,
    /// The protocol version that the client negotiated, where it says so.
    pub protocol: Option<String>,
    /// The names of the tools, sorted.
    pub tools: Option<Vec<String>>,
    /// What came of the call.
    pub call: Option<CallAnswer>,
    /// To each of what was asked: the entries of a list, all pages, or else the result's member that says it
    /// (`messages`, `contents`, `completion`).
    pub answers: Vec<Value>,
    /// What the client raised. What came before it stands.
    pub error: Option<String>,
}

/// The result of a tool call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallAnswer {
    /// Whether it failed.
    pub is_error: bool,
    /// The text blocks, a line each.
    pub text: String,
    /// The progress that came during the call.
    pub progress: Vec<f64>,
}

/// Runs the jobs one after the other in one process of the client; an answer for each, in order.
pub fn run(client: impl Display, command: &mut Command, jobs: &[Job]) -> Vec<Answer> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
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

/// Headers from pairs.
pub fn headers<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
