//! What all child processes share, and how one of them is launched (R60).

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crds::snapshot::Transport;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use super::{scratch, template};
use crate::upstream::{CallerPart, Endpoint, Outcome, UpstreamError};

/// How long a child without requests is kept.
const IDLE: Duration = Duration::from_secs(600);

/// What all children share: where they live, what of our environment they see, and who runs their tasks.
pub struct Children {
    binary: PathBuf,
    env: Vec<(String, OsString)>,
    scratch: PathBuf,
    homes: PathBuf,
    runtime: Handle,
    idle: Duration,
}

/// A supervisor that was just started, its three pipes ours.
pub(super) struct Launched {
    pub(super) process: Child,
    /// The private directory; the supervisor removes it.
    pub(super) scratch: PathBuf,
    /// Values of the declared environment, which must not be logged.
    pub(super) secrets: Vec<OsString>,
}

impl Children {
    /// The variables of the gateway that a child sees, where they are set and the server declares none of that name.
    pub const PASSED: [&str; 6] = ["PATH", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"];

    /// `binary` is the running program, which has `exec-child`. Of `env` only [`Self::PASSED`] is kept. Below `scratch`
    /// each child gets a private directory: a folder that is there, this user's and written by nobody else. Under
    /// `homes` each server gets a HOME that stays; it is made when needed. Both are absolute. `runtime` runs all tasks
    /// and pipes of the children.
    pub fn new(
        binary: PathBuf,
        mut env: Vec<(String, OsString)>,
        scratch: PathBuf,
        homes: PathBuf,
        runtime: Handle,
    ) -> Self {
        env.retain(|(name, _)| Self::PASSED.contains(&name.as_str()));
        Self { binary, env, scratch, homes, runtime, idle: IDLE }
    }

    /// Stops a child after this time without requests instead of ten minutes.
    pub fn idle_after(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// Starts a child of a server for a caller.
    pub(super) fn launch(&self, endpoint: &Endpoint, caller: &CallerPart) -> Result<Launched, UpstreamError> {
        let Transport::Stdio { command, args, working_dir, env } = &endpoint.server.transport else {
            return Err(cannot_start("the server is not a child process"));
        };
        if let Some(dir) = working_dir.as_deref().filter(|dir| !Path::new(dir).is_dir()) {
            return Err(cannot_start(&format!("its working directory {dir} is not a directory")));
        }
        let home = self.make_home(&endpoint.server.id);
        let home = home.map_err(|error| cannot_start(&format!("no home directory: {error}")))?;
        let scratch =
            scratch::make(&self.scratch).map_err(|error| cannot_start(&format!("no scratch directory: {error}")))?;
        let declared: Vec<(&String, OsString)> = env
            .iter()
            .zip(&endpoint.secrets.env)
            .filter_map(|(name, value)| Some((name, template::render(value, &scratch, &caller.variables)?)))
            .collect();
        let mut supervisor = Command::new(&self.binary);
        supervisor.arg("exec-child").arg("--scratch").arg(&scratch).arg("--");
        match command.as_str() {
            "switchboard" => supervisor.arg(&self.binary),
            command => supervisor.arg(command),
        };
        supervisor
            .args(args)
            .current_dir(working_dir.as_deref().map_or(scratch.as_path(), Path::new))
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("TMPDIR", &scratch)
            .env("HOME", &home)
            .envs(declared.iter().map(|(name, value)| (name, value)))
            // a Ctrl-C at the gateway's terminal is the gateway's
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let process = supervisor.spawn().map_err(|error| {
            let _ = scratch::remove(&scratch);
            cannot_start(&error.to_string())
        })?;
        Ok(Launched { process, scratch, secrets: declared.into_iter().map(|(_, value)| value).collect() })
    }

    /// The server's HOME: kept, so that npx and uvx download once.
    fn make_home(&self, server: &str) -> io::Result<PathBuf> {
        let dir = self.homes.join(directory_name(server));
        DirBuilder::new().mode(0o700).recursive(true).create(&dir)?;
        Ok(dir)
    }
}

/// A server id as one directory name. `namespace/name` holds no `_`, so no two ids share one.
fn directory_name(server: &str) -> String {
    let safe = |char: char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '.') { char } else { '_' };
    format!("server_{}", server.chars().map(safe).collect::<String>())
}

fn cannot_start(why: &str) -> UpstreamError {
    UpstreamError::new(Outcome::Unreachable, format!("the server's process cannot be started: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_id_cannot_leave_the_homes() {
        assert_eq!(directory_name("tools/time.v2"), "server_tools_time.v2");
        assert_eq!(directory_name("../.."), "server_.._..");
    }
}
