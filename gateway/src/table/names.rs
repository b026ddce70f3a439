//! What a word of a path or filter header, or of the beginning of a tool's
//! name, names.
//!
//! An alias, a prefix or a group name is one object's alone (ACCESS.md, Names).
//! A server with an alias is named by its object, too, as LiteLLM takes the name
//! that its configuration has for it: a word that nobody holds. Of several such
//! servers the first has it, so that no object takes a name from an earlier one.
//! A server with a prefix beside its alias, which LiteLLM does not know, has its
//! two names and no third.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crds::names::{default_name, is_reserved, norm};
use crds::snapshot::{Server, ServerIndex, Snapshot};

/// What a word names.
#[derive(Clone, Copy)]
pub enum Named {
    /// A server, which has the word alone.
    Server(ServerIndex),
    /// An access group, by position in the snapshot.
    Group(u32),
    /// A server by its object, as long as nobody holds the word.
    Object(ServerIndex),
}

/// All names of a snapshot.
pub(super) struct Names {
    /// By norm.
    held: HashMap<String, Named>,
    /// By the norm of the object's name, where nobody holds it.
    objects: HashMap<String, ServerIndex>,
    /// By `namespace/name`.
    ids: HashMap<String, ServerIndex>,
}

impl Names {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut held = HashMap::new();
        for (index, group) in snapshot.groups.iter().enumerate() {
            held.insert(group.norm.clone(), Named::Group(index as u32));
        }
        let servers = || (0..).zip(&snapshot.servers);
        for (index, server) in servers() {
            for name in &server.names {
                held.insert(name.clone(), Named::Server(index));
            }
        }
        let ids = servers().map(|(index, server)| (server.id.clone(), index)).collect();
        let mut objects = HashMap::new();
        // The earlier server comes first.
        for (index, server) in servers().filter(|(_, server)| goes_by_alias_alone(server)) {
            let Some((_, name)) = server.id.split_once('/') else { continue };
            let name = default_name(name);
            if is_reserved(&name) || held.contains_key(&norm(&name)) {
                continue;
            }
            if let Entry::Vacant(vacant) = objects.entry(norm(&name)) {
                vacant.insert(index);
            }
        }
        Self { held, objects, ids }
    }

    /// Who holds a word, in any norm-equal spelling.
    pub(super) fn held(&self, word: &str) -> Option<Named> {
        self.held.get(&norm(word)).copied()
    }

    /// The server whose object a word names, in any norm-equal spelling, that nobody holds.
    pub(super) fn object(&self, word: &str) -> Option<ServerIndex> {
        self.objects.get(&norm(&default_name(word))).copied()
    }

    /// The server of this id.
    pub(super) fn id(&self, word: &str) -> Option<ServerIndex> {
        self.ids.get(word).copied()
    }
}

fn goes_by_alias_alone(server: &Server) -> bool {
    let alias = norm(&server.alias);
    server.names.iter().all(|name| *name == alias)
}
