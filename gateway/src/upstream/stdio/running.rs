//! One child process with its pipes, from launch to the last of its processes.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout};

use super::children::Launched;
use super::greet::greet;
use super::lines::Lines;
use super::session::Session;
use super::{Shared, pipes, scratch};
use crate::exec_child::{CANNOT_EXECUTE, NOT_FOUND, tree};
use crate::upstream::handshake::Hello;
use crate::upstream::{Outcome, UpstreamError};

/// Messages that wait to be written; further requests wait within their deadlines.
const OUTBOX: usize = 64;
/// How long the rest of the output may take after the process ended, or its exit code after the output ended.
const SETTLE: Duration = Duration::from_secs(1);
/// How long the supervisor may take to end the tree: two graces of two seconds, and some.
const TAKE_DOWN: Duration = Duration::from_secs(8);

/// Why a handshake failed.
pub(super) enum Ungreeted {
    /// The child ended before it answered.
    Ended(UpstreamError),
    /// It answered otherwise, or not in time.
    Refused(UpstreamError),
}

/// A started child.
pub(super) struct Running {
    process: Child,
    session: Arc<Session>,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
    logger: JoinHandle<()>,
    scratch: PathBuf,
}

impl Running {
    /// Starts the child and the tasks at its pipes.
    pub(super) fn launch(shared: &Shared) -> Result<Self, UpstreamError> {
        let Launched { mut process, scratch, secrets } = shared.children.launch(&shared.endpoint, &shared.caller)?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(UpstreamError::new(Outcome::Unreachable, "the server's process has no pipes"));
        };
        let server = &shared.endpoint.server;
        let runtime = shared.children.runtime();
        let limit = usize::try_from(server.max_response_bytes).unwrap_or(usize::MAX);
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let unasked = shared.unasked.clone();
        let session = Arc::new(Session::new(outbox, runtime.clone(), server.max_response_bytes, unasked));
        Ok(Self {
            writer: runtime.spawn(pipes::write(stdin, messages)),
            reader: runtime.spawn(pipes::route(Lines::new(stdout, limit), session.clone(), server.id.clone())),
            logger: runtime.spawn(pipes::log(stderr, secrets, server.id.clone())),
            process,
            session,
            scratch,
        })
    }

    /// The supervisor's.
    pub(super) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The handshake. `legacy`: the server was one of that era before.
    pub(super) async fn greet(&mut self, legacy: bool, within: Duration) -> Result<Hello, Ungreeted> {
        let session = self.session.clone();
        let mut hello = std::pin::pin!(greet(&session, legacy, Instant::now() + within));
        tokio::select! {
            biased;
            hello = &mut hello => hello.map_err(Ungreeted::Refused),
            // it may have answered before it ended
            _ = self.failed() => hello.await.map_err(Ungreeted::Ended),
        }
    }

    /// Waits until the child fails, fails all of its requests, and says why. Not to be called again after that.
    pub(super) async fn failed(&mut self) -> UpstreamError {
        let error = tokio::select! {
            status = self.process.wait() => {
                // what it wrote before it ended still counts
                let _ = timeout(SETTLE, &mut self.reader).await;
                ended(status)
            }
            _ = &mut self.reader => self.exit_or("closed its output").await,
            _ = &mut self.writer => self.exit_or("closed its input").await,
        };
        self.session.end(&error);
        error
    }

    async fn exit_or(&mut self, what: &str) -> UpstreamError {
        match timeout(SETTLE, self.process.wait()).await {
            Ok(status) => ended(status),
            Err(_) => UpstreamError::new(Outcome::Unreachable, format!("the server's process {what}")),
        }
    }

    /// Fails what is left of the requests, ends the child, and leaves no process and no scratch directory behind.
    pub(super) async fn take_down(mut self, why: &UpstreamError) {
        self.session.end(why);
        // closes the pipe, which tells the supervisor
        self.writer.abort();
        let status = if let Ok(status) = timeout(TAKE_DOWN, self.process.wait()).await {
            status
        } else {
            let _ = self.process.start_kill();
            self.process.wait().await
        };
        self.reader.abort();
        let supervised = status.is_ok_and(|status| status.signal().is_none());
        let scratch = self.scratch;
        let cleaned = tokio::task::spawn_blocking(move || {
            if !supervised {
                tree::kill_marked(&scratch);
            }
            scratch::remove(&scratch)
        });
        if let Ok(Err(error)) = cleaned.await {
            tracing::warn!(%error, "a scratch directory could not be removed");
        }
        // all that could write to it is gone
        let _ = timeout(SETTLE, &mut self.logger).await;
        self.logger.abort();
    }
}

/// The failure that this end of the process is. The supervisor exits as the server did, with 128 + N for signal N.
fn ended(status: io::Result<ExitStatus>) -> UpstreamError {
    let how = match status.map(|status| (status.code(), status.signal())) {
        Ok((Some(code), _)) if code == i32::from(NOT_FOUND) => format!("exit code {code}: command not found"),
        Ok((Some(code), _)) if code == i32::from(CANNOT_EXECUTE) => format!("exit code {code}: not executable"),
        Ok((Some(code @ 129..=192), _)) => format!("signal {}", code - 128),
        Ok((Some(code), _)) => format!("exit code {code}"),
        Ok((None, Some(signal))) => format!("signal {signal}"),
        _ => "no exit code".to_owned(),
    };
    UpstreamError::new(Outcome::Unreachable, format!("the server's process ended ({how})"))
}
