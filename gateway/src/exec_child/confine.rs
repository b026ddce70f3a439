//! The second stage: limits what it is about to become, then becomes it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::{CANNOT_EXECUTE, CommandLine, NOT_FOUND, say};

/// Open files that the command has at first, and those it may raise itself to. Some programs walk
/// every possible descriptor at start, which a container's usual million makes slow.
const FILES: (u64, u64) = (4096, 65536);

/// Execs the command. Returns an exit code only if that failed.
pub(super) fn run(parent: Pid, command: &CommandLine) -> u8 {
    if let Err(error) = limit(parent) {
        say(&format!("cannot limit the command: {error}"));
        return CANNOT_EXECUTE;
    }
    let error = Command::new(&command.program).args(&command.args).exec();
    let program = command.program.display();
    if error.kind() == io::ErrorKind::NotFound {
        say(&format!("{program}: command not found"));
        NOT_FOUND
    } else {
        say(&format!("{program}: cannot be executed: {error}"));
        CANNOT_EXECUTE
    }
}

fn limit(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // a supervisor that died before that line sends no signal any more
    if rustix::process::getppid() != Some(parent) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    let allowed = rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let (current, maximum) = (FILES.0.min(allowed), FILES.1.min(allowed));
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum: Some(maximum) })?;
    Ok(())
}
