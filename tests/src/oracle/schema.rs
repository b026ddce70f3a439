//! What the schema, or a rule over several fields of one object, refuses.
//! Default names are not looked at here: their length is a fault of its own.

use std::collections::BTreeSet;

use super::names;
use crate::world::{Binding, Consent, Entry, From, Group, KeyEntry, Operator, Reference, Selector, Server, Subject};

/// Whether the schema takes the server.
pub(super) fn server_valid(server: &Server) -> bool {
    server.meta.flaw.is_none()
        && server.alias.as_ref().is_none_or(|alias| names::alias_shaped(alias))
        && server.prefix.as_ref().is_none_or(|prefix| names::alias_shaped(prefix) && !prefix.ends_with('_'))
        && !(server.bare && server.prefix.is_some())
        && unlike(&server.access_groups)
        && server.allowed_namespaces.as_ref().is_none_or(consent_valid)
}

/// Whether the schema takes the group.
pub(super) fn group_valid(group: &Group) -> bool {
    group.meta.flaw.is_none()
        && group.group_name.as_ref().is_none_or(|name| names::group_name_shaped(name))
        && entries_valid(&group.servers)
        && group.selector.as_ref().is_none_or(selector_valid)
        && group.join_from.as_ref().is_none_or(consent_valid)
        && group.allowed_namespaces.as_ref().is_none_or(consent_valid)
}

/// Whether the schema takes the binding: with the parents that its kind of subject may have, and joinFrom on parents only.
pub(super) fn binding_valid(binding: &Binding) -> bool {
    let (user, team, organization, join_from) = match &binding.subject {
        Subject::Key(_) => (true, true, true, false),
        Subject::User(_) => (false, true, true, true),
        Subject::ServiceAccount(_) | Subject::Claims(_) => (false, true, true, false),
        Subject::Team(_) => (false, false, true, true),
        Subject::Organization(_) => (false, false, false, true),
        Subject::Anonymous => (false, false, false, false),
    };
    binding.meta.flaw.is_none()
        && (user || binding.user.is_none())
        && (team || binding.team.is_none())
        && (organization || binding.organization.is_none())
        && (join_from || binding.join_from.is_none())
        && binding.join_from.as_ref().is_none_or(consent_valid)
        && match &binding.subject {
            Subject::Key(keys) => keys_valid(keys),
            Subject::Claims(claims) => claims_valid(claims),
            _ => true,
        }
        && binding.grants.as_ref().is_none_or(|grants| entries_valid(&grants.servers) && unlike(&grants.access_groups))
}

/// One to four, each with a name of its own.
fn keys_valid(keys: &[KeyEntry]) -> bool {
    let names: BTreeSet<&String> = keys.iter().map(|key| &key.name).collect();
    (1..=4).contains(&keys.len()) && names.len() == keys.len()
}

/// At least one, each claim once and with a value.
fn claims_valid(claims: &[(String, Vec<String>)]) -> bool {
    let names: BTreeSet<&String> = claims.iter().map(|(claim, _)| claim).collect();
    !claims.is_empty() && names.len() == claims.len() && claims.iter().all(|(_, values)| !values.is_empty())
}

fn entries_valid(entries: &[Entry]) -> bool {
    unlike(&entries.iter().map(|entry| entry.server.clone()).collect::<Vec<_>>())
}

/// A list of references holds each {name, namespace}, as written, once.
fn unlike(references: &[Reference]) -> bool {
    let written: BTreeSet<(&String, &String)> = references.iter().map(|item| (&item.name, &item.namespace)).collect();
    written.len() == references.len()
}

/// `from: Selector` needs a selector, nothing else may have one.
fn consent_valid(consent: &Consent) -> bool {
    match consent.from {
        From::Same | From::All => consent.selector.is_none(),
        From::Selector => consent.selector.as_ref().is_some_and(selector_valid),
    }
}

/// A selector needs a term, and none of its lists is empty.
fn selector_valid(selector: &Selector) -> bool {
    (selector.labels.is_some() || selector.terms.is_some())
        && selector.labels.as_ref().is_none_or(|labels| !labels.is_empty())
        && selector.terms.as_ref().is_none_or(|terms| {
            !terms.is_empty()
                && terms.iter().all(|term| match term.operator {
                    Operator::In | Operator::NotIn => !term.values.is_empty(),
                    Operator::Exists | Operator::DoesNotExist => term.values.is_empty(),
                })
        })
}
