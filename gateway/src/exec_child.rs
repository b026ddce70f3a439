//! The `exec-child` subcommand: how every stdio server is started (R60).
//!
//! Two stages, both this binary. The first, the supervisor, owns the server's
//! whole process tree: it adopts what the server orphans, reaps it, and kills
//! all of it when the server ends or when the gateway is gone. The second,
//! `--confined`, sets its own limits and becomes the command.
//!
//! ```text
//! gateway ── exec-child [--scratch DIR] -- COMMAND ARGS      the supervisor, subreaper
//!              └─ exec-child --confined PID -- COMMAND ARGS  becomes COMMAND; dies with the supervisor
//!                   └─ whatever COMMAND starts
//! ```
//!
//! In: the arguments, the environment that the command shall have, the pipes
//! of the gateway as stdin, stdout and stderr. Out: the command's exit code,
//! 128 + N for signal N, 127 and 126 as a shell has them. It runs before the
//! program has any thread or runtime.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use rustix::process::Pid;

mod confine;
mod supervise;
pub(crate) mod tree;

/// The command cannot be executed, or `exec-child` itself failed.
pub const CANNOT_EXECUTE: u8 = 126;
/// There is no such command.
pub const NOT_FOUND: u8 = 127;

/// A command with its arguments.
struct CommandLine {
    program: OsString,
    args: Vec<OsString>,
}

/// What the arguments ask for.
enum Stage {
    Supervise { scratch: Option<PathBuf>, command: CommandLine },
    Confine { parent: Pid, command: CommandLine },
}

/// Runs `exec-child`; `args` are those after the subcommand.
///
/// Call it first thing in `main`: the process must have one thread only.
pub fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let code = match stage(args) {
        Some(Stage::Supervise { scratch, command }) => supervise::run(scratch.as_deref(), command),
        Some(Stage::Confine { parent, command }) => confine::run(parent, &command),
        None => {
            say("usage: exec-child [--scratch DIR] -- COMMAND [ARG...]");
            2
        }
    };
    ExitCode::from(code)
}

/// Reads the arguments; none if they are not ours.
fn stage(mut args: impl Iterator<Item = OsString>) -> Option<Stage> {
    let mut scratch = None;
    let mut parent = None;
    loop {
        let arg = args.next()?;
        match arg.to_str() {
            Some("--scratch") => scratch = Some(PathBuf::from(args.next()?)),
            Some("--confined") => parent = Some(args.next()?.to_str()?.parse().ok().and_then(Pid::from_raw)?),
            Some("--") => break,
            _ => return None,
        }
    }
    let command = CommandLine { program: args.next()?, args: args.collect() };
    Some(match parent {
        Some(parent) => Stage::Confine { parent, command },
        None => Stage::Supervise { scratch, command },
    })
}

/// Tells the gateway, which logs the child's stderr. Nothing can be done if it does not listen.
fn say(what: &str) {
    let _ = writeln!(std::io::stderr(), "exec-child: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Option<Stage> {
        stage(args.iter().map(OsString::from))
    }

    #[test]
    fn everything_after_the_dashes_is_the_command() {
        let Some(Stage::Supervise { scratch, command }) = read(&["--scratch", "/s", "--", "npx", "--", "--confined"])
        else {
            panic!("not the supervisor")
        };
        assert_eq!(scratch, Some(PathBuf::from("/s")));
        assert_eq!((command.program, command.args), ("npx".into(), vec!["--".into(), "--confined".into()]));
    }

    #[test]
    fn the_confined_stage_names_its_parent() {
        assert!(matches!(read(&["--confined", "12", "--", "x"]), Some(Stage::Confine { .. })));
        assert!(read(&["--confined", "--", "x"]).is_none());
        assert!(read(&["--confined", "0", "--", "x"]).is_none());
    }

    #[test]
    fn a_command_is_required() {
        assert!(read(&["--"]).is_none());
        assert!(read(&["npx"]).is_none());
        assert!(read(&[]).is_none());
    }
}
