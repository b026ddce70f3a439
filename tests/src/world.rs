//! A `World`: the objects of one company as plain data, for tests of the
//! access rule. It goes out as manifests (to the program under test) and into
//! the oracle (which says what must come of it), so it shares no type with
//! either side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

#[cfg(test)]
mod features;
mod manifests;
mod random;
mod spec;
mod strategy;

pub use random::NOW;
pub use spec::{
    Binding, Consent, Entry, Filter, Flaw, From, Grants, Group, KeyEntry, KeySource, Labels, Meta, Operator, Reference,
    Secret, SecretRef, Selector, Server, Settings, Subject, Term, Transport,
};
pub use strategy::worlds;

/// `namespace/name` of an object.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl Id {
    /// The id of `name` in `namespace`.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where the objects stand, which decides what holds where the settings are silent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mode {
    /// A directory: every namespace is a platform namespace, may start children and publish bare names.
    Local,
    /// A cluster: only the release's namespace is a platform namespace, and none may start children or publish bare names.
    Cluster {
        /// The release's namespace.
        namespace: String,
    },
}

/// All objects at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// Where the objects stand.
    pub mode: Mode,
    /// The settings document.
    pub settings: Settings,
    /// Labels of the namespaces that have a Namespace object.
    pub namespaces: BTreeMap<String, Labels>,
    /// Secrets, usable or not.
    pub secrets: Vec<Secret>,
    /// Servers.
    pub servers: Vec<Server>,
    /// Access groups.
    pub groups: Vec<Group>,
    /// Bindings.
    pub bindings: Vec<Binding>,
    /// Native tool names that questions are asked about; each server's catalogue is a part of them.
    pub tools: Vec<String>,
    /// Native names of prompts that questions are asked about, of any server.
    pub prompts: Vec<String>,
    /// URIs and URI templates that questions are asked about, of any server.
    pub resources: Vec<String>,
}

impl World {
    /// A world without objects, in `mode`, in which questions about `tools` can be asked.
    pub fn empty(mode: Mode, tools: &[&str]) -> Self {
        Self {
            mode,
            settings: Settings::default(),
            namespaces: BTreeMap::new(),
            secrets: Vec::new(),
            servers: Vec::new(),
            groups: Vec::new(),
            bindings: Vec::new(),
            tools: tools.iter().map(|tool| (*tool).to_owned()).collect(),
            prompts: Vec::new(),
            resources: Vec::new(),
        }
    }

    /// Every key (plain text) that somebody could try: those of bindings, of Secrets, and some that nobody holds.
    pub fn keys(&self) -> BTreeSet<String> {
        let written = self.bindings.iter().filter_map(|binding| match &binding.subject {
            Subject::Key(entries) => Some(entries),
            _ => None,
        });
        let written = written.flatten().filter_map(|entry| match &entry.source {
            KeySource::Sha256(plain) => Some(plain.clone()),
            KeySource::Secret(_) => None,
        });
        let secret = self.secrets.iter().flat_map(|secret| secret.data.values().cloned());
        let mut keys: BTreeSet<String> = written.chain(secret).collect();
        let trimmed: Vec<String> = keys.iter().map(|key| key.trim().to_owned()).collect();
        keys.extend(trimmed);
        keys.insert("sb-nobody".to_owned());
        keys
    }

    /// Words worth trying in a filter header: every name, norm-equal spellings of it, and unknown ones.
    pub fn words(&self) -> BTreeSet<String> {
        let servers = self.servers.iter().flat_map(|server| {
            [Some(server.meta.name.clone()), server.alias.clone(), server.prefix.clone()].into_iter().flatten()
        });
        let groups = self
            .groups
            .iter()
            .flat_map(|group| [Some(group.meta.name.clone()), group.group_name.clone()].into_iter().flatten());
        let names: BTreeSet<String> = servers.chain(groups).collect();
        let spellings = names.iter().flat_map(|name| {
            [name.clone(), name.to_uppercase(), name.replace(['-', '.', '_'], " "), name.replace(['-', ' ', '.'], "_")]
        });
        let ids = self.servers.iter().map(|server| server.meta.id().to_string());
        spellings.chain(ids).chain(["nobody_knows".to_owned()]).collect()
    }
}
