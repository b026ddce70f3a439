//! What stands in the cluster of the objects that the operator makes, as their
//! watches told it or our own writes were answered.

use std::collections::{BTreeMap, BTreeSet};

use crds::snapshot::stored::{CREDENTIAL_SLOTS, Pointer, SLOTS};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ObjectMeta;
use kube::{Api, Client};
use kube_runtime::watcher::Config;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::release::{Own, Release};
use crate::state::newer;
use crate::watch::{Hearer, Told, WATCH_SECONDS, follow};

/// Entries of a ConfigMap (binary) or a Secret.
pub(super) type Data = BTreeMap<String, Vec<u8>>;

/// What the watches of our own objects tell.
pub(crate) type OwnChanges = mpsc::Receiver<(Own, Told<Stored>)>;

/// How much may wait of it.
const QUEUE: usize = 64;

/// An object as it stands in the cluster.
#[derive(Clone)]
pub(crate) struct Stored {
    /// Its metadata, without managed fields.
    pub(crate) metadata: ObjectMeta,
    /// Its entries; of a slot, instead of each the SHA-256.
    pub(crate) data: Data,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Held {
    objects: BTreeMap<Own, Stored>,
    /// Those of which it is known whether they are there.
    complete: BTreeSet<Own>,
    listed: BTreeSet<Own>,
    refused: BTreeMap<Own, String>,
    /// Those that were as we wanted them, in this term.
    ours: BTreeSet<Own>,
    /// Of those, the ones that somebody else has changed since.
    foreign: BTreeSet<Own>,
}

/// Every object that the operator may make.
fn all() -> impl Iterator<Item = Own> {
    let slots = (0..SLOTS).map(Own::Slot);
    let credentials = (0..CREDENTIAL_SLOTS).map(Own::Credentials);
    [Own::Pointer, Own::Keys].into_iter().chain(slots).chain(credentials)
}

/// Watches each by its name, so that the right to these names is enough.
pub(crate) fn start(client: &Client, release: &Release, tasks: &mut JoinSet<&'static str>) -> OwnChanges {
    let (tell, changes) = mpsc::channel(QUEUE);
    for own in all() {
        let (client, to, name, namespace) = (client.clone(), tell.clone(), release.own(own), release.namespace.clone());
        tasks.spawn(async move {
            // Nobody asks for a second list.
            let (_again, again) = watch::channel(0);
            let hearer = Hearer { source: own, to, again };
            let config = Config::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
            let maps = || Api::<ConfigMap>::namespaced(client.clone(), &namespace);
            match own {
                Own::Pointer => follow(maps(), config, Stored::of_config_map, hearer).await,
                Own::Slot(_) => follow(maps(), config, Stored::of_slot, hearer).await,
                Own::Credentials(_) | Own::Keys => {
                    let secrets = Api::<Secret>::namespaced(client.clone(), &namespace);
                    follow(secrets, config, Stored::of_secret, hearer).await;
                }
            }
            "a watch of the operator's own objects"
        });
    }
    changes
}

impl Stored {
    /// A ConfigMap.
    pub(crate) fn of_config_map(map: ConfigMap) -> Self {
        let data = map.binary_data.unwrap_or_default().into_iter().map(|(name, value)| (name, value.0)).collect();
        Self::new(map.metadata, data)
    }

    /// A ConfigMap whose entries are large: nothing but their digests is kept.
    pub(crate) fn of_slot(map: ConfigMap) -> Self {
        let mut stored = Self::of_config_map(map);
        stored.data.values_mut().for_each(|value| *value = Sha256::digest(&value).to_vec());
        stored
    }

    /// A Secret.
    pub(crate) fn of_secret(secret: Secret) -> Self {
        let data = crate::keys::entries(&secret);
        Self::new(secret.metadata, data)
    }

    fn new(mut metadata: ObjectMeta, data: Data) -> Self {
        metadata.managed_fields = None;
        Self { metadata, data }
    }

    fn version(&self) -> &str {
        self.metadata.resource_version.as_deref().unwrap_or_default()
    }

    /// Whether it says the same, whoever it was written by.
    fn is(&self, other: &Self) -> bool {
        let (metadata, others) = (&self.metadata, &other.metadata);
        self.data == other.data
            && metadata.uid == others.uid
            && metadata.labels == others.labels
            && metadata.annotations == others.annotations
            && metadata.owner_references == others.owner_references
    }
}

impl Held {
    /// What stands there.
    pub(crate) fn get(&self, own: Own) -> Option<&Stored> {
        self.objects.get(&own)
    }

    /// Whether it is known of all of them what stands there.
    pub(crate) fn is_known(&self) -> bool {
        all().all(|own| self.complete.contains(&own))
    }

    /// Why one of them may not be seen.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refused.values().next().map(String::as_str)
    }

    /// Takes in what a watch tells.
    pub(crate) fn take(&mut self, own: Own, told: Told<Stored>) {
        match told {
            Told::Begins(_) => drop(self.listed.remove(&own)),
            Told::Listed(stored) => {
                self.listed.insert(own);
                self.saw(own, stored);
            }
            Told::Complete => {
                self.complete.insert(own);
                self.refused.remove(&own);
                if !self.listed.remove(&own) {
                    self.lost(own);
                }
            }
            Told::Put(stored) => self.saw(own, stored),
            Told::Gone(stored) => {
                // Made anew by us in the meantime, it is there.
                if self.objects.get(&own).is_some_and(|held| newer(stored.version(), held.version())) {
                    self.lost(own);
                }
            }
            Told::Refused(why) => drop(self.refused.insert(own, why)),
            Told::Fails(_) => {}
            Told::Well => drop(self.refused.remove(&own)),
        }
    }

    /// What was found by a look.
    pub(crate) fn found(&mut self, own: Own, found: Option<Stored>) {
        match found {
            Some(stored) => self.saw(own, stored),
            None => self.lost(own),
        }
    }

    /// It was written by us, and this is the answer. Whether somebody else had changed it before.
    pub(crate) fn wrote(&mut self, own: Own, stored: Stored) -> bool {
        self.objects.insert(own, stored);
        self.ours.insert(own);
        self.foreign.remove(&own)
    }

    /// It is as we want it, whoever made it so.
    pub(crate) fn is_right(&mut self, own: Own) {
        self.ours.insert(own);
        self.foreign.remove(&own);
    }

    /// Slots that somebody else had changed, of those that the last pointer named. They are free now.
    pub(crate) fn moved_away(&mut self, last: Option<&Pointer>) -> Vec<Own> {
        let named: Vec<Own> = last.iter().flat_map(|it| &it.parts).filter_map(|it| it.slot).map(Own::Slot).collect();
        let slots = self.foreign.extract_if(.., |own| matches!(own, Own::Slot(_)));
        slots.filter(|own| named.contains(own)).collect()
    }

    /// A new term: what others did before it was their right.
    pub(crate) fn forget_what_is_ours(&mut self) {
        self.ours.clear();
        self.foreign.clear();
    }

    fn saw(&mut self, own: Own, stored: Stored) {
        let held = self.objects.get(&own);
        if held.is_some_and(|held| !newer(stored.version(), held.version())) {
            return;
        }
        if self.ours.contains(&own) && !held.is_some_and(|held| held.is(&stored)) {
            self.foreign.insert(own);
        }
        self.objects.insert(own, stored);
    }

    fn lost(&mut self, own: Own) {
        if self.objects.remove(&own).is_some() && self.ours.contains(&own) {
            self.foreign.insert(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(version: &str, value: &str) -> Stored {
        let metadata = ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() };
        Stored { metadata, data: [("pointer".to_owned(), value.into())].into() }
    }

    fn value(held: &Held) -> Option<&str> {
        held.get(Own::Pointer).map(|stored| str::from_utf8(&stored.data["pointer"]).unwrap())
    }

    #[test]
    fn what_a_watch_tells_late_does_not_undo_what_was_written() {
        let mut held = Held::default();
        held.take(Own::Pointer, Told::Put(stored("5", "a")));
        held.wrote(Own::Pointer, stored("7", "c"));
        held.take(Own::Pointer, Told::Put(stored("6", "b")));
        held.take(Own::Pointer, Told::Put(stored("7", "c")));
        held.take(Own::Pointer, Told::Gone(stored("6", "b")));
        assert_eq!(value(&held), Some("c"));
        assert!(!held.wrote(Own::Pointer, stored("8", "d")), "nobody else was there");
    }

    #[test]
    fn what_somebody_else_changed_or_took_away_is_known_once_it_is_written_anew() {
        let mut held = Held::default();
        held.take(Own::Pointer, Told::Put(stored("5", "theirs")));
        assert!(!held.wrote(Own::Pointer, stored("6", "ours")), "before our term it was their right");
        held.take(Own::Pointer, Told::Put(stored("7", "theirs")));
        assert_eq!(value(&held), Some("theirs"));
        assert!(held.wrote(Own::Pointer, stored("8", "ours")));
        held.take(Own::Pointer, Told::Gone(stored("9", "ours")));
        assert_eq!(value(&held), None);
        assert!(held.wrote(Own::Pointer, stored("10", "ours")));
        // What the process before us wrote is ours too, once it is found to be right.
        held.forget_what_is_ours();
        held.is_right(Own::Pointer);
        held.take(Own::Pointer, Told::Gone(stored("11", "ours")));
        assert!(held.wrote(Own::Pointer, stored("12", "ours")));
        held.take(Own::Pointer, Told::Put(stored("13", "theirs")));
        held.forget_what_is_ours();
        assert!(!held.wrote(Own::Pointer, stored("14", "ours")));
    }

    #[test]
    fn only_a_complete_list_takes_away() {
        let mut held = Held::default();
        assert!(!held.is_known());
        held.take(Own::Pointer, Told::Put(stored("5", "a")));
        held.take(Own::Pointer, Told::Begins(0));
        held.take(Own::Pointer, Told::Refused("no right".to_owned()));
        assert_eq!((value(&held), held.refusal()), (Some("a"), Some("no right")));
        held.take(Own::Pointer, Told::Begins(0));
        held.take(Own::Pointer, Told::Complete);
        assert_eq!(value(&held), None);
        for own in all() {
            held.take(own, Told::Complete);
        }
        assert!(held.is_known());
    }
}
