//! The first stage: owns the command's whole process tree and leaves nothing of it behind.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions};

use super::{CANNOT_EXECUTE, CommandLine, say, tree};

/// How long the command may take to end after its input ended, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command to its end and gives its exit code. `scratch` is removed once no process of the tree is left.
pub(super) fn run(scratch: Option<&Path>, command: CommandLine) -> u8 {
    let code = match start(command).and_then(reap_until_ended) {
        Ok(status) => exit_code(status),
        Err(error) => {
            say(&format!("cannot supervise the command: {error}"));
            CANNOT_EXECUTE
        }
    };
    kill_the_rest();
    if let Some(scratch) = scratch {
        // the gateway looks after it once more
        let _ = std::fs::remove_dir_all(scratch);
    }
    code
}

/// Starts the second stage, in a process group of its own, with our stdin, stdout and stderr.
fn start(command: CommandLine) -> io::Result<Pid> {
    let me = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(me))?;
    rustix::thread::set_no_new_privs(true)?;
    // The death signal of the second stage is tied to the thread that starts it: this one, which lives to the end.
    thread::Builder::new().spawn(end_when_the_gateway_is_gone)?;
    let child = Command::new("/proc/self/exe")
        .args(["exec-child", "--confined", &me.as_raw_pid().to_string(), "--"])
        .arg(command.program)
        .args(command.args)
        .process_group(0)
        .spawn()?;
    // the gateway shall see the end of the output when the command ends it
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    Ok(Pid::from_child(&child))
}

/// Reaps whatever ends, the command's orphans too, until the command itself has.
fn reap_until_ended(command: Pid) -> io::Result<ExitStatus> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => return Ok(ExitStatus::from_raw(status.as_raw())),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Kills and reaps until there is no descendant.
fn kill_the_rest() {
    loop {
        tree::signal_descendants(Signal::KILL);
        // Every killed process ends up as a child of ours. No child: no descendant.
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Waits until nobody can write to our stdin, then ends the tree, gently first.
///
/// The gateway holds the only write end, so this happens when it closes the pipe and when it dies.
/// Nothing is read: the input is the command's.
fn end_when_the_gateway_is_gone() {
    let stdin = io::stdin();
    loop {
        let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
        match rustix::event::poll(&mut watched, None) {
            Ok(_) if !watched[0].revents().is_empty() => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                say(&format!("cannot watch the gateway: {error}"));
                break;
            }
        }
    }
    thread::sleep(GRACE);
    tree::signal_descendants(Signal::TERM);
    thread::sleep(GRACE);
    // The command is among them; its end ends the other thread's wait, and that one kills what this pass missed.
    tree::signal_descendants(Signal::KILL);
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(CANNOT_EXECUTE)
}
