//! The published entries of all servers' lists: names settled once for all
//! callers, descriptions ready to be copied into a list.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use crds::snapshot::{Server, ServerIndex, WireSettings};

use crate::catalogue::{Catalogue, Entry, List};
use crate::published::published;
use crate::revision::Revision;

/// Where a published name leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct At {
    /// The server.
    pub server: ServerIndex,
    /// The entry's place in the list, in the server's order.
    pub entry: u32,
}

/// The lists of all servers.
#[derive(Default)]
pub struct Index {
    /// Per server, in the snapshot's order.
    pub servers: Vec<ServerLists>,
    by_name: [HashMap<String, At>; List::ALL.len()],
}

/// The lists of one server, as they are published.
pub struct ServerLists {
    /// What they were made from; the same entries and naming need no new ones.
    catalogue: Arc<Catalogue>,
    naming: Naming,
    published: [Arc<Vec<Published>>; List::ALL.len()],
}

/// What of a server and of the settings published names follow from.
#[derive(PartialEq)]
struct Naming {
    alias: String,
    prefix: Option<String>,
    uri_prefix: Option<String>,
    separator: String,
    max_length: u32,
}

/// An entry as callers see it.
pub struct Published {
    /// Its published name.
    pub name: String,
    /// The description with the published name, the rest byte for byte.
    pub json: Bytes,
    /// The same for legacy clients, if they get another.
    pub legacy_json: Option<Bytes>,
    /// Its server lists the name before it too: the first is meant.
    pub repeated: bool,
}

impl Published {
    /// The description for clients of this revision.
    pub fn json_for(&self, revision: Revision) -> &Bytes {
        self.legacy_json.as_ref().filter(|_| !revision.is_modern()).unwrap_or(&self.json)
    }
}

impl Index {
    /// The index over these catalogues, in the snapshot's order of servers: a name that two entries share stays with
    /// the earlier server. `before` saves work where nothing changed.
    pub fn build<'s>(
        settings: &WireSettings,
        servers: impl Iterator<Item = (&'s Server, Arc<Catalogue>)>,
        before: &Index,
    ) -> Self {
        let before = before.servers.iter().map(|lists| (lists.naming.alias.as_str(), lists)).collect();
        let servers: Vec<ServerLists> =
            servers.map(|(server, catalogue)| ServerLists::new(server, catalogue, settings, &before)).collect();
        let mut by_name: [HashMap<String, At>; List::ALL.len()] = Default::default();
        for (server, lists) in servers.iter().enumerate() {
            for list in List::ALL {
                for (entry, published) in lists.published(list).iter().enumerate() {
                    let at = At { server: server as ServerIndex, entry: entry as u32 };
                    by_name[list as usize].entry(published.name.clone()).or_insert(at);
                }
            }
        }
        Self { servers, by_name }
    }

    /// Where a published name leads.
    pub fn find(&self, list: List, name: &str) -> Option<At> {
        self.by_name[list as usize].get(name).copied()
    }

    /// Whether an entry goes by its published name, or an earlier server's entry does.
    pub fn is_visible(&self, list: List, at: At) -> bool {
        let name = &self.servers[at.server as usize].published(list)[at.entry as usize].name;
        self.by_name[list as usize].get(name) == Some(&at)
    }

    /// Whether `name` is free for an entry of this server that only one caller sees: no other server's entry has it.
    pub fn leaves_name(&self, list: List, name: &str, server: ServerIndex) -> bool {
        self.by_name[list as usize].get(name).is_none_or(|at| at.server == server)
    }
}

impl ServerLists {
    fn new(
        server: &Server,
        catalogue: Arc<Catalogue>,
        settings: &WireSettings,
        before: &HashMap<&str, &ServerLists>,
    ) -> Self {
        let naming = Naming {
            alias: server.alias.clone(),
            prefix: server.prefix.clone(),
            uri_prefix: server.uri_prefix.clone(),
            separator: settings.separator.clone(),
            max_length: settings.max_tool_name_length,
        };
        let before = before.get(server.alias.as_str()).filter(|lists| lists.naming == naming);
        let published = List::ALL.map(|list| {
            let entries = &catalogue.of(list).entries;
            if let Some(known) = before
                && Arc::ptr_eq(&known.catalogue.of(list).entries, entries)
            {
                return known.published[list as usize].clone();
            }
            if list == List::Tools {
                catalogue.warn(&server.id);
            }
            Arc::new(publish(list, entries, server, settings))
        });
        Self { catalogue, naming, published }
    }

    /// The catalogue that these lists are of.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// A list as callers see it, in the server's order.
    pub fn published(&self, list: List) -> &[Published] {
        &self.published[list as usize]
    }

    /// An entry as its server knows it.
    pub fn native(&self, list: List, entry: u32) -> &Entry {
        &self.catalogue.of(list).entries[entry as usize]
    }
}

/// The entries of a list under their published names.
pub fn publish(list: List, entries: &[Entry], server: &Server, settings: &WireSettings) -> Vec<Published> {
    let mut seen = HashSet::new();
    let published = entries.iter().map(|entry| {
        let name = published(list, &entry.name, server, settings).into_owned();
        let (json, legacy_json) = (entry.json_as(&name), entry.legacy_json_as(&name));
        Published { json, legacy_json, name, repeated: !seen.insert(&entry.name) }
    });
    published.collect()
}
