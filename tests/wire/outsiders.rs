//! Clients that nobody here has written: Python's and node's own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/outsiders").join(name)
}

/// Posts a message over this version of TLS: what Python's client makes of the answer.
pub(crate) fn python(url: &str, key: &str, (trusted, version): (&Path, &str), message: &str) -> Value {
    let mut command = Command::new("python3");
    command.arg(script("https.py")).args([url, key]).arg(trusted).args([version, message]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A client of node's, with streams open.
pub(crate) struct Node {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Node {
    /// Opens a stream of each kind, and a call of `up-slow`.
    pub(crate) fn open(origin: &str, key: &str, trusted: Option<&Path>) -> Self {
        let mut command = Command::new("node");
        command.arg(script("http2.mjs")).args([origin, key]).args(trusted).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "open");
        Self { child, lines }
    }

    /// What became of them, once the connection has ended.
    pub(crate) fn seen(mut self) -> Value {
        let seen = self.lines.next().unwrap().unwrap();
        assert!(self.child.wait().unwrap().success());
        serde_json::from_str(&seen).unwrap()
    }
}
