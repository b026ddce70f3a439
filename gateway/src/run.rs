//! A gateway over a directory of manifests: `switchboard run`.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crds::snapshot::stored::{Plan, Pointer, open, plan, split};
use crds::snapshot::{DecodeError, MacKey, SCHEMA, Snapshot, TooLarge};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::admin::{Admin, Askers};
use crate::egress::EgressPolicy;
use crate::gateway::Gateway;
use crate::keys::{Keys, KeysError, PEER_AUTHORITY, peer_signing_key};
use crate::news::{Files, Teller};
use crate::node::{self, Identity, ListenError, Node};
use crate::owner::Owner;
use crate::peers::authority::{self, Credentials, CredentialsError};
use crate::ports::{Addresses, Patience};
use crate::seal::{NoRandomness, Sealer};
use crate::source::directory::{Directory, Read, SETTLED};
use crate::standing::{Refused, Source};
use crate::table::{RoutingTable, Version};
use crate::watch_files::Watch;

pub use crate::news::Event;

/// How often files are looked at though nothing was told of them: a link leads to what is not watched, and a watch ends
/// with what it watches.
const LOOK: Duration = Duration::from_secs(1);
/// What to run, and where.
pub struct Options {
    /// The manifests.
    pub directory: PathBuf,
    /// Where keys are kept. Processes that are peers have the same.
    pub state: PathBuf,
    /// Where it serves.
    pub node: node::Options,
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
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// What peers know one another by.
    #[error("{}: {source}; remove the file, and a new one is made", path.display())]
    Peers {
        /// The key of their authority.
        path: PathBuf,
        /// Why.
        source: CredentialsError,
    },
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
    let Options { directory: root, state, node: options } = options;
    let keys = Keys::load_or_create(&state)?;
    let mut directory = Directory::new(root.clone(), keys.pepper.clone());
    let watch = Watch::begin(root.clone()).map_err(RunError::Watch)?;
    let read = directory.read(None).map_err(|source| RunError::Directory { path: root, source })?;
    if let Some(fault) = read.faults.first() {
        return Err(RunError::File(fault.clone()));
    }
    let identity = Identity {
        sealer: Arc::new(Sealer::new(std::slice::from_ref(&keys.seal))),
        credentials: options.peers.as_ref().map(|_| credentials(&state)).transpose()?,
    };
    let listeners = node::listen(&options, identity.credentials.as_ref()).await?;
    let admin = Admin::new(Askers::OfThisMachine, Owner::begin(None)?.boot, Arc::default());
    let files = watch::Sender::new(Files::default());
    let header = options.client_side_auth_header.clone();
    let mut local = Local { header, keys, directory, admin: admin.clone(), revision: 0, unreadable: false, files };
    let table = local.table(&read)?;
    admin.standing.is_from(Source::Directory);
    let port = node::open_admin(options.admin, admin).await?;
    let policy = EgressPolicy { allow_loopback: true, ..EgressPolicy::default() };
    let node = Node::begin(&options, listeners, identity, (table, policy), port)?;
    local.note(&node.gateway, &read);
    local.serve(node, watch, events, stop).await;
    Ok(())
}

/// What this process shows its peers.
fn credentials(state: &Path) -> Result<Credentials, RunError> {
    let key = peer_signing_key(state, authority::new_signing_key)?;
    Credentials::issue(&key).map_err(|source| RunError::Peers { path: state.join(PEER_AUTHORITY), source })
}

/// A snapshot stored and opened again, all in memory.
fn restored(snapshot: &Snapshot, revision: u64, key: &MacKey) -> Result<(Snapshot, Version), RunError> {
    let Plan { pointer, writes } = plan(None, split(snapshot)?.of(SCHEMA), revision, SCHEMA)?;
    let pointer = Pointer::decode(&pointer.encode(key), key)?;
    let slots: HashMap<u8, _> = writes.into_iter().map(|(slot, part)| (slot, part.bytes)).collect();
    Ok((open(&pointer, |slot, _| slots.get(&slot))?, Version::of(&pointer)))
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
    /// Overrides the settings' `clientSideAuthHeader`.
    header: Option<String>,
    keys: Keys,
    directory: Directory,
    admin: Arc<Admin>,
    revision: u64,
    /// The directory cannot be read at present.
    unreadable: bool,
    /// What there is to tell of the files.
    files: watch::Sender<Files>,
}

impl Local {
    async fn serve(
        mut self,
        node: Node,
        watch: (Watch, mpsc::Receiver<()>),
        events: mpsc::Sender<Event>,
        stop: watch::Receiver<bool>,
    ) {
        let Addresses { admin, peers, .. } = node.addresses;
        let listening = Event::Listening { mcp: node.url(), admin: format!("http://{admin}"), peers };
        let teller = Teller::new(node.gateway.clone(), events);
        let teller = tokio::spawn(teller.run(listening, self.files.subscribe(), node.ready()));
        let patience = if peers.is_some() { Patience::AMONG_PEERS } else { Patience::ALONE };
        let gateway = node.gateway.clone();
        node.serve(self.follow(&gateway, watch), stop, patience).await;
        teller.abort();
    }

    /// Puts every change of the directory in force.
    async fn follow(&mut self, gateway: &Arc<Gateway>, (mut watch, mut changes): (Watch, mpsc::Receiver<()>)) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut again = None;
        loop {
            tokio::select! {
                // While files settle, another look is due in a moment anyway.
                Some(()) = changes.recv(), if again.is_none() => again = self.reload(gateway).then(soon),
                () = at(again) => again = self.reload(gateway).then(soon),
                _ = look.tick() => {
                    watch.follow();
                    again = self.reload(gateway).then(soon);
                }
            }
        }
    }

    /// Looks at the directory once, and puts what changed in force. True if it has to be looked at again soon. Nothing
    /// that can be wrong in it ends this.
    fn reload(&mut self, gateway: &Arc<Gateway>) -> bool {
        let look = match self.directory.look(Some(SystemTime::now())) {
            Ok(look) => look,
            Err(error) => {
                self.unreadable = true;
                self.refuse(format!("{}: {error}", self.directory.root().display()));
                return false;
            }
        };
        if std::mem::take(&mut self.unreadable) || look.changed {
            let read = self.directory.compile();
            match self.table(&read) {
                Ok(table) => {
                    if table.snapshot != gateway.view.load().table.snapshot {
                        gateway.set_table(table);
                    }
                    self.admin.standing.is_good();
                }
                Err(error) => self.refuse(error.to_string()),
            }
            self.note(gateway, &read);
        }
        look.unsettled
    }

    fn refuse(&self, reason: String) {
        self.admin.standing.refuse(Refused::of_nobody(reason));
    }

    /// The table of what was read: stored and opened on the way, as between an operator and a gateway.
    fn table(&mut self, read: &Read) -> Result<RoutingTable, RunError> {
        self.revision += 1;
        let (mut snapshot, version) = restored(&read.compiled.snapshot, self.revision, &self.keys.mac)?;
        if let Some(name) = &self.header {
            snapshot.settings.client_side_auth_header.clone_from(name);
        }
        Ok(RoutingTable::build(snapshot, &read.compiled.credentials, &self.keys.pepper, version))
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
        let revision = gateway.view.load().table.version.revision;
        self.files.send_replace(Files { revision, findings: refused.chain(found).collect() });
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
        let mut callers: Vec<Caller> = (0..6000).map(|number| Caller { id: id(number), ..Caller::default() }).collect();
        callers.sort_by(|one, next| one.id.cmp(&next.id));
        let (access, namespaces) = (vec![vec![]], vec!["p".to_owned()]);
        let snapshot = Snapshot { access, namespaces, callers, ..Snapshot::default() };
        assert!(split(&snapshot).unwrap().of(SCHEMA).len() > 1);
        assert_eq!(restored(&snapshot, 1, &MacKey([1; 32])).unwrap().0, snapshot);
    }
}
