//! `switchboard run DIR` as its own process.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::process::Process;
use crate::toolchain;

/// Covers the first start of an npx or uvx server, which downloads it.
const READY: Duration = Duration::from_secs(120);

/// A gateway that serves a directory of manifests.
pub(crate) struct Gateway {
    /// The address that clients use, with `/mcp`.
    pub(crate) mcp: String,
    process: Process,
}

impl Gateway {
    /// Starts the release binary on the directory and waits until each of its servers is ready.
    pub(crate) fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[])
    }

    /// The same with variables added to its environment.
    pub(crate) fn start_with(directory: &Path, environment: &[(&str, &str)]) -> Self {
        let process = Process::reading_stdout(
            Command::new(toolchain::target().join("release/switchboard"))
                .arg("run")
                .arg(directory)
                .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "-o", "json"])
                .env("XDG_CACHE_HOME", toolchain::cache().join("gateway"))
                .env("XDG_STATE_HOME", directory.with_extension("state"))
                .envs(environment.iter().copied()),
        );
        let mcp = process.wait_for("listening", READY, |line| {
            let event = event(line, "listening")?;
            Some(event["mcp"].as_str().unwrap().to_owned())
        });
        let gateway = Self { mcp, process };
        gateway.await_servers();
        gateway
    }

    fn await_servers(&self) {
        self.process.wait_for("every server ready", READY, |line| {
            let event = event(line, "ready")?;
            let servers = event["servers"].as_array().unwrap();
            servers.iter().all(|server| server["state"] == "ready").then_some(())
        });
    }
}

/// The event of a line of `-o json`, if it is of this kind.
fn event(line: &str, kind: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON: {line}: {error}"));
    (event["event"] == kind).then_some(event)
}
