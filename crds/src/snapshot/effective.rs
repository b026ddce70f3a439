//! What a caller may use of a server as a rule and not item by item: for
//! tables, and to compare two snapshots about names that nobody has listed yet.

use std::fmt;

use super::{AccessIndex, ByKind, FilterIndex, ItemKind, ServerFilter, ServerIndex, Snapshot};
use crate::patterns::{Patterns, matches_all};

mod beyond;

pub use beyond::Beyond;

/// The items of one kind of a server that somebody may use: those that are in each list of `within`, and that `without`
/// does not keep out.
#[derive(Clone, Debug)]
pub struct Effective<'s> {
    kind: ItemKind,
    within: Vec<&'s [String]>,
    without: Option<&'s [String]>,
}

impl Snapshot {
    /// What the access set gives of the server, after the server's own filters; none of a kind: nothing.
    pub fn effective(&self, access: AccessIndex, server: ServerIndex) -> ByKind<Option<Effective<'_>>> {
        let of_server = self.servers.get(server as usize).filter(|server| !server.off);
        let set = self.access.get(access as usize).map_or(&[][..], Vec::as_slice);
        let share = set.binary_search_by_key(&server, |(server, _)| *server).ok().map(|position| set[position].1);
        let (Some(of_server), Some(share)) = (of_server, share) else { return ByKind::default() };
        let parts = ByKind::from(ItemKind::ALL).zip(share).zip(of_server.filters);
        parts.map(|((kind, filter), own)| self.rule(kind, filter?, own))
    }

    fn rule(&self, kind: ItemKind, filter: FilterIndex, own: ServerFilter) -> Option<Effective<'_>> {
        let list = |at: u32| self.patterns.get(at as usize).map(Vec::as_slice);
        // A list that is not there lets nothing in, and keeps everything out.
        let filter = self.filters.get(filter as usize)?;
        let mut within = filter.iter().chain(&own.allow).map(|at| list(*at)).collect::<Option<Vec<_>>>()?;
        within.retain(|globs| !globs.iter().any(|glob| matches_all(glob)));
        within.sort_unstable();
        within.dedup();
        let without = own.deny.map(list);
        let gone = without.is_some_and(|globs| globs.is_none_or(|globs| globs.iter().any(|glob| matches_all(glob))));
        let nothing = gone || within.iter().any(|globs| globs.is_empty());
        (!nothing).then_some(Effective { kind, within, without: without.flatten().filter(|globs| !globs.is_empty()) })
    }
}

impl Effective<'_> {
    /// Whether the item of this name is among them.
    pub fn has(&self, name: &str) -> bool {
        let item = self.kind.item(name);
        self.within.iter().all(|globs| item.is_let_in_by(Patterns::new(globs)))
            && !self.without.is_some_and(|globs| item.is_kept_out_by(Patterns::new(globs)))
    }

    /// Whether it is every item of its kind.
    pub fn is_all(&self) -> bool {
        self.within.is_empty() && self.without.is_none()
    }

    fn is_same_as(&self, other: &Effective) -> bool {
        self.within == other.within && self.without == other.without
    }
}

/// As in: `get_*, list_* and *_page but not get_secret`; `all`.
impl fmt::Display for Effective<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.within[..] {
            [] => f.write_str("all")?,
            lists => f.write_str(&lists.iter().map(|globs| globs.join(", ")).collect::<Vec<_>>().join(" and "))?,
        }
        self.without.map_or(Ok(()), |globs| write!(f, " but not {}", globs.join(", ")))
    }
}
