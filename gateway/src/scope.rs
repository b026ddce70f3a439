//! Which servers a request is about: a path or filter headers narrow what the
//! caller may use, and never widen it.

use std::collections::BTreeSet;

use crate::caller::Caller;
use crds::snapshot::{AccessIndex, Item, ServerIndex, UnixSeconds};

use crate::table::{Named, RoutingTable};

/// The most names that a path may hold (LiteLLM's bound).
pub(crate) const MAX_NAMES: usize = 16;
/// The most different words that filter headers may hold; what comes after them narrows to nothing more.
const MAX_WORDS: usize = 256;

/// What a request is narrowed to.
pub enum Scope {
    /// Everything that the caller may use.
    All,
    /// What names leave.
    Narrowed {
        /// These servers, each in whole or as far as this set of a group's members has it. Sorted, each entry once.
        entries: Vec<(ServerIndex, Option<AccessIndex>)>,
        /// Whether one of them is there by its object's name alone, which somebody else may come to hold.
        by_object: bool,
    },
}

impl Scope {
    /// The scope that a path or, without one, filter headers give. Names unite; what the caller may not use does not
    /// exist; an absent or blank filter narrows nothing; one in which no name resolves leaves nothing (ACCESS.md).
    pub fn read(
        table: &RoutingTable,
        caller: &Caller<'_>,
        now: UnixSeconds,
        path: Option<&str>,
        filters: &[&[u8]],
    ) -> Self {
        if let Some(path) = path {
            return Self::of(table, caller, now, path.split(',').take(MAX_NAMES));
        }
        if filters.iter().all(|filter| filter.trim_ascii().is_empty()) {
            return Scope::All;
        }
        let words =
            filters.iter().filter_map(|filter| str::from_utf8(filter).ok()).flat_map(|filter| filter.split(','));
        Self::of(table, caller, now, words)
    }

    fn of<'w>(
        table: &RoutingTable,
        caller: &Caller<'_>,
        now: UnixSeconds,
        words: impl Iterator<Item = &'w str>,
    ) -> Self {
        let access = caller.access(table, now);
        let usable = |server: ServerIndex| access.binary_search_by_key(&server, |entry| entry.0).is_ok();
        let (mut seen, mut groups, mut narrowed) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        let mut by_object = false;
        for word in words.map(str::trim).filter(|word| !word.is_empty()) {
            if seen.len() == MAX_WORDS {
                break;
            }
            if !seen.insert(word) {
                continue;
            }
            match table.named(word) {
                Some(Named::Server(server)) if usable(server) => narrowed.push((server, None)),
                Some(Named::Object(server)) if usable(server) => {
                    by_object = true;
                    narrowed.push((server, None));
                }
                // A group has many spellings; its members are looked at once.
                Some(Named::Group(index)) if groups.insert(index) => {
                    let group = &table.snapshot.groups[index as usize];
                    if caller.is_admitted_to(group, now) {
                        let members = &table.snapshot.access[group.members as usize];
                        let entries = members.iter().filter(|(server, _)| usable(*server));
                        narrowed.extend(entries.map(|(server, _)| (*server, Some(group.members))));
                    }
                }
                _ => {}
            }
        }
        narrowed.sort_unstable();
        narrowed.dedup();
        Scope::Narrowed { entries: narrowed, by_object }
    }

    /// Narrows it to this server, which the caller may use. `named_by_object`: somebody else may come to hold the name.
    pub fn narrow(&mut self, server: ServerIndex, named_by_object: bool) {
        match self {
            Scope::All => *self = Scope::Narrowed { entries: vec![(server, None)], by_object: named_by_object },
            Scope::Narrowed { entries, by_object } => {
                entries.retain(|entry| entry.0 == server);
                *by_object |= named_by_object;
            }
        }
    }

    /// The entries of a server, the one for the whole of it first.
    fn entries(
        narrowed: &[(ServerIndex, Option<AccessIndex>)],
        server: ServerIndex,
    ) -> &[(ServerIndex, Option<AccessIndex>)] {
        let start = narrowed.partition_point(|entry| entry.0 < server);
        let end = start + narrowed[start..].partition_point(|entry| entry.0 == server);
        &narrowed[start..end]
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        matches!(self, Scope::Narrowed { entries, .. } if entries.is_empty())
    }

    /// Whether a path or header leaves exactly this server (R24), by a name that it has alone: a credential goes by no
    /// other. Having only one is not enough.
    pub fn is_only(&self, server: ServerIndex) -> bool {
        match self {
            Scope::All => false,
            Scope::Narrowed { entries, by_object } => {
                !by_object && !entries.is_empty() && Self::entries(entries, server).len() == entries.len()
            }
        }
    }

    /// Whether the scope holds anything of a server.
    pub fn holds_server(&self, server: ServerIndex) -> bool {
        match self {
            Scope::All => true,
            Scope::Narrowed { entries, .. } => !Self::entries(entries, server).is_empty(),
        }
    }

    /// Whether the scope holds an item of a server.
    pub fn holds(&self, table: &RoutingTable, server: ServerIndex, item: Item) -> bool {
        match self {
            Scope::All => true,
            Scope::Narrowed { entries, .. } => Self::entries(entries, server)
                .iter()
                .any(|(_, group)| group.is_none_or(|group| table.snapshot.gives(group, server, item))),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
