//! The peers, each a process of its own on the core for peers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::Upstream;
use tests::usage::{cpu_of_threads, threads};

use super::closed_loop::Calls;
use super::{KEY, calls};

/// Something to send calls through.
pub(crate) struct Peer {
    /// What to send.
    pub(crate) calls: Calls,
    pid: Option<u32>,
}

/// All peers.
pub(crate) struct Peers {
    direct: Peer,
    raw: Peer,
    switchboard: Peer,
    running: Switchboard,
    _manifests: Manifests,
    raw_process: Child,
}

impl Peer {
    /// CPU time so far; none is known of the upstream, which shares a process with the load.
    pub(crate) fn cpu(&self) -> Duration {
        self.pid.map(cpu_of_threads).unwrap_or_default()
    }
}

impl Peers {
    /// Starts the raw proxy and Switchboard.
    pub(crate) fn start(upstream: &Upstream, core: usize) -> Self {
        let program = std::env::current_exe().unwrap().with_file_name("raw-proxy");
        let mut raw_process = Command::new("taskset")
            .args(["--cpu-list", &core.to_string()])
            .arg(program)
            .arg(upstream.address().to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(raw_process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let raw_url = format!("http://{}/mcp", address.trim());
        let manifests = Manifests::default();
        manifests.http("peer", &upstream.url()).key("caller", KEY, &["peer"]);
        let arguments = vec!["--workers".to_owned(), "1".to_owned()];
        let options = Options { arguments, core: Some(core), ..Options::default() };
        let running = Switchboard::start_ready(manifests.path(), &options);
        let switchboard =
            Peer { calls: calls(&running.mcp, "peer-work", session(&running.mcp)), pid: Some(running.pid()) };
        Self {
            direct: Peer { calls: calls(&upstream.url(), "work", None), pid: None },
            raw: Peer { calls: calls(&raw_url, "work", None), pid: Some(raw_process.id()) },
            switchboard,
            running,
            _manifests: manifests,
            raw_process,
        }
    }

    /// Direct, raw, Switchboard.
    pub(crate) fn all(&self) -> [&Peer; 3] {
        [&self.direct, &self.raw, &self.switchboard]
    }

    /// Which threads of Switchboard used how much.
    pub(crate) fn print_threads(&self) {
        for thread in threads(self.running.pid()) {
            println!("thread {:<16} {:>10.1} ms", thread.name, thread.cpu.as_secs_f64() * 1e3);
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to end.
        let _ = self.raw_process.kill();
        let _ = self.raw_process.wait();
    }
}

/// A session of a legacy client, as nearly all clients have one.
pub(crate) fn session(url: &str) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::new(url).key(KEY);
        client.initialize("2025-11-25").await;
        client.session().map(str::to_owned)
    })
}

/// Keeps this process, threads to come included, on one core.
pub(crate) fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).unwrap();
}
