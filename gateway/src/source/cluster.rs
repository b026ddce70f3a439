//! Snapshots of a cluster, as the operator writes them: a pointer and the
//! fleet's keys, which are watched, and what they name, which is asked for when
//! it is named.
//!
//! ```text
//! pointer, keys ─► judge ─► parts that are not in memory ─► open ─► credentials ─► table
//! ```
//!
//! What does not authenticate, does not decode or is old is refused, and the
//! last good one serves on; so it does while the apiserver is away.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use tokio::time::{Instant, sleep_until, timeout};

use crate::admin::Admin;
use crate::gateway::Gateway;
use crate::node::Identity;
use crate::standing::{Refused, Source};
use crate::table::RoutingTable;

mod credentials;
mod fetch;
mod fleet;
mod good;
mod kept;
mod keys;
mod load;
mod maker;
mod objects;
mod pause;
mod pending;
mod seals;
mod watched;

pub use objects::{NoApiServer, config};

use fleet::Fleet;
use good::{Good, Verdict, judge};
use kept::Kept;
use keys::FleetKeys;
use maker::Maker;
use objects::Objects;
use pause::Pause;
use pending::Pending;
use watched::{Object, Seen, Watched, away};

/// How long a start waits for the apiserver if it can serve without.
const PATIENCE: Duration = Duration::from_secs(1);
/// The first wait before what could not be read is asked for again, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// So often a slot may hold something else than the pointer names before that is more than the moment of a change.
const MOMENTS: u32 = 2;

/// Snapshots of a cluster.
pub struct Cluster {
    objects: Objects,
    pointer: Watched<ConfigMap>,
    fleet: Fleet,
    admin: Arc<Admin>,
    maker: Maker,
    kept: Option<Kept>,
    /// Overrides the settings' `clientSideAuthHeader`.
    header: Option<String>,
    /// What is in force; before anything is, what was kept.
    good: Option<Good>,
    /// What that came from; none: nothing is in force.
    source: Option<Source>,
    pending: Pending,
    pause: Pause,
    /// What was last told to be in the way.
    told: Option<String>,
}

/// What is to be put in force.
enum Change {
    /// Another table.
    Table(Box<RoutingTable>),
    /// The same with these callers, by id, denied.
    Denied { revision: u64, callers: Vec<String> },
}

/// Why what the apiserver has is not in force.
enum Trouble {
    /// It is not there, and the apiserver says when it is.
    Missing(String),
    /// It cannot be read now.
    Unread(String),
    /// It is there and no good.
    Refused(Refused),
    /// A slot does not hold what the pointer names.
    Part(Refused),
}

impl Cluster {
    /// Begins to watch the objects of a release. `kept`: the folder where what was last in force is kept, if it is;
    /// `header` overrides the settings' `clientSideAuthHeader`.
    pub fn begin(
        config: kube::Config,
        (release, namespace): (&str, &str),
        kept: Option<&Path>,
        header: Option<String>,
        admin: Arc<Admin>,
    ) -> Result<Self, NoApiServer> {
        let objects = Objects::new(config, release, namespace)?;
        let kept = kept.and_then(|folder| {
            let told = |error: &io::Error| tracing::error!("--kept {}: {error}; nothing is kept", folder.display());
            Kept::below(folder).inspect_err(told).ok()
        });
        let good = kept.as_ref().and_then(|kept| {
            let told = |error: &io::Error| tracing::error!("{} is not used: {error}", kept.file().display());
            kept.read().inspect_err(told).ok().flatten()
        });
        Ok(Self {
            pointer: objects.pointer(),
            fleet: Fleet::begin(&objects, admin.clone()),
            objects,
            admin,
            maker: Maker::start(),
            kept,
            header,
            good,
            source: None,
            pending: Pending::new(Vec::new()),
            pause: Pause::new(AGAIN.0, AGAIN.1),
            told: None,
        })
    }

    /// Waits for a first table: what the apiserver has, or, if that does not come in a second, what was kept.
    pub async fn first(&mut self) -> RoutingTable {
        if self.good.is_none() {
            return self.next_table().await;
        }
        if let Ok(table) = timeout(PATIENCE, self.next_table()).await {
            return table;
        }
        match self.table_of_known(Source::Kept).await {
            Ok(table) => {
                tracing::warn!("the apiserver does not answer in time: what was last in force serves");
                table
            }
            Err(refused) => {
                tracing::error!("what was kept is not used: {}", refused.reason);
                self.good = None;
                self.next_table().await
            }
        }
    }

    /// What this process is known by; none before there is a first table.
    pub fn identity(&self) -> Option<Identity> {
        self.fleet.identity()
    }

    /// Puts in force what comes after the first table.
    pub async fn follow(&mut self, gateway: &Arc<Gateway>) {
        loop {
            match self.next().await {
                Change::Denied { revision, callers } => gateway.deny(revision, &callers),
                Change::Table(table) => {
                    let gateway = gateway.clone();
                    self.maker.make(move || gateway.set_table(*table)).await;
                }
            }
            self.is_in_force().await;
        }
    }

    async fn next_table(&mut self) -> RoutingTable {
        loop {
            if let Change::Table(table) = self.next().await {
                return *table;
            }
        }
    }

    /// Waits for something to put in force. Nothing is lost if it is not waited for to the end.
    async fn next(&mut self) -> Change {
        loop {
            let again = match self.look().await {
                Ok(Some(change)) => return change,
                Ok(None) => None,
                Err(trouble) => self.tell(trouble),
            };
            let due = again.into_iter().chain(self.fleet.due()).min();
            let asking = self.pending.ask(&self.objects, self.good.as_ref().map(|good| &good.keys.pepper));
            tokio::select! {
                () = self.pointer.changed() => self.pause.reset(),
                () = self.fleet.changed() => self.pause.reset(),
                () = at(due) => {}
                found = asking => {
                    if let Some(table) = self.take_credentials(found).await {
                        return Change::Table(Box::new(table));
                    }
                }
            }
        }
    }

    /// Looks at what the apiserver has now; gives what follows from it, unless that is in force.
    async fn look(&mut self) -> Result<Option<Change>, Trouble> {
        let keys = self.fleet.look().map_err(Trouble::Missing)?;
        let Seen { object, lost } = self.pointer.look();
        let object = match object {
            Object::There(object) => object,
            Object::Absent => {
                let name = self.objects.pointer_told();
                return Err(Trouble::Missing(format!("waiting for {name}: the operator writes it")));
            }
            Object::Unknown => return Err(Trouble::Missing(away(lost))),
        };
        let version = object.metadata.resource_version;
        let bytes = object.binary_data.and_then(|mut data| data.remove("pointer"));
        let looked = match bytes {
            Some(bytes) => self.look_at(keys, bytes.0.into(), lost).await,
            None => Err(Trouble::Refused(Refused::of_nobody("the snapshot's ConfigMap has no `pointer`".to_owned()))),
        };
        looked.map_err(|trouble| match trouble {
            Trouble::Refused(refused) => Trouble::Refused(Refused { version, ..refused }),
            Trouble::Part(refused) => Trouble::Part(Refused { version, ..refused }),
            other => other,
        })
    }

    async fn look_at(
        &mut self,
        keys: Arc<FleetKeys>,
        bytes: Arc<[u8]>,
        lost: Option<String>,
    ) -> Result<Option<Change>, Trouble> {
        match judge(self.good.as_ref(), &keys, &bytes).map_err(Trouble::Refused)? {
            Verdict::Newer(pointer) => self.take(keys, bytes, pointer).await.map(Some),
            Verdict::Same if self.source.is_none() => {
                let table = self.table_of_known(Source::Api).await.map_err(Trouble::Refused)?;
                Ok(Some(Change::Table(Box::new(table))))
            }
            Verdict::Same if lost.is_some() => Err(Trouble::Missing(away(lost))),
            Verdict::Same => {
                self.is_newest(keys).await;
                Ok(None)
            }
        }
    }

    /// What is in force, or about to be, is what the apiserver has.
    fn is_good(&mut self) {
        self.source = Some(Source::Api);
        self.admin.standing.is_from(Source::Api);
        self.admin.standing.is_good();
        if self.told.take().is_some() {
            tracing::info!("what the apiserver has is in force again");
        }
    }

    /// What is in force is what the apiserver has, perhaps with other keys.
    async fn is_newest(&mut self, keys: Arc<FleetKeys>) {
        let before = self.source;
        self.is_good();
        let Some(good) = &mut self.good else { return };
        // Other keys for seals; with another pepper the operator makes another snapshot.
        let have_changed = good.keys.data != keys.data && good.keys.pepper.0 == keys.pepper.0;
        if have_changed {
            good.keys = keys;
        }
        if have_changed || before != Some(Source::Api) {
            self.keep().await;
        }
    }

    /// What was given last is in force: it is kept from now on.
    pub async fn is_in_force(&self) {
        let (Some(good), Some(source)) = (&self.good, self.source) else { return };
        self.admin.standing.is_from(source);
        tracing::info!("revision {} is in force", good.pointer.revision);
        if source == Source::Api {
            self.keep().await;
        }
    }

    async fn keep(&self) {
        let (Some(kept), Some(good)) = (self.kept.clone(), self.good.clone()) else { return };
        let file = kept.file().to_owned();
        if let Err(error) = self.maker.make(move || kept.keep(&good)).await {
            tracing::error!("{}: {error}; a container that starts again needs the apiserver", file.display());
        }
    }

    /// Says what is in the way; when to look again, if nobody tells.
    fn tell(&mut self, trouble: Trouble) -> Option<Instant> {
        match trouble {
            Trouble::Missing(why) => {
                self.is_in_the_way(why);
                return None;
            }
            Trouble::Refused(refused) => {
                self.refuse(refused);
                return None;
            }
            Trouble::Unread(why) => self.is_in_the_way(why),
            Trouble::Part(refused) if self.pause.failures() >= MOMENTS => self.refuse(refused),
            Trouble::Part(_) => {}
        }
        Some(Instant::now() + self.pause.failed())
    }

    fn is_in_the_way(&mut self, why: String) {
        if self.source.is_none() {
            self.admin.standing.wait_for(why);
            return;
        }
        self.admin.metrics.snapshots.may_be_old();
        if self.told.as_ref() != Some(&why) {
            tracing::warn!("{why}; what is in force stays");
            self.told = Some(why);
        }
    }

    fn refuse(&self, refused: Refused) {
        if self.source.is_none() {
            self.admin.standing.wait_for(refused.reason.clone());
        }
        self.admin.standing.refuse(refused);
    }
}

/// Waits for a time, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
