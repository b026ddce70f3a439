//! What a caller may use of a server as a rule and not item by item: for
//! tables, and to compare two snapshots about names that nobody has listed yet.

use std::fmt;

use serde::Serialize;

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

/// An [`Effective`] rule as plain data.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Lists of globs: a name has to match one of each. None: every name.
    pub within: Vec<Vec<String>>,
    /// Globs that a name must not match.
    pub without: Vec<String>,
}

impl Snapshot {
    /// What the access set gives of the server, after the server's own filters; none of a kind: nothing.
    pub fn effective(&self, access: AccessIndex, server: ServerIndex) -> ByKind<Option<Effective<'_>>> {
        let of_server = self.servers.get(server as usize).filter(|server| !server.off);
        let set = self.access.get(access as usize).map_or(&[][..], Vec::as_slice);
        let share = set.binary_search_by_key(&server, |(server, _)| *server).ok().map(|position| set[position].1);
        let (Some(of_server), Some(share)) = (of_server, share) else { return ByKind::default() };
        let parts = ByKind::from(ItemKind::ALL).zip(share).zip(of_server.filters);
        parts.map(|((kind, filter), own)| self.restricted(kind, filter?, own))
    }

    fn restricted(&self, kind: ItemKind, filter: FilterIndex, own: ServerFilter) -> Option<Effective<'_>> {
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

    /// The same as plain data.
    pub fn rule(&self) -> Rule {
        let within = self.within.iter().map(|globs| globs.to_vec()).collect();
        Rule { within, without: self.without.map(<[String]>::to_vec).unwrap_or_default() }
    }

    fn is_same_as(&self, other: &Effective) -> bool {
        self.within == other.within && self.without == other.without
    }
}

impl Rule {
    /// As in: get_*, list_* and *_page but not get_secret, each glob as `quoted` makes it stand out from what is none.
    pub fn words(&self, quoted: impl Fn(&str) -> String) -> String {
        let listed = |globs: &[String]| globs.iter().map(|glob| quoted(glob)).collect::<Vec<_>>().join(", ");
        let within = match &self.within[..] {
            [] => "all".to_owned(),
            lists => lists.iter().map(|globs| listed(globs)).collect::<Vec<_>>().join(" and "),
        };
        if self.without.is_empty() { within } else { format!("{within} but not {}", listed(&self.without)) }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(|glob| format!("`{glob}`")))
    }
}
