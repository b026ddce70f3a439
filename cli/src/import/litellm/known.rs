//! The servers of a configuration, as permissions name them: by id, name or alias.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

/// What of a configuration permissions refer to.
#[derive(Default)]
pub(super) struct Known {
    /// `metadata.name` by each name in LiteLLM.
    servers: BTreeMap<String, String>,
    /// Of each group by its name in LiteLLM: its object, and its servers' objects.
    groups: BTreeMap<String, (String, BTreeSet<String>)>,
    /// The objects of the servers that every key has.
    all_keys: BTreeSet<String>,
    /// Whether a key without permissions of its own has none (`require_key_mcp_access_defined`).
    pub(super) requires_own: bool,
}

impl Known {
    pub(super) fn add_server(&mut self, names: impl IntoIterator<Item = String>, object: &str) {
        for name in names {
            self.servers.entry(name).or_insert_with(|| object.to_owned());
        }
    }

    /// Notes a server that every key has.
    pub(super) fn add_for_all_keys(&mut self, object: &str) {
        self.all_keys.insert(object.to_owned());
    }

    pub(super) fn has_all_keys(&self) -> bool {
        !self.all_keys.is_empty()
    }

    pub(super) fn is_for_all_keys(&self, object: &str) -> bool {
        self.all_keys.contains(object)
    }

    pub(super) fn add_group(&mut self, name: &str, object: &str) {
        self.groups.entry(name.to_owned()).or_insert_with(|| (object.to_owned(), BTreeSet::new()));
    }

    pub(super) fn join(&mut self, group: &str, server: &str) {
        if let Some((_, members)) = self.groups.get_mut(group) {
            members.insert(server.to_owned());
        }
    }

    pub(super) fn server(&self, name: &str) -> Option<&str> {
        self.servers.get(name).map(String::as_str)
    }

    /// A group that has servers: its object, and theirs.
    pub(super) fn group(&self, name: &str) -> Option<(&str, &BTreeSet<String>)> {
        let (object, members) = self.groups.get(name).filter(|(_, members)| !members.is_empty())?;
        Some((object, members))
    }
}

/// The ids that LiteLLM gives to a server of its configuration, which has none there: the beginning of a SHA-256. Where no
/// transport is set, releases differ in how they write the default.
pub(super) fn ids(name: &str, url: &str, transport: Option<&str>, auth: &str, alias: &str) -> Vec<String> {
    let transports = transport.map_or(vec!["http", "MCPTransport.http"], |set| vec![set]);
    let id = |transport| {
        format!("{:x}", Sha256::digest(format!("{name}|{url}|{transport}|{auth}|{alias}")))[..32].to_owned()
    };
    transports.into_iter().map(id).collect()
}

impl Known {
    /// The object of a group, with servers or yet without.
    pub(super) fn group_object(&self, name: &str) -> Option<&str> {
        self.groups.get(name).map(|(object, _)| object.as_str())
    }
}
