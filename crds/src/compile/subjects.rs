//! Which bindings are accepted: a subject and a key digest are one binding's.
//! Suspended and expired bindings keep what they hold.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::faults::{Fault, Faults};
use super::references::target;
use super::secrets::SecretReader;
use super::tenancy::Tenancy;
use super::{Pepper, seconds, words};
use crate::diagnostic::{Kind, ObjectKey, Reason};
use crate::digest::{from_hex, hashed_key_digest, key_digest};
use crate::resources::Resources;
use crate::snapshot::{CallerKey, KeyDigest, TokenSubject};
use crate::v1alpha1::{self, Key, McpKeyBinding, McpKeyBindingSpec, ServiceAccountRef, SubjectType};

/// Subjects that speak for the whole company: only a platform namespace may have them.
pub(crate) const OF_PLATFORMS: [SubjectType; 3] = [SubjectType::User, SubjectType::Claims, SubjectType::Anonymous];

/// Position in [`Subjects::bindings`].
pub(super) type BindingIndex = usize;

/// An accepted binding.
pub(super) struct Binding<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) spec: &'a McpKeyBindingSpec,
    /// The keys that can be used, by digest.
    pub(super) keys: Vec<CallerKey>,
    /// Whose token it must be, if it is one that is known by a token.
    pub(super) token: Option<TokenSubject>,
}

/// A subject that one binding may have. Without a namespace it is global: seen, and taken, everywhere.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
struct Claim<'a> {
    type_: SubjectType,
    name: Cow<'a, str>,
    namespace: Option<&'a str>,
}

/// What an accepted binding is.
struct Taken<'a> {
    claim: Option<Claim<'a>>,
    keys: Keys,
    token: Option<TokenSubject>,
}

/// Accepted bindings by key, and who is whom.
#[derive(Default)]
pub(super) struct Subjects<'a> {
    pub(super) bindings: Vec<Binding<'a>>,
    holders: BTreeMap<Claim<'a>, BindingIndex>,
}

/// What earlier bindings hold.
#[derive(Default)]
struct Held<'a> {
    subjects: BTreeSet<Claim<'a>>,
    digests: HashSet<KeyDigest>,
}

/// A binding's keys, and the entries of which the Secret cannot be used.
type Keys = (Vec<CallerKey>, Vec<Fault>);

/// Accepts bindings, those that come first first.
pub(super) fn accept<'a>(
    resources: &'a Resources,
    tenancy: &Tenancy,
    pepper: &Pepper,
    faults: &mut Faults,
) -> Subjects<'a> {
    let kind = Kind::McpKeyBinding;
    let candidates = resources.bindings.iter();
    let candidates = candidates.filter(|(key, _)| !resources.refused.contains_key(&(kind, (*key).clone())));
    let mut candidates: Vec<_> =
        candidates.map(|(key, binding)| (tenancy.rank(kind, key, &binding.metadata), key, binding)).collect();
    candidates.sort_by(|one, next| one.0.cmp(&next.0));

    let mut held = Held::default();
    let mut accepted = BTreeMap::new();
    for (_, key, binding) in candidates {
        let reader = SecretReader::new(&resources.secrets, &key.namespace);
        match candidate(key, binding, tenancy, reader, pepper).and_then(|taken| held.take(taken)) {
            Ok(Taken { claim, keys: (keys, off), token }) => {
                for fault in off {
                    faults.void(kind, key, fault);
                }
                accepted.insert(key, (claim, Binding { key, spec: &binding.spec, keys, token }));
            }
            Err(fault) => faults.refuse(kind, key, fault),
        }
    }
    let mut subjects = Subjects::default();
    for (claim, binding) in accepted.into_values() {
        subjects.holders.extend(claim.map(|claim| (claim, subjects.bindings.len())));
        subjects.bindings.push(binding);
    }
    subjects
}

fn candidate<'a>(
    key: &'a ObjectKey,
    binding: &'a McpKeyBinding,
    tenancy: &Tenancy,
    reader: SecretReader,
    pepper: &Pepper,
) -> Result<Taken<'a>, Fault> {
    let spec = &binding.spec;
    let subject = &spec.subject;
    refuse_foreign_parents(spec)?;
    let platform = tenancy.is_platform(&key.namespace);
    let named = |name: Option<&'a String>, field: &str| {
        let name = name.filter(|name| !name.is_empty());
        name.map(|name| Cow::Borrowed(name.as_str())).ok_or_else(|| Fault::invalid(field, "the subject needs its name"))
    };
    let mut token = None;
    let mut namespace = (!platform).then_some(key.namespace.as_str());
    let name = match subject.type_ {
        SubjectType::Key => {
            let entries = subject.keys.as_deref().unwrap_or_default();
            return Ok(Taken { claim: None, keys: keys(entries, reader, pepper)?, token: None });
        }
        SubjectType::Team => named(subject.team.as_ref(), "spec.subject.team")?,
        SubjectType::Organization => named(subject.organization.as_ref(), "spec.subject.organization")?,
        SubjectType::User => {
            let name = named(subject.user.as_ref(), "spec.subject.user")?;
            token = Some(TokenSubject::User(name.clone().into_owned()));
            name
        }
        SubjectType::ServiceAccount => {
            let account = account(subject.service_account.as_ref(), key, platform)?;
            token = Some(TokenSubject::ServiceAccount(account.clone()));
            // There is one of it, whoever speaks of it.
            namespace = None;
            Cow::Owned(account)
        }
        SubjectType::Claims => {
            let claims = claims(subject.claims.as_deref().unwrap_or_default())?;
            let name = format!("{claims:?}");
            token = Some(TokenSubject::Claims(claims));
            Cow::Owned(name)
        }
        SubjectType::Anonymous => Cow::Borrowed(""),
    };
    if !platform && OF_PLATFORMS.contains(&subject.type_) {
        return Err(Fault::new(Reason::NotAPlatformNamespace, "spec.subject.type", words::PLATFORM_ONLY));
    }
    Ok(Taken { claim: Some(Claim { type_: subject.type_, name, namespace }), keys: Keys::default(), token })
}

/// The service account as `namespace/name`. One of another namespace only a platform namespace speaks for.
fn account(account: Option<&ServiceAccountRef>, key: &ObjectKey, platform: bool) -> Result<String, Fault> {
    let field = "spec.subject.serviceAccount";
    let account = account.filter(|account| !account.name.is_empty());
    let ServiceAccountRef { name, namespace } =
        account.ok_or_else(|| Fault::invalid(field, "the subject needs its name"))?;
    let account = target(name, namespace, &key.namespace);
    if account.namespace != key.namespace && !platform {
        let field = format!("{field}.namespace");
        return Err(Fault::new(Reason::NotAPlatformNamespace, field, words::OWN_ACCOUNTS_ONLY));
    }
    Ok(account.to_string())
}

/// The claims, with each value once, in order: the same set twice is the same subject.
fn claims(claims: &[v1alpha1::Claim]) -> Result<BTreeMap<String, Vec<String>>, Fault> {
    let field = "spec.subject.claims";
    if claims.is_empty() || claims.iter().any(|claim| claim.values.is_empty()) {
        return Err(Fault::invalid(field, "a subject Claims needs at least one claim, and each claim a value"));
    }
    let mut set = BTreeMap::new();
    for claim in claims {
        let values: BTreeSet<&String> = claim.values.iter().collect();
        if set.insert(claim.claim.clone(), values.into_iter().cloned().collect()).is_some() {
            return Err(Fault::invalid(field, "the same claim stands here twice"));
        }
    }
    Ok(set)
}

/// A parent field that the subject's type does not have would be a ceiling without effect.
fn refuse_foreign_parents(spec: &McpKeyBindingSpec) -> Result<(), Fault> {
    let (user, team, organization) = match spec.subject.type_ {
        SubjectType::Key => (true, true, true),
        SubjectType::User | SubjectType::ServiceAccount | SubjectType::Claims => (false, true, true),
        SubjectType::Team => (false, false, true),
        SubjectType::Organization | SubjectType::Anonymous => (false, false, false),
    };
    let fields = [
        (user, &spec.user, "spec.user"),
        (team, &spec.team, "spec.team"),
        (organization, &spec.organization, "spec.organization"),
    ];
    match fields.into_iter().find(|(may, name, _)| !may && name.is_some()) {
        Some((_, _, field)) => Err(Fault::invalid(field, "a subject of this type has no such parent")),
        None => Ok(()),
    }
}

fn keys(entries: &[Key], reader: SecretReader, pepper: &Pepper) -> Result<Keys, Fault> {
    if entries.is_empty() {
        return Err(Fault::invalid("spec.subject.keys", "a subject Key needs at least one key"));
    }
    let (mut keys, mut off) = Keys::default();
    for (index, entry) in entries.iter().enumerate() {
        let field = format!("spec.subject.keys[{index}]");
        let digest = match (&entry.sha256, &entry.value_from) {
            (Some(hex), None) => {
                let sha256 = from_hex(hex)
                    .ok_or_else(|| Fault::invalid(format!("{field}.sha256"), "64 lower-case hex digits are needed"))?;
                hashed_key_digest(pepper, &sha256)
            }
            (None, Some(source)) => match reader.bytes(&source.secret_key_ref, &format!("{field}.valueFrom")) {
                Ok(key) => key_digest(pepper, key),
                Err(fault) => {
                    off.push(fault);
                    continue;
                }
            },
            _ => return Err(Fault::invalid(field, "exactly one of `sha256` and `valueFrom` is needed")),
        };
        keys.push(CallerKey { digest, expires: entry.expiration_time.as_ref().map(seconds) });
    }
    keys.sort_by_key(|key| key.digest);
    if keys.windows(2).any(|pair| pair[0].digest == pair[1].digest) {
        return Err(Fault::invalid("spec.subject.keys", "the same key stands here twice"));
    }
    Ok((keys, off))
}

// === impl Held ===

impl<'a> Held<'a> {
    /// Everything that the binding claims, or the fault that an earlier one has some of it.
    fn take(&mut self, taken: Taken<'a>) -> Result<Taken<'a>, Fault> {
        let keys = &taken.keys;
        if let Some(claim) = &taken.claim {
            let global = Claim { namespace: None, ..claim.clone() };
            if self.subjects.contains(&global) || self.subjects.contains(claim) {
                let message = "an earlier binding has this subject, or a platform namespace has taken its name";
                return Err(Fault::new(Reason::DuplicateSubject, "spec.subject", message));
            }
            self.subjects.insert(claim.clone());
        }
        if keys.0.iter().any(|key| self.digests.contains(&key.digest)) {
            let message = "an earlier binding has one of these keys: make a new one";
            return Err(Fault::new(Reason::DuplicateSubject, "spec.subject.keys", message));
        }
        self.digests.extend(keys.0.iter().map(|key| key.digest));
        Ok(taken)
    }
}

// === impl Subjects ===

impl Subjects<'_> {
    /// The parent that a binding of `namespace` means by this name: the global one, or its own namespace's.
    pub(super) fn parent(&self, type_: SubjectType, name: &str, namespace: &str) -> Option<BindingIndex> {
        let own = || self.holders.get(&Claim { type_, name: name.into(), namespace: Some(namespace) }).copied();
        self.global(type_, name).or_else(own)
    }

    /// The global holder of the name.
    pub(super) fn global(&self, type_: SubjectType, name: &str) -> Option<BindingIndex> {
        self.holders.get(&Claim { type_, name: name.into(), namespace: None }).copied()
    }
}
