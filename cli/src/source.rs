//! What a question is about, and how it is read: the objects of a directory, of
//! a directory of a git revision, or of a cluster; or a snapshot.

use std::path::Path;
use std::process::Command;

use crds::compile::{Pepper, Scope};
use crds::resources::{Positions, Resources};
use crds::snapshot::Snapshot;
use gateway::source::directory::Directory;

use crate::args::{ClusterArgs, SourceArgs};

mod live;

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
        let namespace = args.cluster.release_namespace.as_deref();
        Objects::of_directory(&args.directory, namespace).map(|objects| Self::Objects(Box::new(objects)))
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
                let copy = tempfile::tempdir().map_err(|error| format!("no directory for a copy: {error}"))?;
                check_out(place, copy.path())?;
                Self::of_directory(&copy.path().join("files"), namespace)
            }
        }
    }

    /// Takes over from a cluster what manifests seldom hold and access depends on: settings, if there are none, and the
    /// namespaces and Secrets that are not here.
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
        self.scope = cluster.scope.clone();
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
        let scope =
            release_namespace.map_or(Scope::Local, |namespace| Scope::Cluster { namespace: namespace.to_owned() });
        Ok(Self { resources: merged.resources, scope, positions: merged.positions, has_settings: merged.has_settings })
    }
}

/// Writes the files of `REVISION:DIRECTORY` below `copy/files`. Neither the repository nor its index is touched.
fn check_out(tree: &str, copy: &Path) -> Result<(), String> {
    let files = copy.join("files");
    std::fs::create_dir(&files).map_err(|error| format!("no directory for a copy: {error}"))?;
    let prefix = format!("--prefix={}/", files.display());
    for arguments in [&["read-tree", tree][..], &["checkout-index", "--all", &prefix]] {
        let run = Command::new("git").args(arguments).env("GIT_INDEX_FILE", copy.join("index")).output();
        let run = run.map_err(|error| format!("git: {error}"))?;
        if !run.status.success() {
            return Err(format!("git: {}", String::from_utf8_lossy(&run.stderr).trim()));
        }
    }
    Ok(())
}
