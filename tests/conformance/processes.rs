//! The gateway as one process, or as three that are peers of each other behind a balancer that sends each request to the
//! next one.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tests::balancer::{Backend, Balancer};
use tests::client::split;
use tests::process::{Options, Switchboard};

/// How many processes there are of three.
const THREE: usize = 3;

/// How long a process may take to drain.
const DRAINED_WITHIN: Duration = Duration::from_secs(60);

/// How many processes the gateway is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    One,
    Three,
}

/// The gateway, however many processes it is.
pub(crate) enum Gateway {
    One(Box<Switchboard>),
    Three(Peers),
}

/// Three processes at addresses of their own, which they have again when they start again.
pub(crate) struct Peers {
    balancer: Balancer,
    manifests: PathBuf,
    addresses: Vec<Addresses>,
    running: Mutex<Vec<Option<Switchboard>>>,
}

/// Where one of the processes is.
#[derive(Clone, Copy)]
struct Addresses {
    mcp: SocketAddr,
    admin: SocketAddr,
    peer: SocketAddr,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// By SIGTERM, in its own time.
    Drained,
    /// By SIGKILL.
    Killed,
}

impl Count {
    /// The name for this many, of those for one and for three.
    pub(crate) fn name(self, [one, three]: [&'static str; 2]) -> &'static str {
        match self {
            Self::One => one,
            Self::Three => three,
        }
    }
}

impl Gateway {
    /// Starts it on the manifests, and waits until it is ready.
    pub(crate) fn start(manifests: &Path, count: Count) -> Self {
        match count {
            Count::One => Self::One(Box::new(Switchboard::start_ready(manifests, &Options::default()))),
            Count::Three => Self::Three(Peers::start(manifests)),
        }
    }

    /// Where requests go.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::One(process) => &process.mcp,
            Self::Three(peers) => &peers.balancer.url,
        }
    }

    /// The address of [`Self::url`].
    pub(crate) fn address(&self) -> SocketAddr {
        split(self.url()).0
    }

    /// The admin port of each process, without a slash at the end.
    pub(crate) fn admins(&self) -> Vec<String> {
        match self {
            Self::One(process) => vec![process.admin.clone()],
            Self::Three(peers) => peers.addresses.iter().map(|at| format!("http://{}", at.admin)).collect(),
        }
    }
}

impl Peers {
    fn start(manifests: &Path) -> Self {
        let addresses: Vec<_> =
            (0..THREE).map(|_| Addresses { mcp: address(), admin: address(), peer: address() }).collect();
        let first = Switchboard::start(manifests, &options(&addresses, 0));
        // They share a state directory, or none could read what another sealed.
        let others = (1..THREE).map(|place| first.start_again(manifests, &options(&addresses, place)));
        let others: Vec<_> = others.collect();
        let running: Vec<_> = std::iter::once(first).chain(others).map(Some).collect();
        for process in running.iter().flatten() {
            process.ready();
        }
        let backends = addresses.iter().map(|at| Backend { mcp: at.mcp, admin: at.admin });
        let balancer = Balancer::start(backends.collect());
        Self { balancer, manifests: manifests.to_owned(), addresses, running: Mutex::new(running) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Ends one of the processes; returns when it has ended.
    pub(crate) fn end(&self, place: usize, end: End) {
        let mut process = self.running.lock().unwrap()[place].take().unwrap();
        if end == End::Drained {
            let status = process.terminate(DRAINED_WITHIN);
            assert!(status.success(), "a drained process ends well: {status:?}; stderr:\n{}", process.errors());
        }
        // Dropped, it is killed if it has not ended.
    }

    /// Starts it again, at the same addresses, and waits until it is ready.
    pub(crate) fn start_again(&self, place: usize) {
        let options = options(&self.addresses, place);
        let mut running = self.running.lock().unwrap();
        let other = running.iter().flatten().next().unwrap();
        let process = other.start_again(&self.manifests, &options);
        process.ready();
        running[place] = Some(process);
    }
}

/// The options of one of the processes. All are told of all.
fn options(addresses: &[Addresses], place: usize) -> Options {
    let Addresses { mcp, admin, peer } = addresses[place];
    let peers: Vec<_> = addresses.iter().map(|at| at.peer.to_string()).collect();
    let flags = [("--listen", mcp.to_string()), ("--admin", admin.to_string()), ("--peer-listen", peer.to_string())];
    let flags = flags.into_iter().chain([("--peers", peers.join(","))]);
    let arguments = flags.flat_map(|(flag, value)| [flag.to_owned(), value]).collect();
    Options { arguments, ..Options::default() }
}

/// A free address of loopback, below those that the kernel gives to connections, so that it is still free when a process
/// starts there again.
fn address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const RANGE: u16 = 10_000;
    // Other test programs look elsewhere first.
    let start = u16::try_from(std::process::id() % u32::from(RANGE)).unwrap();
    (0..RANGE)
        .find_map(|_| {
            let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % RANGE;
            TcpListener::bind(("127.0.0.1", port)).ok()?.local_addr().ok()
        })
        .expect("a free port")
}
