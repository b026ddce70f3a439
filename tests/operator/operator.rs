//! The operator as its own process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::process::operator_binary;
use tests::wait::until;

use crate::address::{ADMIN_PORT, own_address};

/// A running operator. Dropped, it is killed.
pub(crate) struct Operator {
    child: Child,
    admin: SocketAddr,
    log: Arc<Mutex<String>>,
    log_reader: JoinHandle<()>,
}

impl Operator {
    /// Starts one with these arguments, that logs at these levels, as whoever the kubeconfig is of.
    pub(crate) fn start(kubeconfig: &Path, identity: &str, log: &str, arguments: &[&str]) -> Self {
        let admin = SocketAddr::from((own_address(), ADMIN_PORT));
        let mut child = Command::new(operator_binary())
            .args(["run", "--identity", identity, "--admin", &admin.to_string(), "--log", log])
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<String>>::default();
        let (stderr, lines) = (child.stderr.take().unwrap(), log.clone());
        let log_reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut lines = lines.lock().unwrap();
                lines.push_str(&line);
                lines.push('\n');
            }
        });
        Self { child, admin, log, log_reader }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).unwrap(), signal).unwrap();
    }

    /// Waits for it to end by itself, and for the last that it logged.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let within = Duration::from_secs(20);
        let status = until("the operator ends", within, || self.child.try_wait().unwrap());
        until("the end of its log", within, || self.log_reader.is_finished().then_some(()));
        status
    }

    /// The status and the body of an answer of its admin port; none if it does not answer.
    pub(crate) fn ask(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect_timeout(&self.admin, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: operator\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// The value of a metric, named with its labels as it is printed, without `switchboard_operator_`.
    pub(crate) fn metric(&self, name: &str) -> Option<i64> {
        let (_, text) = self.ask("/metrics")?;
        let prefix = format!("switchboard_operator_{name} ");
        text.lines().find_map(|line| line.strip_prefix(&prefix)?.trim().parse().ok())
    }

    /// Waits until a metric has a value that is accepted.
    pub(crate) fn until_metric(&self, name: &str, accept: impl Fn(i64) -> bool) -> i64 {
        until(name, Duration::from_secs(30), || self.metric(name).filter(|value| accept(*value)))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may be frozen, or have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the operator's log:\n{}", self.log());
        }
    }
}
