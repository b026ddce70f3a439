//! As much of a snapshot's tables as a part needs, numbered anew.

use crate::snapshot::{
    AccessIndex, Caller, FilterIndex, Group, PatternsIndex, Server, ServerFilter, ServerIndex, Share, Snapshot,
};

/// The rows of a table that a part keeps, in rising order, so that what was sorted stays so.
pub(super) struct Kept(Vec<u32>);

/// A snapshot's tables as far as a part needs them.
pub(super) struct Narrow {
    patterns: Kept,
    filters: Kept,
    access: Kept,
}

// === impl Narrow ===

impl Narrow {
    /// What these sets and lists are made of.
    pub(super) fn new(
        snapshot: &Snapshot,
        sets: impl IntoIterator<Item = AccessIndex>,
        lists: impl IntoIterator<Item = PatternsIndex>,
    ) -> Self {
        let access = Kept::new(sets);
        let shares = access.0.iter().flat_map(|set| &snapshot.access[*set as usize]);
        let filters = Kept::new(shares.flat_map(|(_, share)| share.iter().copied().flatten()));
        let of_filters = filters.0.iter().flat_map(|filter| &snapshot.filters[*filter as usize]);
        let patterns = Kept::new(of_filters.copied().chain(lists));
        Self { patterns, filters, access }
    }

    pub(super) fn patterns(&self, snapshot: &Snapshot) -> Vec<Vec<String>> {
        self.patterns.rows(&snapshot.patterns)
    }

    pub(super) fn filters(&self, snapshot: &Snapshot) -> Vec<Vec<PatternsIndex>> {
        let lists = |lists: &FilterIndex| snapshot.filters[*lists as usize].iter().map(|list| self.patterns.at(*list));
        self.filters.0.iter().map(|filter| lists(filter).collect()).collect()
    }

    pub(super) fn access(&self, snapshot: &Snapshot) -> Vec<Vec<(ServerIndex, Share)>> {
        let share = |share: Share| share.map(|filter| filter.map(|filter| self.filters.at(filter)));
        let set = |set: &AccessIndex| snapshot.access[*set as usize].iter().map(|(server, of)| (*server, share(*of)));
        self.access.0.iter().map(|number| set(number).collect()).collect()
    }

    pub(super) fn server(&self, server: &Server) -> Server {
        let list = |list: Option<PatternsIndex>| list.map(|list| self.patterns.at(list));
        let filters =
            server.filters.map(|ServerFilter { allow, deny }| ServerFilter { allow: list(allow), deny: list(deny) });
        Server { filters, ..server.clone() }
    }

    pub(super) fn group(&self, group: &Group, namespaces: &Kept) -> Group {
        let admits = namespaces.0.iter().filter(|namespace| group.admits.binary_search(namespace).is_ok());
        Group {
            members: self.access.at(group.members),
            admits: admits.map(|namespace| namespaces.at(*namespace)).collect(),
            ..group.clone()
        }
    }

    pub(super) fn caller(&self, caller: &Caller, namespaces: &Kept) -> Caller {
        Caller { access: self.access.at(caller.access), namespace: namespaces.at(caller.namespace), ..caller.clone() }
    }
}

// === impl Kept ===

impl Kept {
    pub(super) fn new(rows: impl IntoIterator<Item = u32>) -> Self {
        let mut rows: Vec<u32> = rows.into_iter().collect();
        rows.sort_unstable();
        rows.dedup();
        Self(rows)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &u32> {
        self.0.iter()
    }

    /// Where the part has the row.
    fn at(&self, row: u32) -> u32 {
        self.0.binary_search(&row).expect("a part keeps what it names") as u32
    }

    pub(super) fn rows<T: Clone>(&self, table: &[T]) -> Vec<T> {
        self.0.iter().map(|row| table[*row as usize].clone()).collect()
    }
}
