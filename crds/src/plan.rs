//! What a change comes to: who may use what after it that they could not
//! before, and the other way round. Two snapshots are compared, and not the
//! manifests that they were made of.
//!
//! Who somebody is goes by the credential, as it does on the wire: a key that
//! moves to another binding may do what that one may. Both snapshots must have
//! been made with the same pepper, or no key is known again.
//!
//! What claims a token has is not known here. So a Claims binding stands for
//! those whom no other lets in, and a user or service account whose own binding
//! goes for whoever any Claims binding may let in from then on: nobody gains
//! or loses more than is told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::snapshot::{
    AccessIndex, Beyond, ByKind, Caller, CallerKey, Effective, ItemKind, KeyDigest, Rule, ServerIndex, Snapshot,
    TokenSubject, UnixSeconds,
};

/// What changes for callers whose access changes alike.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// From when on, if it is not from the moment that was asked about: something expires then, before or after.
    pub from: Option<UnixSeconds>,
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
    /// What it is.
    pub credential: CredentialKind,
    /// How many keys it is about; 0 of other credentials.
    pub keys: usize,
}

/// What somebody is known by.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialKind {
    /// Nothing: the Anonymous binding lets them in.
    Nothing,
    /// An API key.
    Key,
    /// A token that names a user or a service account.
    Token,
    /// A token with some claims.
    Claims,
}

/// What changes of one kind of items of one server.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessChange {
    /// The server, as `namespace/name`.
    pub server: String,
    /// The kind.
    pub kind: ItemKind,
    /// The rule before; none: nothing.
    pub before: Option<Rule>,
    /// The rule after.
    pub after: Option<Rule>,
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

/// What changes between the two from `now` on: at once, and whenever something expires that did not, or does not any more.
/// In order of time and of the callers.
pub fn changes(before: &Snapshot, after: &Snapshot, now: UnixSeconds) -> Vec<Change> {
    let (old, new) = (Side::new(before), Side::new(after));
    let servers: BTreeSet<&str> = old.servers.keys().chain(new.servers.keys()).copied().collect();
    let mut known: BTreeMap<(Who, Who), Vec<AccessChange>> = BTreeMap::new();
    let mut changes: BTreeMap<(Option<UnixSeconds>, Vec<AccessChange>), Alike> = BTreeMap::new();
    for Case { credential, sides, told } in cases(&old, &new) {
        let mut last: Vec<AccessChange> = Vec::new();
        for moment in moments(sides, now) {
            let [one, other] = sides.map(|holder| holder.and_then(|holder| holder.at(moment)));
            let access = |caller: Option<&Caller>| caller.and_then(|caller| caller.access_at(moment));
            let access = (access(one), access(other));
            let all = known.entry(access).or_insert_with(|| {
                servers.iter().flat_map(|server| differences((&old, &new), access, server)).collect()
            });
            let differences: Vec<AccessChange> = all.iter().filter_map(|change| told.of(change)).collect();
            if differences != last {
                last = differences;
                if !last.is_empty() {
                    let name = |caller: Option<&Caller>| caller.map(|caller| caller.id.clone());
                    let alike = changes.entry(((moment > now).then_some(moment), last.clone())).or_default();
                    let keys = alike.entry((name(one), name(other), credential)).or_default();
                    *keys += usize::from(credential == CredentialKind::Key);
                }
            }
        }
    }
    let mut changes: Vec<Change> = changes
        .into_iter()
        .map(|((from, access), callers)| {
            let holder = |((before, after, credential), keys)| Holder { before, after, credential, keys };
            let callers = callers.into_iter().map(holder);
            Change { from, callers: callers.collect(), access }
        })
        .collect();
    changes.sort_by(|one, next| (one.from, &one.callers).cmp(&(next.from, &next.callers)));
    changes
}

/// Who a credential is before and after, by the ids of the callers, and of how many keys that holds.
type Alike = BTreeMap<(Option<String>, Option<String>, CredentialKind), usize>;

/// What lets somebody in.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
enum Credential<'s> {
    Nothing,
    Key(KeyDigest),
    User(&'s str),
    ServiceAccount(&'s str),
    Claims(&'s BTreeMap<String, Vec<String>>),
}

/// Somebody, before and after.
struct Case<'h, 's> {
    credential: CredentialKind,
    sides: [Option<&'h HeldBy<'s>>; 2],
    told: Told,
}

/// What of a difference is told.
#[derive(Clone, Copy)]
enum Told {
    All,
    Gains,
    Losses,
}

/// Everybody who is somebody on one side or on both.
fn cases<'h, 's>(old: &'h Side<'s>, new: &'h Side<'s>) -> Vec<Case<'h, 's>> {
    let credentials: BTreeSet<&Credential> = old.holders.keys().chain(new.holders.keys()).collect();
    let (old_claims, new_claims) = (old.by_claims(), new.by_claims());
    let mut cases = Vec::with_capacity(credentials.len());
    for credential in credentials {
        let sides @ [one, other] = [old.holders.get(credential), new.holders.get(credential)];
        let kind = credential.kind();
        cases.push(Case { credential: kind, sides, told: Told::All });
        // Whoever has a binding of their own is let in by that one alone, dead or alive.
        if kind == CredentialKind::Token && other.is_none() {
            let by_claims = new_claims.iter().map(|claims| [one, Some(*claims)]);
            cases.extend(by_claims.map(|sides| Case { credential: kind, sides, told: Told::Gains }));
        }
        if kind == CredentialKind::Token && one.is_none() {
            let by_claims = old_claims.iter().map(|claims| [Some(*claims), other]);
            cases.extend(by_claims.map(|sides| Case { credential: kind, sides, told: Told::Losses }));
        }
    }
    cases
}

/// Who has a credential, whether or not it is over.
#[derive(Clone, Copy)]
struct HeldBy<'s> {
    caller: &'s Caller,
    /// None: the caller is not one with keys.
    key: Option<&'s CallerKey>,
}

/// `now`, and all moments after it at which something of these holders is over.
fn moments(holders: [Option<&HeldBy>; 2], now: UnixSeconds) -> BTreeSet<UnixSeconds> {
    let of = |HeldBy { caller, key }: &HeldBy| [key.and_then(|key| key.expires), caller.expires, caller.access_until];
    let ends = holders.into_iter().flatten().flat_map(of).flatten();
    ends.filter(|end| *end > now).chain([now]).collect()
}

/// A snapshot, by what two of them have in common.
struct Side<'s> {
    snapshot: &'s Snapshot,
    servers: BTreeMap<&'s str, ServerIndex>,
    holders: BTreeMap<Credential<'s>, HeldBy<'s>>,
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
    let rule = |rule: Option<&Effective>| rule.map(Effective::rule);
    let change =
        AccessChange { server: server.to_owned(), kind, before: rule(before), after: rule(after), widens, narrows };
    (change.widens.is_some() || change.narrows.is_some()).then_some(change)
}

// === impl Credential ===

impl<'s> Credential<'s> {
    fn of_token(subject: &'s TokenSubject) -> Self {
        match subject {
            TokenSubject::User(user) => Self::User(user),
            TokenSubject::ServiceAccount(account) => Self::ServiceAccount(account),
            TokenSubject::Claims(claims) => Self::Claims(claims),
        }
    }

    fn kind(&self) -> CredentialKind {
        match self {
            Self::Nothing => CredentialKind::Nothing,
            Self::Key(_) => CredentialKind::Key,
            Self::User(_) | Self::ServiceAccount(_) => CredentialKind::Token,
            Self::Claims(_) => CredentialKind::Claims,
        }
    }
}

// === impl Told ===

impl Told {
    fn of(self, change: &AccessChange) -> Option<AccessChange> {
        let mut told = change.clone();
        match self {
            Told::All => {}
            Told::Gains => told.narrows = None,
            Told::Losses => told.widens = None,
        }
        (told.widens.is_some() || told.narrows.is_some()).then_some(told)
    }
}

// === impl HeldBy ===

impl<'s> HeldBy<'s> {
    /// The caller that the credential lets in at this moment.
    fn at(&self, moment: UnixSeconds) -> Option<&'s Caller> {
        let known = self.caller.is_known(moment) && self.key.is_none_or(|key| key.is_known(moment));
        known.then_some(self.caller)
    }
}

// === impl Side ===

impl<'s> Side<'s> {
    fn new(snapshot: &'s Snapshot) -> Self {
        let servers = (0..).zip(&snapshot.servers).map(|(at, server)| (server.id.as_str(), at)).collect();
        let keys = snapshot.callers.iter().flat_map(|caller| caller.keys.iter().map(move |key| (key, caller)));
        let keys = keys.map(|(key, caller)| (Credential::Key(key.digest), HeldBy { caller, key: Some(key) }));
        let tokens = snapshot.callers.iter().filter_map(|caller| Some((caller, caller.token.as_ref()?)));
        let tokens = tokens.map(|(caller, token)| (Credential::of_token(token), HeldBy { caller, key: None }));
        let anonymous = snapshot.anonymous.as_ref();
        let anonymous = anonymous.map(|caller| (Credential::Nothing, HeldBy { caller, key: None }));
        Self { snapshot, servers, holders: keys.chain(tokens).chain(anonymous).collect() }
    }

    /// Those whom their claims let in.
    fn by_claims(&self) -> Vec<&HeldBy<'s>> {
        let all = self.holders.iter().filter(|(credential, _)| credential.kind() == CredentialKind::Claims);
        all.map(|(_, holder)| holder).collect()
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
