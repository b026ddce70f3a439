//! The fixture as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A running fixture. Dropped, it is killed.
pub(crate) struct Fixture {
    /// The address of MCP: `http://127.0.0.1:PORT/mcp`.
    pub(crate) mcp: String,
    /// The address of what it counted.
    pub(crate) counts: String,
    child: Child,
}

impl Fixture {
    /// Starts it and waits until it listens.
    pub(crate) fn start() -> Self {
        let program = env!("CARGO_BIN_EXE_conformance-fixture");
        let mut child = Command::new(program).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it printed {line:?}"));
        let address = |name: &str| listening[name].as_str().unwrap().to_owned();
        Self { mcp: address("mcp"), counts: address("counts"), child }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
