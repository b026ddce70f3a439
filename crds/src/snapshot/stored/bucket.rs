//! What the parts of a snapshot hold that is stored in several: a base, itself
//! a snapshot without callers, and buckets of callers. Each has tables of its
//! own with nothing in them that it does not use, so that no caller's change
//! shows in another bucket or in the base.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::narrow::{Kept, Narrow};
use crate::snapshot::{Caller, NamespaceIndex, PatternsIndex, ServerIndex, Share, Snapshot};

/// Position in [`Snapshot::groups`].
type GroupIndex = u32;

/// Some of the callers, and all that they name but servers and groups, which are numbered as in the base.
#[derive(Deserialize, Serialize)]
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
    let filters = snapshot.servers.iter().flat_map(|server| server.filters.iter());
    let lists = filters.flat_map(|filter| filter.allow.into_iter().chain(filter.deny));
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
            namespaces: namespaces.iter().map(admitting).collect(),
        }
    }
}
