//! The reference server (npm `@modelcontextprotocol/server-everything`) behind its HTTP transports.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, free_port};
use crate::toolchain;

const STARTED: Duration = Duration::from_secs(30);

/// A running reference server.
pub(crate) struct Everything {
    /// Where it listens, on every address of the machine.
    pub(crate) port: u16,
    _process: Process,
}

impl Everything {
    /// Over Streamable HTTP, at `/mcp`.
    pub(crate) fn streamable_http() -> Self {
        Self::start("streamableHttp")
    }

    /// Over HTTP+SSE, at `/sse`.
    pub(crate) fn sse() -> Self {
        Self::start("sse")
    }

    fn start(transport: &str) -> Self {
        let port = free_port();
        let process =
            Process::reading_stderr(Command::new("node").arg(program()).arg(transport).env("PORT", port.to_string()));
        let listening = format!("port {port}");
        process.wait_for(transport, STARTED, |line| line.contains(&listening).then_some(()));
        Self { port, _process: process }
    }
}

/// The server's program, to be run by node with the name of a transport.
pub(crate) fn program() -> PathBuf {
    toolchain::node_modules().join("@modelcontextprotocol/server-everything/dist/index.js")
}
