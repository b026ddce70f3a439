//! What the parts of a snapshot hold that is stored in several: a base, itself
//! a snapshot without callers, and buckets of callers. Each has tables of its
//! own with nothing in them that it does not use, so that no caller's change
//! shows in another bucket or in the base.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::snapshot::{
    AccessIndex, Caller, FilterIndex, Group, NamespaceIndex, PatternsIndex, Server, ServerFilter, ServerIndex, Share,
    Snapshot,
};

/// Position in [`Snapshot::groups`].
type GroupIndex = u32;

/// Some of the callers, and all that they name but servers and groups, which are numbered as in the base.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Bucket {
    /// See [`Snapshot::patterns`].
    pub(super) patterns: Vec<Vec<String>>,
    /// See [`Snapshot::filters`].
    pub(super) filters: Vec<Vec<PatternsIndex>>,
    /// See [`Snapshot::access`].
    pub(super) access: Vec<Vec<(ServerIndex, Share)>>,
    /// Namespaces of the callers, each with the groups that admit it: it may be in no other part.
    pub(super) namespaces: Vec<(String, Vec<GroupIndex>)>,
    /// See [`Snapshot::callers`].
    pub(super) callers: Vec<Caller>,
}

/// The rows of a table that a part keeps, in rising order, so that what was sorted stays so.
struct Kept(Vec<u32>);

/// A snapshot's tables as far as a part needs them.
struct Narrow {
    patterns: Kept,
    filters: Kept,
    access: Kept,
}

/// The bucket of a caller, of so many. By its id alone, so that nobody else's coming or going moves it.
pub(super) fn bucket_of(caller: &str, count: usize) -> usize {
    let digest = Sha256::digest(caller);
    let first = digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    (first % count as u64) as usize
}

/// The snapshot without its callers, and without what is there only for them.
pub(super) fn base(snapshot: &Snapshot) -> Snapshot {
    let anonymous = snapshot.anonymous.as_ref();
    let sets = snapshot.groups.iter().map(|group| group.members).chain(anonymous.map(|caller| caller.access));
    let own = |server: &Server| server.filters;
    let lists = snapshot.servers.iter().flat_map(|server| {
        let filters = [own(server).tools, own(server).prompts, own(server).resources];
        filters.into_iter().flat_map(|filter| filter.allow.into_iter().chain(filter.deny))
    });
    let narrow = Narrow::new(snapshot, sets, lists);
    let namespaces = Kept::new(anonymous.map(|caller| caller.namespace));
    Snapshot {
        settings: snapshot.settings.clone(),
        servers: snapshot.servers.iter().map(|server| narrow.server(server)).collect(),
        groups: snapshot.groups.iter().map(|group| narrow.group(group, &namespaces)).collect(),
        patterns: narrow.patterns(snapshot),
        filters: narrow.filters(snapshot),
        access: narrow.access(snapshot),
        namespaces: namespaces.rows(&snapshot.namespaces),
        callers: Vec::new(),
        anonymous: anonymous.map(|caller| narrow.caller(caller, &namespaces)),
    }
}

// === impl Bucket ===

impl Bucket {
    /// These callers of the snapshot, which are in the order of their ids.
    pub(super) fn new(snapshot: &Snapshot, callers: &[&Caller]) -> Self {
        let narrow = Narrow::new(snapshot, callers.iter().map(|caller| caller.access), []);
        let namespaces = Kept::new(callers.iter().map(|caller| caller.namespace));
        let admitting = |namespace: &NamespaceIndex| {
            let groups = snapshot.groups.iter().zip(0..);
            let groups = groups.filter(|(group, _)| group.admits.binary_search(namespace).is_ok());
            (snapshot.namespaces[*namespace as usize].clone(), groups.map(|(_, number)| number).collect())
        };
        Self {
            patterns: narrow.patterns(snapshot),
            filters: narrow.filters(snapshot),
            access: narrow.access(snapshot),
            callers: callers.iter().map(|caller| narrow.caller(caller, &namespaces)).collect(),
            namespaces: namespaces.0.iter().map(admitting).collect(),
        }
    }
}

// === impl Narrow ===

impl Narrow {
    /// What these sets and lists are made of.
    fn new(
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

    fn patterns(&self, snapshot: &Snapshot) -> Vec<Vec<String>> {
        self.patterns.rows(&snapshot.patterns)
    }

    fn filters(&self, snapshot: &Snapshot) -> Vec<Vec<PatternsIndex>> {
        let lists = |lists: &FilterIndex| snapshot.filters[*lists as usize].iter().map(|list| self.patterns.at(*list));
        self.filters.0.iter().map(|filter| lists(filter).collect()).collect()
    }

    fn access(&self, snapshot: &Snapshot) -> Vec<Vec<(ServerIndex, Share)>> {
        let share = |share: Share| share.map(|filter| filter.map(|filter| self.filters.at(filter)));
        let set = |set: &AccessIndex| snapshot.access[*set as usize].iter().map(|(server, of)| (*server, share(*of)));
        self.access.0.iter().map(|number| set(number).collect()).collect()
    }

    fn server(&self, server: &Server) -> Server {
        let list = |list: Option<PatternsIndex>| list.map(|list| self.patterns.at(list));
        let filters =
            server.filters.map(|ServerFilter { allow, deny }| ServerFilter { allow: list(allow), deny: list(deny) });
        Server { filters, ..server.clone() }
    }

    fn group(&self, group: &Group, namespaces: &Kept) -> Group {
        let admits = namespaces.0.iter().filter(|namespace| group.admits.binary_search(namespace).is_ok());
        Group {
            members: self.access.at(group.members),
            admits: admits.map(|namespace| namespaces.at(*namespace)).collect(),
            ..group.clone()
        }
    }

    fn caller(&self, caller: &Caller, namespaces: &Kept) -> Caller {
        Caller { access: self.access.at(caller.access), namespace: namespaces.at(caller.namespace), ..caller.clone() }
    }
}

// === impl Kept ===

impl Kept {
    fn new(rows: impl IntoIterator<Item = u32>) -> Self {
        let mut rows: Vec<u32> = rows.into_iter().collect();
        rows.sort_unstable();
        rows.dedup();
        Self(rows)
    }

    /// Where the part has the row.
    fn at(&self, row: u32) -> u32 {
        self.0.binary_search(&row).expect("a part keeps what it names") as u32
    }

    fn rows<T: Clone>(&self, table: &[T]) -> Vec<T> {
        self.0.iter().map(|row| table[*row as usize].clone()).collect()
    }
}
