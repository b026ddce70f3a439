//! A program of Node that answers lines with lines of JSON. Dropped, it is ended.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tests::toolchain::program;

pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    /// A program of `tests`, by its path from there. Its stderr is the test's.
    pub(crate) fn start(source: &str, arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let mut command = program("node", source);
        command.args(arguments).envs(environment.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        Self { input: child.stdin.take(), child, lines }
    }

    /// What it says next.
    pub(crate) fn line(&mut self, within: Duration) -> Value {
        let line = self.lines.recv_timeout(within);
        let line =
            line.unwrap_or_else(|error| panic!("no line of it ({error}); it ended with {:?}", self.child.try_wait()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// What it answers to a line.
    pub(crate) fn ask(&mut self, line: &str, within: Duration) -> Value {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
        self.line(within)
    }

    /// Ends its input; what it says then.
    pub(crate) fn end(mut self, within: Duration) -> Value {
        self.input = None;
        self.line(within)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
