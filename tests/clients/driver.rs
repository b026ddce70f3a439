//! The official clients as one: jobs in, answers out, a process of the SDK's own language between.

use std::fmt;
use std::process::Command;

pub(crate) use tests::jobs::{Answer, Ask, CallAnswer, Job, headers};

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

/// Runs the jobs one after the other in one process; an answer for each, in order.
pub(crate) fn run(client: Client, jobs: &[Job]) -> Vec<Answer> {
    tests::jobs::run(client, &mut command(client), jobs)
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
