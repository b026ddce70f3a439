//! What a question is about, and how it is read: the objects of a directory, of
//! a directory of a git revision, or of a cluster; or a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crds::compile::{Pepper, Scope};
use crds::diagnostic::ObjectKey;
use crds::resources::{Merged, Positions, Resources};
use crds::snapshot::Snapshot;
use gateway::source::directory::Directory;
use kube::Resource;

use crate::args::{ClusterArgs, SourceArgs};

mod live;
mod logs;
mod revision;
pub(crate) mod secrets;

pub(crate) use logs::gateway_logs;

/// The word for the objects of a cluster.
const LIVE: &str = "live";

/// What a question is about.
#[derive(Clone)]
pub(crate) enum Source {
    /// Objects, of which everything follows.
    Objects(Box<Objects>),
    /// What a gateway runs, which knows callers and not why they may what they may.
    Snapshot(Box<Snapshot>),
}

/// All objects at one moment.
#[derive(Clone)]
pub(crate) struct Objects {
    pub(crate) resources: Resources,
    pub(crate) scope: Scope,
    /// Where they stand in files; of a cluster nowhere.
    pub(crate) positions: Positions,
    /// Whether there is a settings document among them.
    has_settings: bool,
    /// Secrets that are there and cannot be used.
    unmarked: BTreeSet<ObjectKey>,
}

impl Source {
    /// Reads what the flags of a question say.
    pub(crate) fn read(args: &SourceArgs) -> Result<Self, String> {
        if let Some(file) = &args.snapshot {
            return snapshot(file).map(|snapshot| Self::Snapshot(Box::new(snapshot)));
        }
        if args.live || args.cluster.context.is_some() {
            return live::read(&args.cluster).map(|objects| Self::Objects(Box::new(objects)));
        }
        let mut objects = Objects::of_directory(&args.directory, args.cluster.release_namespace.as_deref())?;
        objects.take_secrets_to_be_there();
        Ok(Self::Objects(Box::new(objects)))
    }
}

/// A snapshot as `snapshot show` prints it.
fn snapshot(file: &Path) -> Result<Snapshot, String> {
    let at = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read(file).map_err(|error| at(error.to_string()))?;
    let snapshot: Snapshot = serde_json::from_slice(&text).map_err(|error| at(format!("no snapshot: {error}")))?;
    snapshot.check().map_err(|error| at(format!("no snapshot: {error}")))?;
    Ok(snapshot)
}

impl Objects {
    /// Reads `live`, a directory, or `REVISION:DIRECTORY` of the git repository here.
    pub(crate) fn of_place(place: &str, cluster: &ClusterArgs) -> Result<Self, String> {
        let namespace = cluster.release_namespace.as_deref();
        let directory = Path::new(place);
        if Self::is_live(place) {
            return live::read(cluster);
        }
        match place.split_once(':').filter(|_| !directory.exists()) {
            None => Self::of_directory(directory, namespace),
            Some((revision, _)) if revision.is_empty() || revision.starts_with('-') => {
                Err("write it as REVISION:DIRECTORY, as in main:deploy".to_owned())
            }
            Some(_) => {
                let copy = revision::check_out(place)?;
                Self::of_directory(copy.path(), namespace)
            }
        }
    }

    /// Takes over from a cluster what manifests seldom hold and access depends on: settings, if there are none, the
    /// namespaces and Secrets that are not here, and who is older.
    pub(crate) fn surround(&mut self, cluster: &Objects) {
        let (own, theirs) = (&mut self.resources, &cluster.resources);
        if !self.has_settings {
            own.settings = theirs.settings.clone();
        }
        for (name, labels) in &theirs.namespaces {
            own.namespaces.entry(name.clone()).or_insert_with(|| labels.clone());
        }
        for (key, data) in &theirs.secrets {
            own.secrets.entry(key.clone()).or_insert_with(|| data.clone());
        }
        born(&mut own.servers, &theirs.servers);
        born(&mut own.groups, &theirs.groups);
        born(&mut own.bindings, &theirs.bindings);
        self.scope = cluster.scope.clone();
    }

    /// Takes Secrets that are not here to be in the cluster ([`secrets::take_to_be_there`]).
    pub(crate) fn take_secrets_to_be_there(&mut self) {
        secrets::take_to_be_there(&mut self.resources, &self.unmarked);
    }

    /// Whether a place of a plan is the cluster.
    pub(crate) fn is_live(place: &str) -> bool {
        place == LIVE
    }

    /// Reads a directory once. What one file makes unknown would make every answer a guess: then there is none.
    fn of_directory(directory: &Path, release_namespace: Option<&str>) -> Result<Self, String> {
        // Nothing is compiled here, so that no pepper is needed.
        let mut read = Directory::new(directory.to_owned(), Pepper([0; 32]));
        read.look(None).map_err(|error| format!("{}: {error}", directory.display()))?;
        let (merged, faults) = read.objects();
        if let Some(fault) = faults.first() {
            return Err(fault.to_string());
        }
        let scope = scope(release_namespace);
        let Merged { resources, positions, has_settings, unmarked, .. } = merged;
        Ok(Self { resources, scope, positions, has_settings, unmarked })
    }
}

/// As what objects count: those of a cluster whose release is in this namespace, or of `run`.
pub(crate) fn scope(release_namespace: Option<&str>) -> Scope {
    release_namespace.map_or(Scope::Local, |namespace| Scope::Cluster { namespace: namespace.to_owned() })
}

/// Gives objects the time at which those of the same name were made.
fn born<T: Resource>(own: &mut BTreeMap<ObjectKey, T>, theirs: &BTreeMap<ObjectKey, T>) {
    for (key, object) in own {
        if let Some(there) = theirs.get(key) {
            object.meta_mut().creation_timestamp.clone_from(&there.meta().creation_timestamp);
        }
    }
}
