//! Several processes that serve the same directory as peers, each on
//! addresses that it keeps when it is started again.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::balancer::{Backend, Balancer};
use crate::client::{metric, split};
use crate::manifests::Manifests;
use crate::process::{Options, Switchboard};
use crate::wait::{until, until_async};

/// Below the ports that the kernel gives to outgoing connections: none of them is taken while a process is away.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

/// How long a process may take to end, or to be seen by the others.
const WITHIN: Duration = Duration::from_secs(25);

/// Processes by number; one that was ended is away until it is started again.
pub struct Fleet {
    manifests: PathBuf,
    options: Vec<Options>,
    processes: Vec<Switchboard>,
}

impl Fleet {
    /// So many processes that know of one another, all of them ready.
    pub async fn start(manifests: &Manifests, count: usize) -> Self {
        let mut fleet = Self::announce(manifests, count);
        for _ in 0..count {
            fleet.start_next();
        }
        fleet.meet().await;
        fleet
    }

    /// The same with none of them started: each is told of all that may come.
    pub fn announce(manifests: &Manifests, count: usize) -> Self {
        let peers: Vec<String> = (0..count).map(|_| address().to_string()).collect();
        let options = peers.iter().map(|own| {
            let (listen, admin) = (address().to_string(), address().to_string());
            let all = peers.join(",");
            let flags = [("--listen", listen), ("--admin", admin), ("--peer-listen", own.clone()), ("--peers", all)];
            let arguments = flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
            Options { arguments, ..Options::default() }
        });
        Self { manifests: manifests.path().to_owned(), options: options.collect(), processes: Vec::new() }
    }

    /// Starts the one after those that run, and waits until it is ready.
    pub fn start_next(&mut self) {
        let options = &self.options[self.processes.len()];
        let process = match self.processes.first() {
            None => Switchboard::start(&self.manifests, options),
            Some(first) => first.start_again(&self.manifests, options),
        };
        process.ready();
        self.processes.push(process);
    }

    /// Starts one again that has ended, on the same addresses, and waits until it is ready.
    pub fn restart(&mut self, number: usize) {
        let process = self.processes[number].start_again(&self.manifests, &self.options[number]);
        process.ready();
        self.processes[number] = process;
    }

    /// Asks one to drain and end, and waits for that.
    pub fn drain(&mut self, number: usize) {
        let status = self.processes[number].terminate(WITHIN);
        assert!(status.success(), "{status}: {}", self.processes[number].errors());
    }

    /// Ends one with SIGKILL.
    pub fn kill(&mut self, number: usize) {
        let pid = self.processes[number].pid();
        kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
        until("a killed process is gone", WITHIN, || (!crate::usage::lives(pid)).then_some(()));
    }

    /// A process.
    pub fn process(&self, number: usize) -> &Switchboard {
        &self.processes[number]
    }

    /// Where a process has its port for peers.
    pub fn peer_address(&self, number: usize) -> SocketAddr {
        let arguments = &self.options[number].arguments;
        let flag = arguments.iter().position(|argument| argument == "--peer-listen").unwrap();
        arguments[flag + 1].parse().unwrap()
    }

    /// A balancer before all of them.
    pub fn balancer(&self) -> Balancer {
        let backend = |process: &Switchboard| Backend { mcp: split(&process.mcp).0, admin: split(&process.admin).0 };
        Balancer::start(self.processes.iter().map(backend).collect())
    }

    /// Waits until each has met all others.
    pub async fn meet(&self) {
        let others = self.processes.len() - 1;
        for number in 0..self.processes.len() {
            until_async("all peers are reachable", WITHIN, async || {
                (self.metric(number, "switchboard_peers_reachable").await == others as u64).then_some(())
            })
            .await;
        }
    }

    /// A counter or gauge of a process, with its labels as `/metrics` shows them; 0 if it is not there.
    pub async fn metric(&self, number: usize, name: &str) -> u64 {
        metric(&self.processes[number].admin, name).await.unwrap_or(0)
    }
}

/// An address of loopback that no other test has, in this process or another.
pub fn address() -> SocketAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from((Ipv4Addr::new(127, 64 + high % 64, middle, low.clamp(1, 254)), port))
}
