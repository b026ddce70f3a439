//! Parents of each binding: which they are, whether one of them is dead, and
//! until when all of them stand.

use super::consent::Consent;
use super::faults::{Fault, Faults};
use super::seconds;
use super::subjects::{Binding, BindingIndex, Subjects};
use super::tenancy::Tenancy;
use crate::diagnostic::{Kind, Reason};
use crate::snapshot::UnixSeconds;
use crate::v1alpha1::SubjectType;

/// How a binding stands towards its parents.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Those that it names and is tied to. Distinct.
    pub(super) parents: Vec<BindingIndex>,
    /// Suspended, or a parent is missing, without consent, or dead.
    pub(super) dead: bool,
    /// Its own expiry.
    pub(super) expires: Option<UnixSeconds>,
    /// The first expiry among its parents and theirs.
    pub(super) parents_until: Option<UnixSeconds>,
}

/// Subject types, each after all that can be its parents: nothing has a parent of its own type, so there is no cycle.
pub(super) const PARENTS_FIRST: [SubjectType; 7] = [
    SubjectType::Organization,
    SubjectType::Team,
    SubjectType::User,
    SubjectType::ServiceAccount,
    SubjectType::Claims,
    SubjectType::Key,
    SubjectType::Anonymous,
];

/// A parent as a binding has it.
pub(super) struct Tie<'a> {
    pub(super) type_: SubjectType,
    pub(super) name: &'a str,
    /// Where the binding says so.
    pub(super) field: &'static str,
    /// Its binding, if there is one and it consents.
    pub(super) parent: Option<BindingIndex>,
}

/// The standing of each binding, by its position.
pub(super) fn stand(subjects: &Subjects, tenancy: &Tenancy, consent: &Consent, faults: &mut Faults) -> Vec<Standing> {
    let mut standings = vec![Standing::default(); subjects.bindings.len()];
    for type_ in PARENTS_FIRST {
        for (index, binding) in subjects.bindings.iter().enumerate() {
            if binding.spec.subject.type_ == type_ {
                let ties = ties(binding, subjects, tenancy, consent);
                for tie in &ties {
                    if tie.parent.is_none_or(|parent| standings[parent].dead) {
                        faults.void(Kind::McpKeyBinding, binding.key, dead_parent(tie, subjects, binding));
                    }
                }
                standings[index] = standing(binding, &ties, &standings);
            }
        }
    }
    standings
}

/// The parents that a binding names, and the organization that its namespace is tied to.
pub(super) fn ties<'a>(
    binding: &Binding<'a>,
    subjects: &Subjects,
    tenancy: &Tenancy<'a>,
    consent: &Consent,
) -> Vec<Tie<'a>> {
    let namespace = binding.key.namespace.as_str();
    let spec = binding.spec;
    let named = [
        (SubjectType::User, &spec.user, "spec.user"),
        (SubjectType::Team, &spec.team, "spec.team"),
        (SubjectType::Organization, &spec.organization, "spec.organization"),
    ];
    let mut ties: Vec<Tie> = Vec::new();
    for (type_, name, field) in named {
        if let Some(name) = name.as_deref() {
            let admits = |parent: &BindingIndex| {
                let Binding { key, spec, .. } = &subjects.bindings[*parent];
                consent.admits(spec.join_from.as_ref(), &key.namespace, namespace)
            };
            let parent = subjects.parent(type_, name, namespace).filter(admits);
            ties.push(Tie { type_, name, field, parent });
        }
    }
    if spec.subject.type_ != SubjectType::Organization
        && let Some(name) = tenancy.organization_of(namespace)
    {
        let type_ = SubjectType::Organization;
        // The settings tie it: a global one, and no consent is asked.
        ties.push(Tie { type_, name, field: "metadata.namespace", parent: subjects.global(type_, name) });
    }
    ties
}

fn standing(binding: &Binding, ties: &[Tie], standings: &[Standing]) -> Standing {
    let mut parents: Vec<BindingIndex> = ties.iter().filter_map(|tie| tie.parent).collect();
    parents.sort_unstable();
    parents.dedup();
    let suspended = binding.spec.suspend.unwrap_or(false);
    let dead = suspended || ties.iter().any(|tie| tie.parent.is_none_or(|parent| standings[parent].dead));
    let until = |parent: &BindingIndex| {
        let Standing { expires, parents_until, .. } = &standings[*parent];
        expires.iter().chain(parents_until).min().copied()
    };
    let parents_until = parents.iter().filter_map(until).min();
    let expires = binding.spec.expiration_time.as_ref().map(seconds);
    Standing { parents, dead, expires, parents_until }
}

/// Says why only of a parent in the binding's own namespace: of others nobody learns whether they exist.
fn dead_parent(tie: &Tie, subjects: &Subjects, binding: &Binding) -> Fault {
    let type_ = tie.type_.word();
    let own = tie.parent.map(|parent| &subjects.bindings[parent]);
    let own = own.filter(|parent| parent.key.namespace == binding.key.namespace);
    let why = match own {
        Some(parent) if parent.spec.suspend == Some(true) => "is suspended",
        Some(_) => "has a dead parent itself",
        None => "is missing, does not let this namespace join, or is dead itself",
    };
    let tied = if tie.field == "metadata.namespace" { ", to which the settings tie this namespace," } else { "" };
    let message = format!("the {type_} `{}`{tied} {why}: without it nothing may be used", tie.name);
    Fault::new(Reason::ParentDead, tie.field, message)
}
