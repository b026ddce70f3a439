//! A gateway over a directory of manifests: `switchboard run`.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crds::snapshot::{decode, encode};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::admin;
use crate::egress::{Egress, EgressPolicy};
use crate::gateway::Gateway;
use crate::keys::{Keys, KeysError};
use crate::proxy;
use crate::seal::Sealer;
use crate::serve::serve;
use crate::session::Sessions;
use crate::source::directory::{Directory, Read, SETTLED};
use crate::status::{self, ServerStatus};
use crate::table::RoutingTable;
use crate::upstream::Connectors;
use crate::upstream::stdio::Children;
use crate::watch_files;

/// How long start-up waits for servers that have not answered.
const DISCOVERY: Duration = Duration::from_secs(10);
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
    /// Where keys are kept.
    pub state: PathBuf,
    /// Where the homes of servers are kept.
    pub cache: PathBuf,
    /// Where private directories of children are made.
    pub scratch: PathBuf,
    /// The running binary, which has `exec-child`.
    pub binary: PathBuf,
    /// The environment of which children see a part.
    pub environment: Vec<(String, OsString)>,
    /// Overrides the settings' `clientSideAuthHeader` (LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME).
    pub client_side_auth_header: Option<String>,
}

/// What happens, for whoever watches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// Requests are taken.
    Listening {
        /// The address for clients.
        mcp: String,
        /// The address of the admin port.
        admin: String,
    },
    /// Servers were discovered, or failed, or are still silent after ten seconds; again when a server's state changed.
    Ready {
        /// How each server is.
        servers: Vec<ServerStatus>,
    },
    /// A new state is in force.
    Reloaded {
        /// Its revision.
        revision: u64,
    },
    /// A file cannot be used; what it held before is in force.
    Refused {
        /// The file.
        file: String,
        /// Counts from 1.
        line: u32,
        /// What is wrong and what to do.
        message: String,
    },
    /// An object is not, or not wholly, in force.
    Finding {
        /// The file.
        file: String,
        /// Counts from 1.
        line: u32,
        /// What is wrong and what to do.
        message: String,
    },
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
    /// Files cannot be watched.
    #[error("the directory cannot be watched: {0}")]
    Watch(notify::Error),
    /// The snapshot is too large, or was not read back as it was written.
    #[error("the snapshot: {0}")]
    Snapshot(String),
}

/// Runs until `stop` turns true. Events go to `events`; a slow reader of them holds up nothing but news.
pub async fn run(options: Options, events: mpsc::Sender<Event>, stop: watch::Receiver<bool>) -> Result<(), RunError> {
    let keys = Keys::load_or_create(&options.state)?;
    let mut directory = Directory::new(options.directory.clone(), keys.pepper.clone());
    let (changes, watcher) = watch_files::watch(directory.root()).map_err(RunError::Watch)?;
    let read = read(&mut directory, None)?;
    if let Some(fault) = read.faults.first() {
        return Err(RunError::File(fault.clone()));
    }
    let listener = bind(options.listen).await?;
    let admin_listener = bind(options.admin).await?;
    let own = [&listener, &admin_listener].iter().filter_map(|listener| listener.local_addr().ok()).collect();
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
    let mut local =
        Local { options, keys, directory, egress, policy, events, revision: 0, findings: Vec::new(), told: Vec::new() };
    let table = local.table(&read)?;
    let sessions = Sessions::new(Sealer::new(std::slice::from_ref(&local.keys.seal)));
    let gateway = Gateway::new(table, sessions, connectors);
    local.serve(gateway, (listener, admin_listener), (changes, watcher), stop).await
}

fn read(directory: &mut Directory, now: Option<SystemTime>) -> Result<Read, RunError> {
    let path = directory.root().to_owned();
    directory.read(now).map_err(|source| RunError::Directory { path, source })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
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
    /// What there is to tell of the files as they were read last.
    findings: Vec<Event>,
    /// What was told already.
    told: Vec<Event>,
}

impl Local {
    async fn serve(
        mut self,
        gateway: Arc<Gateway>,
        (listener, admin_listener): (TcpListener, TcpListener),
        (mut changes, _watcher): (mpsc::Receiver<()>, notify::RecommendedWatcher),
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let addresses = (listener.local_addr(), admin_listener.local_addr());
        let ready = Arc::new(AtomicBool::new(false));
        let (for_mcp, for_admin, is_ready) = (gateway.clone(), gateway.clone(), ready.clone());
        let mcp = serve(listener, move |request, local| proxy::handle(for_mcp.clone(), local, request), stop.clone());
        let admin = serve(
            admin_listener,
            move |request, local| {
                let response = admin::handle(&for_admin, is_ready.load(Ordering::Relaxed), local, &request);
                async move { response }
            },
            stop.clone(),
        );
        let mcp = tokio::spawn(mcp);
        let admin = tokio::spawn(admin);
        let indexing = tokio::spawn(gateway.clone().index_catalogues());
        if let (Ok(mcp), Ok(admin)) = addresses {
            self.tell(Event::Listening { mcp: format!("http://{mcp}/mcp"), admin: format!("http://{admin}") }).await;
        }
        self.tell_findings().await;
        let telling = tokio::spawn(tell_servers(gateway.clone(), ready, self.events.clone()));
        let mut sweep = interval(SWEEP);
        loop {
            tokio::select! {
                Some(()) = changes.recv() => self.reload(&gateway, &mut changes).await,
                _ = sweep.tick() => gateway.end_lost_sessions(),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        telling.abort();
        // Both ended because they were told to; a panic of theirs was reported where it happened.
        let _ = mcp.await;
        let _ = admin.await;
        indexing.abort();
        gateway.stop().await;
        Ok(())
    }

    /// Reads the directory again until it is settled, and puts it in force. Nothing that can be wrong in it ends this.
    async fn reload(&mut self, gateway: &Arc<Gateway>, changes: &mut mpsc::Receiver<()>) {
        loop {
            while changes.try_recv().is_ok() {}
            let read = match read(&mut self.directory, Some(SystemTime::now())) {
                Ok(read) => read,
                Err(error) => {
                    gateway.metrics.refused.inc();
                    tracing::error!("{error}; the last good state serves on");
                    return;
                }
            };
            let unsettled = read.unsettled;
            match self.table(&read) {
                Ok(table) => {
                    if table.snapshot != gateway.view.load().table.snapshot {
                        let revision = table.revision;
                        gateway.set_table(table);
                        self.tell(Event::Reloaded { revision }).await;
                    }
                }
                Err(error) => {
                    gateway.metrics.refused.inc();
                    tracing::error!("{error}; the last good state serves on");
                }
            }
            self.tell_findings().await;
            if !unsettled {
                return;
            }
            sleep(SETTLED).await;
        }
    }

    /// The table of what was read: encoded and decoded on the way, as between an operator and a gateway.
    fn table(&mut self, read: &Read) -> Result<RoutingTable, RunError> {
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
        self.findings = refused.chain(found).collect();
        self.revision += 1;
        let bytes = encode(&read.compiled.snapshot, self.revision, &self.keys.mac);
        let bytes = bytes.map_err(|error| RunError::Snapshot(error.to_string()))?;
        let decoded = decode(&bytes, &self.keys.mac);
        let (mut snapshot, header) = decoded.map_err(|error| RunError::Snapshot(error.to_string()))?;
        if let Some(name) = &self.options.client_side_auth_header {
            snapshot.settings.client_side_auth_header.clone_from(name);
        }
        self.policy.allow = snapshot.settings.egress_allow.iter().filter_map(|net| net.parse().ok()).collect();
        self.egress.replace_policy(self.policy.clone());
        Ok(RoutingTable::build(snapshot, &read.compiled.credentials, self.keys.pepper.clone(), header.revision))
    }

    async fn tell(&self, event: Event) {
        // Nobody may be listening any more; the gateway serves all the same.
        let _ = self.events.send(event).await;
    }

    /// Tells of the files what was not told of their last state.
    async fn tell_findings(&mut self) {
        let findings = std::mem::take(&mut self.findings);
        for event in findings.iter().filter(|event| !self.told.contains(event)) {
            self.tell(event.clone()).await;
        }
        self.told = findings;
    }
}

/// Tells how the servers are, first when all are discovered or ten seconds have passed, then whenever one changes.
async fn tell_servers(gateway: Arc<Gateway>, ready: Arc<AtomicBool>, events: mpsc::Sender<Event>) {
    let began = Instant::now();
    let mut news = gateway.indexed.subscribe();
    while !gateway.is_discovered() && began.elapsed() < DISCOVERY {
        let left = DISCOVERY.saturating_sub(began.elapsed());
        let _ = timeout(left, news.changed()).await;
    }
    ready.store(true, Ordering::Relaxed);
    let mut told = Vec::new();
    loop {
        let servers = status::servers(&gateway);
        let states: Vec<_> = servers.iter().map(|server| (server.name.clone(), server.state, server.tools)).collect();
        if states != told || told.is_empty() {
            told = states;
            if events.send(Event::Ready { servers }).await.is_err() {
                return;
            }
        }
        if news.changed().await.is_err() {
            return;
        }
    }
}
