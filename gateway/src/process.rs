//! What a process needs around a gateway: a runtime, a place of its own for
//! what children write, and an end by signals.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Exit codes of a process that a second signal ends: 128 and its number, as a shell gives them.
const TERMINATED: i32 = 128 + 15;
const INTERRUPTED: i32 = 128 + 2;

/// The runtime that serves: so many threads, or one a core.
pub fn runtime(workers: Option<usize>) -> io::Result<Runtime> {
    match workers {
        // One thread hands nothing to others: it needs none of what that costs.
        Some(0 | 1) => Builder::new_current_thread().enable_all().build(),
        Some(workers) => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
        None => Builder::new_multi_thread().enable_all().build(),
    }
}

/// A private directory in one that others can write to, or in the system's temporary one: made under a name that nobody
/// can guess, and never taken over. Dropped, it is removed.
pub fn scratch(within: Option<&Path>) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("switchboard-").permissions(Permissions::from_mode(0o700));
    match within {
        Some(within) => builder.tempdir_in(within),
        None => builder.tempdir(),
    }
}

/// Turns `stop` true on the first SIGTERM or SIGINT, so that the process ends in good order; who sends another does not
/// want to wait for that.
pub async fn end_when_asked(stop: watch::Sender<bool>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; end the process with SIGKILL");
        return std::future::pending().await;
    };
    let mut asked = async || {
        tokio::select! {
            _ = terminate.recv() => TERMINATED,
            _ = interrupt.recv() => INTERRUPTED,
        }
    };
    asked().await;
    stop.send_replace(true);
    std::process::exit(asked().await);
}
