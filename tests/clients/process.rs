//! A child process whose output is read line by line, and that ends with its handle.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// Lines that wait to be looked at; further ones are dropped rather than stop the process.
const LINES: usize = 4096;

/// A running process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it and reads its stderr; stdout is dropped.
    pub(crate) fn reading_stderr(command: &mut Command) -> Self {
        let mut child = spawn(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        let output = child.stderr.take().unwrap();
        Self { child, lines: lines_of(output) }
    }

    /// The first answer that `read` gives to a line, of those not looked at yet.
    pub(crate) fn wait_for<T>(&self, what: &str, deadline: Duration, read: impl Fn(&str) -> Option<T>) -> T {
        let end = Instant::now() + deadline;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => match read(&line) {
                    Some(value) => return value,
                    None => seen.push(line),
                },
                Err(RecvTimeoutError::Timeout) => panic!("{what}: not within {deadline:?}; seen: {seen:#?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("{what}: the process ended; seen: {seen:#?}"),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Full or gone: the process must not block on a reader that has seen enough.
            let _ = sender.try_send(line);
        }
    });
    receiver
}

/// A port that nothing listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
