//! A gateway over a directory of manifests: `switchboard run`.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crds::snapshot::{decode, encode};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use crate::admin;
use crate::connections::{Connections, Limits};
use crate::egress::{Egress, EgressPolicy};
use crate::gateway::Gateway;
use crate::keys::{Keys, KeysError};
use crate::news::{Files, Teller};
use crate::owner::Owner;
use crate::proxy;
use crate::seal::{NoRandomness, Sealer};
use crate::serve::serve;
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
    /// There is nothing to tell this process from others by.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The snapshot is too large, or was not read back as it was written.
    #[error("the snapshot: {0}")]
    Snapshot(String),
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
    let files = watch::Sender::new(Files::default());
    let mut local = Local { options, keys, directory, egress, policy, events, revision: 0, unreadable: None, files };
    let table = local.table(&read)?;
    let sealer = Arc::new(Sealer::new(std::slice::from_ref(&local.keys.seal)));
    let own = Owner::begin(None)?;
    let gateway = Gateway::new(table, (sealer, own), connectors);
    local.note(&gateway, &read);
    local.serve(gateway, (listener, admin_listener), watch, stop).await
}

async fn bind(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
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

fn address(listener: &TcpListener, wanted: SocketAddr) -> Result<SocketAddr, RunError> {
    listener.local_addr().map_err(|source| RunError::Listen { address: wanted, source })
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
        (listener, admin_listener): (TcpListener, TcpListener),
        (mut watch, mut changes): (Watch, mpsc::Receiver<()>),
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let mcp = address(&listener, self.options.listen)?;
        let admin = address(&admin_listener, self.options.admin)?;
        let listening = Event::Listening { mcp: format!("http://{mcp}/mcp"), admin: format!("http://{admin}") };
        let ready = watch::Sender::new(false);
        let (for_mcp, for_admin, is_ready) = (gateway.clone(), gateway.clone(), ready.subscribe());
        let closed = &gateway.metrics.closed_connections;
        let mcp = serve(
            listener,
            Connections::new(Limits::of_clients(), closed.clone()),
            move |request, peer, goes_on| proxy::handle(for_mcp.clone(), mcp, (peer, goes_on), request),
            stop.clone(),
        );
        let admin = serve(
            admin_listener,
            Connections::new(Limits::ADMIN, closed.clone()),
            move |request, _, _| {
                let response = admin::handle(&for_admin, *is_ready.borrow(), admin, &request);
                async move { response }
            },
            stop.clone(),
        );
        let mcp = tokio::spawn(mcp);
        let admin = tokio::spawn(admin);
        let indexing = tokio::spawn(gateway.clone().index_catalogues());
        let teller = Teller::new(gateway.clone(), self.events.clone());
        let telling = tokio::spawn(teller.run(listening, self.files.subscribe(), ready.subscribe()));
        let starting = tokio::spawn(await_servers(gateway.clone(), ready.clone()));
        let mut sweep = interval(SWEEP);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut again = None;
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
                () = stopped(&mut stop) => break,
            }
        }
        // They would go on for ever: their clients come back to another process, or to this one's successor.
        gateway.clients.close();
        starting.abort();
        telling.abort();
        gateway.sse.leave();
        // Both ended because they were told to; a panic of theirs was reported where it happened.
        let _ = mcp.await;
        let _ = admin.await;
        indexing.abort();
        gateway.stop().await;
        Ok(())
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

    /// The table of what was read: encoded and decoded on the way, as between an operator and a gateway.
    fn table(&mut self, read: &Read) -> Result<RoutingTable, RunError> {
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

/// Waits until all servers were discovered or have failed, or ten seconds have passed.
async fn await_servers(gateway: Arc<Gateway>, ready: watch::Sender<bool>) {
    let mut indexed = gateway.indexed.subscribe();
    let discovered = async { while !gateway.is_discovered() && indexed.changed().await.is_ok() {} };
    // Who is still silent then becomes ready later.
    let _ = timeout(DISCOVERY, discovered).await;
    ready.send_replace(true);
}
