//! Published names: what a tool is called on the wire, who keeps a name that
//! two tools share, what a caller's list shows and what a called name means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::names::{alias, default_name, group_name, norm, precedence, prefix, reserved};
use super::{Item, Kind, Oracle, Pair, Pairs};
use crate::world::{Id, Server};

impl<'w> Oracle<'w> {
    /// The name under which a tool of the server is published, were no other tool to hold it.
    pub fn published(&self, server: &Server, tool: &str) -> String {
        let settings = &self.world.settings;
        let separator = settings.separator.as_deref().unwrap_or("-");
        let whole = if server.bare { tool.to_owned() } else { format!("{}{separator}{tool}", prefix(server)) };
        shortened(whole, settings.max_tool_name_length.unwrap_or(64))
    }

    /// Every published name and the tool that holds it. The earlier server comes first, whatever its own filter says;
    /// a server that is off holds none.
    pub fn holders(&self) -> BTreeMap<String, Pair> {
        let mut servers: Vec<&Server> = self.running().collect();
        servers.sort_by_key(|server| precedence(self.world, &server.meta));
        let mut holders = BTreeMap::new();
        for server in servers {
            for tool in &server.catalogue {
                let pair = (server.meta.id(), tool.clone());
                holders.entry(self.published(server, tool)).or_insert(pair);
            }
        }
        holders
    }

    /// The tools that another tool's published name hides.
    pub fn hidden(&self) -> Pairs {
        let shown: Pairs = self.holders().into_values().collect();
        let all =
            self.running().flat_map(|server| server.catalogue.iter().map(|tool| (server.meta.id(), tool.clone())));
        all.filter(|pair| !shown.contains(pair)).collect()
    }

    /// What the caller of the bindings `ids` sees under these filter words: published names, and what they stand for.
    pub fn list(&self, ids: &BTreeSet<Id>, words: &[&str]) -> BTreeMap<String, Pair> {
        let filtered = self.filtered(ids, words);
        let permitted = |(server, tool): &Pair| filtered.contains(&(server.clone(), Item::Tool(tool.clone())));
        self.holders().into_iter().filter(|(_, pair)| permitted(pair)).collect()
    }

    /// What a called name means to this caller under these filter words: an exact published name, else a norm-equal
    /// prefix with a native name, else a native name that only one of the caller's servers has, else the name of a
    /// server's object with a native name. Only what the caller's list shows counts; two meanings are none.
    pub fn call(&self, ids: &BTreeSet<Id>, words: &[&str], name: &str) -> Option<Pair> {
        self.meaning(&self.list(ids, words), name)
    }

    /// What a called name means to a caller who sees this list, see [`Oracle::call`].
    pub fn meaning(&self, list: &BTreeMap<String, Pair>, name: &str) -> Option<Pair> {
        if let Some(pair) = list.get(name) {
            return Some(pair.clone());
        }
        let separator = self.world.settings.separator.as_deref().unwrap_or("-");
        let splits: Vec<(&str, &str)> = name
            .char_indices()
            .filter_map(|(at, _)| name[at..].strip_prefix(separator).map(|native| (&name[..at], native)))
            .collect();
        let begins = |is_named: &dyn Fn(&Server, &str) -> bool| -> Pairs {
            let read = list.values().filter(|(server, tool)| {
                self.server(server).is_some_and(|server| {
                    !server.bare && splits.iter().any(|(head, native)| is_named(server, head) && native == tool)
                })
            });
            read.cloned().collect()
        };
        let bare = list.values().filter(|(_, tool)| tool == name).cloned();
        let of_object =
            |server: &Server, head: &str| self.of_object(head).is_some_and(|named| named.meta.id() == server.meta.id());
        let steps = [begins(&|server, head| norm(head) == norm(&prefix(server))), bare.collect(), begins(&of_object)];
        steps.into_iter().find(|found| !found.is_empty()).and_then(only)
    }

    /// The first of the accepted servers without a prefix beside their alias that nobody's alias, prefix or group name keeps
    /// from being named by its object.
    pub(super) fn of_object(&self, word: &str) -> Option<&'w Server> {
        let servers = || self.world.servers.iter().filter(|one| self.accepted(Kind::Server, &one.meta.id()));
        let groups = self.world.groups.iter().filter(|one| self.accepted(Kind::Group, &one.meta.id()));
        let mut held = servers().flat_map(|one| [alias(one), prefix(one)]).chain(groups.map(group_name));
        // A name in full stands for itself, as its default does.
        let word = &word.replace('.', "_");
        if reserved(word) || held.any(|name| norm(&name) == norm(word)) {
            return None;
        }
        let named = servers().filter(|one| norm(&alias(one)) == norm(&prefix(one)));
        let named = named.filter(|one| norm(&default_name(&one.meta)) == norm(word));
        named.min_by_key(|one| precedence(self.world, &one.meta))
    }

    /// The accepted servers that are not off.
    fn running(&self) -> impl Iterator<Item = &'w Server> {
        self.world.servers.iter().filter(|server| self.accepted(Kind::Server, &server.meta.id()) && !self.off(server))
    }
}

fn only(pairs: Pairs) -> Option<Pair> {
    let mut pairs = pairs.into_iter();
    pairs.next().filter(|_| pairs.next().is_none())
}

/// A name longer than `limit` characters: its first limit − 9, `_`, and the first 8 hex digits of its SHA-256.
fn shortened(whole: String, limit: usize) -> String {
    if whole.chars().count() <= limit {
        return whole;
    }
    let mut short: String = whole.chars().take(limit.saturating_sub(9)).chain(['_']).collect();
    for byte in &Sha256::digest(whole.as_bytes())[..4] {
        // Writing to a String cannot fail.
        let _ = write!(short, "{byte:02x}");
    }
    short
}
