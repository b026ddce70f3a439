//! What a change comes to: who may use what after it that they could not
//! before, and the other way round. Two snapshots are compared, and not the
//! manifests that they were made of.
//!
//! Who somebody is goes by the credential, as it does on the wire: a key that
//! moves to another binding may do what that one may. Both snapshots must have
//! been made with the same pepper, or no key is known again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::snapshot::{
    AccessIndex, Beyond, ByKind, Caller, Effective, ItemKind, KeyDigest, ServerIndex, Snapshot, UnixSeconds,
};

/// What changes for callers whose access changes alike.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Who they are.
    pub callers: Vec<Holder>,
    /// What changes, by server and kind. Never empty.
    pub access: Vec<AccessChange>,
}

/// Who holds a credential, before and after.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The binding, as `namespace/name`; none: the credential was nobody's.
    pub before: Option<String>,
    /// The same; none: it is nobody's any more.
    pub after: Option<String>,
    /// How many keys it is about; 0: callers without a credential.
    pub keys: usize,
}

/// What changes of one kind of items of one server.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessChange {
    /// The server, as `namespace/name`.
    pub server: String,
    /// The kind.
    pub kind: ItemKind,
    /// The rule before, in words; none: nothing.
    pub before: Option<String>,
    /// The rule after.
    pub after: Option<String>,
    /// What may be used that could not be.
    pub widens: Option<Example>,
    /// What may not be used any more.
    pub narrows: Option<Example>,
}

/// A name that shows that a change is one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Example {
    /// This one; there may be others.
    Name(String),
    /// The rules are too entangled to tell whether there is one: take it that there is.
    Unknown,
}

/// Who of a snapshot somebody is.
type Who = Option<AccessIndex>;

/// What changes between the two, at `now`. In order of the callers.
pub fn changes(before: &Snapshot, after: &Snapshot, now: UnixSeconds) -> Vec<Change> {
    let (old, new) = (Side::new(before, now), Side::new(after, now));
    let servers: BTreeSet<&str> = old.servers.keys().chain(new.servers.keys()).copied().collect();
    let mut known: BTreeMap<(Who, Who), Vec<AccessChange>> = BTreeMap::new();
    let mut changes: BTreeMap<Vec<AccessChange>, Vec<Holder>> = BTreeMap::new();
    for Pair { before, after, keys } in pairs(&old, &new) {
        let access = (access_of(before, now), access_of(after, now));
        let differences = known
            .entry(access)
            .or_insert_with(|| servers.iter().flat_map(|server| differences((&old, &new), access, server)).collect());
        if !differences.is_empty() {
            let id = |caller: Option<&Caller>| caller.map(|caller| caller.id.clone());
            let holder = Holder { before: id(before), after: id(after), keys };
            changes.entry(differences.clone()).or_default().push(holder);
        }
    }
    let mut changes: Vec<Change> = changes.into_iter().map(|(access, callers)| Change { callers, access }).collect();
    for change in &mut changes {
        change.callers.sort();
    }
    changes.sort_by(|one, next| one.callers.cmp(&next.callers));
    changes
}

/// A snapshot, by what two of them have in common.
struct Side<'s> {
    snapshot: &'s Snapshot,
    servers: BTreeMap<&'s str, ServerIndex>,
    /// Who is somebody now. None: callers without a credential.
    callers: BTreeMap<Option<KeyDigest>, &'s Caller>,
}

/// A caller before and after, and by how many keys.
struct Pair<'s> {
    before: Option<&'s Caller>,
    after: Option<&'s Caller>,
    keys: usize,
}

/// Who each credential of either side is and was; credentials of the same two callers are one.
fn pairs<'s>(old: &Side<'s>, new: &Side<'s>) -> Vec<Pair<'s>> {
    let credentials: BTreeSet<Option<KeyDigest>> = old.callers.keys().chain(new.callers.keys()).copied().collect();
    let mut found = BTreeMap::new();
    for credential in credentials {
        let (before, after) = (old.callers.get(&credential).copied(), new.callers.get(&credential).copied());
        let id = |caller: Option<&'s Caller>| caller.map(|caller| caller.id.as_str());
        let key = usize::from(credential.is_some());
        found.entry((id(before), id(after), key)).or_insert(Pair { before, after, keys: 0 }).keys += key;
    }
    found.into_values().collect()
}

fn access_of(caller: Option<&Caller>, now: UnixSeconds) -> Who {
    caller.and_then(|caller| caller.access_at(now))
}

fn differences((old, new): (&Side, &Side), (before, after): (Who, Who), server: &str) -> Vec<AccessChange> {
    let (before, after) = (old.rules(before, server), new.rules(after, server));
    let kinds = ItemKind::ALL.into_iter();
    let pairs = kinds.map(|kind| (kind, before.of_kind(kind).as_ref(), after.of_kind(kind).as_ref()));
    pairs.filter_map(|(kind, before, after)| difference(server, kind, before, after)).collect()
}

fn difference(
    server: &str,
    kind: ItemKind,
    before: Option<&Effective>,
    after: Option<&Effective>,
) -> Option<AccessChange> {
    let beyond = |one: Option<&Effective>, other: Option<&Effective>| match one
        .map_or(Beyond::Nothing, |one| one.beyond(other))
    {
        Beyond::Nothing => None,
        Beyond::Name(name) => Some(Example::Name(name)),
        Beyond::Unknown => Some(Example::Unknown),
    };
    let (widens, narrows) = (beyond(after, before), beyond(before, after));
    let words = |rule: Option<&Effective>| rule.map(ToString::to_string);
    let change =
        AccessChange { server: server.to_owned(), kind, before: words(before), after: words(after), widens, narrows };
    (change.widens.is_some() || change.narrows.is_some()).then_some(change)
}

// === impl Side ===

impl<'s> Side<'s> {
    fn new(snapshot: &'s Snapshot, now: UnixSeconds) -> Self {
        let servers = (0..).zip(&snapshot.servers).map(|(at, server)| (server.id.as_str(), at)).collect();
        let known = snapshot.callers.iter().filter(|caller| caller.is_known(now));
        let keys = known.flat_map(|caller| caller.keys.iter().map(move |key| (key, caller)));
        let keys = keys.filter(|(key, _)| key.is_known(now)).map(|(key, caller)| (Some(key.digest), caller));
        let anonymous = snapshot.anonymous.as_ref().filter(|caller| caller.is_known(now));
        let callers = keys.chain(anonymous.map(|caller| (None, caller))).collect();
        Self { snapshot, servers, callers }
    }

    fn rules(&self, access: Who, server: &str) -> ByKind<Option<Effective<'s>>> {
        match (access, self.servers.get(server)) {
            (Some(access), Some(server)) => self.snapshot.effective(access, *server),
            _ => ByKind::default(),
        }
    }
}

// === impl Change ===

impl Change {
    /// Whether anybody may use more.
    pub fn widens(&self) -> bool {
        self.access.iter().any(|change| change.widens.is_some())
    }

    /// Whether anybody may use less.
    pub fn narrows(&self) -> bool {
        self.access.iter().any(|change| change.narrows.is_some())
    }
}

/// As in: `get_secret`.
impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Example::Name(name) => write!(f, "`{name}`"),
            Example::Unknown => f.write_str("it cannot be told what"),
        }
    }
}
