//! A gateway over a directory of manifests: `switchboard run`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crds::snapshot::stored::{Plan, Pointer, open, plan, split};
use crds::snapshot::{DecodeError, MacKey, SCHEMA, Snapshot, TooLarge};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::egress::{Egress, EgressPolicy};
use crate::gateway::Gateway;
use crate::keys::{Keys, KeysError, peer_signing_key};
use crate::news::{Files, Teller};
use crate::owner::Owner;
use crate::peers::Peers;
use crate::peers::authority::{self, Credentials, CredentialsError};
use crate::ports::{Addresses, Listeners, Ports};
use crate::seal::{NoRandomness, Sealer};
use crate::source::directory::{Directory, Read, SETTLED};
use crate::table::RoutingTable;
use crate::upstream::Connectors;
use crate::upstream::stdio::Children;
use crate::watch_files::Watch;

pub use crate::news::Event;

/// How long start-up waits for servers that have not answered.
const DISCOVERY: Duration = Duration::from_secs(10);
/// How often files are looked at though nothing was told of them: a link leads to what is not watched, and a watch ends
/// with what it watches.
const LOOK: Duration = Duration::from_secs(1);
/// How often idle sessions are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// What to run, and where.
pub struct Options {
    /// The manifests.
    pub directory: PathBuf,
    /// Where `/mcp` is served.
    pub listen: SocketAddr,
    /// Where the admin port is.
    pub admin: SocketAddr,
    /// The other processes of the fleet, if there are any.
    pub peers: Option<PeerOptions>,
    /// Where keys are kept.
    pub state: PathBuf,
    /// Where the homes of servers are kept.
    pub cache: PathBuf,
    /// Where private directories of children are made: a folder that is there, and written by nobody else.
    pub scratch: PathBuf,
    /// The running binary, which has `exec-child`.
    pub binary: PathBuf,
    /// The environment of which children see a part.
    pub environment: Vec<(String, OsString)>,
    /// Overrides the settings' `clientSideAuthHeader` (LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME).
    pub client_side_auth_header: Option<String>,
}

/// The other processes that serve the same, with the same state directory.
pub struct PeerOptions {
    /// Where this process is reached by the others.
    pub listen: SocketAddr,
    /// Where the others are: HOST:PORT each. This process may be among them.
    pub names: Vec<String>,
}

/// Why it cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The directory cannot be read.
    #[error("{}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of it cannot be used, and there is no last good state yet.
    #[error("{0}")]
    File(crds::resources::FileFault),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What peers know one another by.
    #[error(transparent)]
    Peers(#[from] CredentialsError),
    /// Files cannot be watched.
    #[error("the directory cannot be watched: {0}")]
    Watch(notify::Error),
    /// There is nothing to tell this process from others by.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The snapshot is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The snapshot was not read back as it was written.
    #[error("the snapshot was not read back: {0}")]
    Snapshot(#[from] DecodeError),
}

/// Runs until `stop` turns true. Events go to `events`; a slow reader of them holds up nothing but news.
pub async fn run(options: Options, events: mpsc::Sender<Event>, stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let keys = Keys::load_or_create(&options.state)?;
    let mut directory = Directory::new(options.directory.clone(), keys.pepper.clone());
    let watch = Watch::begin(options.directory.clone()).map_err(RunError::Watch)?;
    let read = directory.read(None);
    let read = read.map_err(|source| RunError::Directory { path: options.directory.clone(), source })?;
    if let Some(fault) = read.faults.first() {
        return Err(RunError::File(fault.clone()));
    }
    let (mcp, admin) = (bind(options.listen).await?, bind(options.admin).await?);
    let credentials = credentials(&options)?;
    let peers = match options.peers.as_ref().zip(credentials.as_ref()) {
        Some((peers, credentials)) => Some((bind(peers.listen).await?, credentials.acceptor.clone())),
        None => None,
    };
    let listeners = Listeners { mcp, admin, peers };
    let addresses = listeners.addresses();
    let addresses = addresses.map_err(|source| RunError::Listen { address: options.listen, source })?;
    let own = [Some(addresses.mcp), Some(addresses.admin), addresses.peers].into_iter().flatten().collect();
    let policy = EgressPolicy { allow_loopback: true, own, allow: Vec::new() };
    let children = Children::new(
        options.binary.clone(),
        options.environment.clone(),
        options.scratch.clone(),
        options.cache.join("homes"),
        tokio::runtime::Handle::current(),
    );
    let egress = Arc::new(Egress::new(policy.clone()));
    let connectors = Arc::new(Connectors { egress: egress.clone(), children: Arc::new(children) });
    let files = watch::Sender::new(Files::default());
    let mut local = Local { options, keys, directory, egress, policy, events, revision: 0, unreadable: None, files };
    let table = local.table(&read)?;
    let sealer = Arc::new(Sealer::new(std::slice::from_ref(&local.keys.seal)));
    let own = Owner::begin(addresses.peers)?;
    let gateway = Gateway::new(table, (sealer, own), connectors);
    if let (Some(peers), Some(credentials)) = (&local.options.peers, credentials) {
        let peers = Peers::new(own, peers.names.clone(), &credentials, gateway.metrics.peers.clone());
        gateway.peers.get_or_init(|| peers);
    }
    local.note(&gateway, &read);
    local.serve(gateway, (listeners, addresses), watch, stop).await;
    Ok(())
}

/// What this process shows its peers, if it has any.
fn credentials(options: &Options) -> Result<Option<Credentials>, RunError> {
    if options.peers.is_none() {
        return Ok(None);
    }
    let key = peer_signing_key(&options.state, authority::new_signing_key)?;
    Ok(Some(Credentials::issue(&key)?))
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
}

/// A snapshot stored and opened again, all in memory.
fn restored(snapshot: &Snapshot, revision: u64, key: &MacKey) -> Result<Snapshot, RunError> {
    let Plan { pointer, writes } = plan(None, split(snapshot)?, revision, SCHEMA)?;
    let pointer = Pointer::decode(&pointer.encode(key), key)?;
    let slots: HashMap<u8, _> = writes.into_iter().map(|(slot, part)| (slot, part.bytes)).collect();
    Ok(open(&pointer, |slot, _| slots.get(&slot))?)
}

/// Waits for the order to stop, or until nobody can give it any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// When files that are not settled are looked at again.
fn soon() -> Instant {
    Instant::now() + SETTLED
}

/// Waits for a time, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// A gateway over a directory, on one machine.
struct Local {
    options: Options,
    keys: Keys,
    directory: Directory,
    egress: Arc<Egress>,
    policy: EgressPolicy,
    events: mpsc::Sender<Event>,
    revision: u64,
    /// Why the directory cannot be read at present.
    unreadable: Option<String>,
    /// What there is to tell of the files.
    files: watch::Sender<Files>,
}

impl Local {
    async fn serve(
        mut self,
        gateway: Arc<Gateway>,
        (listeners, addresses): (Listeners, Addresses),
        (mut watch, mut changes): (Watch, mpsc::Receiver<()>),
        mut stop: watch::Receiver<bool>,
    ) {
        let Addresses { mcp, admin, peers } = addresses;
        let listening = Event::Listening { mcp: format!("http://{mcp}/mcp"), admin: format!("http://{admin}"), peers };
        let ready = watch::Sender::new(false);
        let ports = Ports::open(&gateway, listeners, addresses, ready.subscribe());
        let teller = Teller::new(gateway.clone(), self.events.clone());
        let told = [
            tokio::spawn(gateway.clone().index_catalogues()),
            tokio::spawn(teller.run(listening, self.files.subscribe(), ready.subscribe())),
            tokio::spawn(start(gateway.clone(), ready)),
        ];
        let mut sweep = interval(SWEEP);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut again = None;
        // What is taken away while the last requests are answered ends as ever.
        let mut ended = pin!(async {
            stopped(&mut stop).await;
            ports.end().await;
        });
        loop {
            tokio::select! {
                // While files settle, another look is due in a moment anyway.
                Some(()) = changes.recv(), if again.is_none() => again = self.reload(&gateway).then(soon),
                () = at(again) => again = self.reload(&gateway).then(soon),
                _ = look.tick() => {
                    watch.follow();
                    again = self.reload(&gateway).then(soon);
                }
                _ = sweep.tick() => gateway.end_lost_sessions(),
                () = &mut ended => break,
            }
        }
        told.iter().for_each(JoinHandle::abort);
        gateway.stop().await;
    }

    /// Looks at the directory once, and puts what changed in force. True if it has to be looked at again soon. Nothing
    /// that can be wrong in it ends this.
    fn reload(&mut self, gateway: &Arc<Gateway>) -> bool {
        let look = match self.directory.look(Some(SystemTime::now())) {
            Ok(look) => look,
            Err(error) => {
                self.refuse(gateway, format!("{}: {error}", self.directory.root().display()));
                return false;
            }
        };
        self.unreadable = None;
        if look.changed {
            let read = self.directory.compile();
            match self.table(&read) {
                Ok(table) => {
                    if table.snapshot != gateway.view.load().table.snapshot {
                        gateway.set_table(table);
                    }
                }
                Err(error) => {
                    gateway.metrics.refused.inc();
                    tracing::error!("{error}; the last good state serves on");
                }
            }
            self.note(gateway, &read);
        }
        look.unsettled
    }

    /// Tells once that the directory cannot be read.
    fn refuse(&mut self, gateway: &Gateway, error: String) {
        if self.unreadable.as_ref() != Some(&error) {
            gateway.metrics.refused.inc();
            tracing::error!("{error}; the last good state serves on");
            self.unreadable = Some(error);
        }
    }

    /// The table of what was read: stored and opened on the way, as between an operator and a gateway.
    fn table(&mut self, read: &Read) -> Result<RoutingTable, RunError> {
        self.revision += 1;
        let mut snapshot = restored(&read.compiled.snapshot, self.revision, &self.keys.mac)?;
        if let Some(name) = &self.options.client_side_auth_header {
            snapshot.settings.client_side_auth_header.clone_from(name);
        }
        self.policy.allow = snapshot.settings.egress_allow.iter().filter_map(|net| net.parse().ok()).collect();
        self.egress.replace_policy(self.policy.clone());
        Ok(RoutingTable::build(snapshot, &read.compiled.credentials, self.keys.pepper.clone(), self.revision))
    }

    /// Notes what there is to tell of the files.
    fn note(&self, gateway: &Gateway, read: &Read) {
        let refused = read.faults.iter().map(|fault| Event::Refused {
            file: fault.path.clone(),
            line: fault.line,
            message: fault.message.clone(),
        });
        let of_objects = read.findings.iter().filter(|finding| {
            !read.faults.iter().any(|fault| fault.path == finding.file && fault.message == finding.message)
        });
        let found = of_objects.map(|finding| Event::Finding {
            file: finding.file.clone(),
            line: finding.line,
            message: finding.message.clone(),
        });
        let revision = gateway.view.load().table.revision;
        self.files.send_replace(Files { revision, findings: refused.chain(found).collect() });
    }
}

/// Waits until all servers were discovered or have failed, or ten seconds have passed, and until this process knows what
/// its peers know; from then on it is ready, and keeps an eye on them.
async fn start(gateway: Arc<Gateway>, ready: watch::Sender<bool>) {
    let mut indexed = gateway.indexed.subscribe();
    let discovered = async { while !gateway.is_discovered() && indexed.changed().await.is_ok() {} };
    let peers = gateway.peers.get().cloned();
    let joined = async {
        if let Some(peers) = &peers {
            peers.join(&gateway.sessions).await;
        }
    };
    // Who is still silent after ten seconds becomes ready later.
    let _ = tokio::join!(timeout(DISCOVERY, discovered), joined);
    ready.send_replace(true);
    if let Some(peers) = peers {
        peers.keep(gateway).await;
    }
}

#[cfg(test)]
mod tests {
    use crds::snapshot::Caller;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_directory_may_be_larger_than_one_part() {
        let id =
            |number: u32| [1, 2, 3, 4].map(|part| format!("{:x}", Sha256::digest(format!("{number} {part}")))).concat();
        let mut callers: Vec<Caller> = (0..6000)
            .map(|number| Caller {
                id: id(number),
                namespace: 0,
                expires: None,
                access_until: None,
                access: 0,
                keys: vec![],
            })
            .collect();
        callers.sort_by(|one, next| one.id.cmp(&next.id));
        let (access, namespaces) = (vec![vec![]], vec!["p".to_owned()]);
        let snapshot = Snapshot { access, namespaces, callers, ..Snapshot::default() };
        assert!(split(&snapshot).unwrap().len() > 1);
        assert_eq!(restored(&snapshot, 1, &MacKey([1; 32])).unwrap(), snapshot);
    }
}
