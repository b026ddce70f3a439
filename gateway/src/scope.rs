//! Which servers a request is about: a path or filter headers narrow what the
//! caller may use, and never widen it.

use crds::snapshot::{AccessIndex, Caller, ServerIndex, UnixSeconds};

use crate::table::{Named, RoutingTable};

/// The most names that a path may hold (LiteLLM's bound).
const MAX_NAMES: usize = 16;

/// What a request is narrowed to.
pub enum Scope {
    /// Everything that the caller may use.
    All,
    /// These servers, each in whole or as far as this set of a group's members has it.
    Narrowed(Vec<(ServerIndex, Option<AccessIndex>)>),
}

impl Scope {
    /// The scope that a path or, without one, filter headers give. Names unite; what the caller may not use does not
    /// exist; an absent or blank filter narrows nothing; one in which no name resolves leaves nothing (ACCESS.md).
    pub fn read(
        table: &RoutingTable,
        caller: &Caller,
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

    fn of<'w>(table: &RoutingTable, caller: &Caller, now: UnixSeconds, words: impl Iterator<Item = &'w str>) -> Self {
        let access = table.access(caller, now);
        let usable = |server: ServerIndex| access.binary_search_by_key(&server, |entry| entry.0).is_ok();
        let mut narrowed = Vec::new();
        for word in words.map(str::trim).filter(|word| !word.is_empty()) {
            match table.named(word) {
                Some(Named::Server(server)) if usable(server) => narrowed.push((server, None)),
                Some(Named::Group(index)) => {
                    let group = &table.snapshot.groups[index as usize];
                    if group.admits.binary_search(&caller.namespace).is_ok() {
                        let members = &table.snapshot.access[group.members as usize];
                        let entries = members.iter().filter(|(server, _)| usable(*server));
                        narrowed.extend(entries.map(|(server, _)| (*server, Some(group.members))));
                    }
                }
                _ => {}
            }
        }
        Scope::Narrowed(narrowed)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        matches!(self, Scope::Narrowed(entries) if entries.is_empty())
    }

    /// Whether a path or header leaves exactly this server (R24). Having only one is not enough.
    pub fn is_only(&self, server: ServerIndex) -> bool {
        match self {
            Scope::All => false,
            Scope::Narrowed(entries) => !entries.is_empty() && entries.iter().all(|(other, _)| *other == server),
        }
    }

    /// Whether the scope holds anything of a server.
    pub fn holds_server(&self, server: ServerIndex) -> bool {
        match self {
            Scope::All => true,
            Scope::Narrowed(entries) => entries.iter().any(|(other, _)| *other == server),
        }
    }

    /// Whether the scope holds a tool, by its native name.
    pub fn holds(&self, table: &RoutingTable, server: ServerIndex, tool: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Narrowed(entries) => entries.iter().any(|(other, group)| {
                *other == server && group.is_none_or(|group| table.snapshot.gives(group, server, tool))
            }),
        }
    }
}
