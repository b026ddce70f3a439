//! Which objects are accepted. First fault wins: schema, length, shape,
//! reserved, Bare, stdio, conflict. A refused object holds nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{alias, bare_allowed, group_name, norm, platform, precedence, prefix, reserved, stdio_allowed};
use super::reference::usable_secret;
use super::{Kind, Object, Reason, schema};
use crate::world::{Binding, Group, Id, KeyEntry, KeySource, Reference, Server, Subject, Transport, World};

/// The objects that are not accepted, each with its first fault.
pub(super) fn faults(world: &World) -> BTreeMap<Object, Reason> {
    let mut faults = BTreeMap::new();
    for server in &world.servers {
        note(&mut faults, (Kind::Server, server.meta.id()), server_fault(world, server));
    }
    for group in &world.groups {
        note(&mut faults, (Kind::Group, group.meta.id()), group_fault(group));
    }
    for binding in &world.bindings {
        note(&mut faults, (Kind::Binding, binding.meta.id()), binding_fault(world, binding));
    }
    name_conflicts(world, &mut faults);
    duplicate_subjects(world, &mut faults);
    faults
}

fn note(faults: &mut BTreeMap<Object, Reason>, object: Object, fault: Option<Reason>) {
    if let Some(reason) = fault {
        faults.insert(object, reason);
    }
}

/// The first fault of a server, conflicts left out.
fn server_fault(world: &World, server: &Server) -> Option<Reason> {
    let namespace = &server.meta.namespace;
    if !schema::server_valid(server) {
        Some(Reason::Invalid)
    } else if alias(server).len() > 32 {
        Some(Reason::NameTooLong)
    } else if !server.bare && prefix(server).ends_with('_') {
        Some(Reason::Invalid)
    } else if reserved(&alias(server)) || reserved(&prefix(server)) {
        Some(Reason::ReservedName)
    } else if server.bare && !bare_allowed(world, namespace) {
        Some(Reason::BareNotAllowed)
    } else {
        match &server.transport {
            Transport::Stdio { command, .. } if !stdio_allowed(world, namespace, command) => {
                Some(Reason::StdioNotAllowed)
            }
            _ => None,
        }
    }
}

/// The first fault of a group, conflicts left out.
fn group_fault(group: &Group) -> Option<Reason> {
    if !schema::group_valid(group) {
        Some(Reason::Invalid)
    } else if group_name(group).len() > 64 {
        Some(Reason::NameTooLong)
    } else if reserved(&group_name(group)) {
        Some(Reason::ReservedName)
    } else {
        None
    }
}

/// The first fault of a binding, conflicts left out.
fn binding_fault(world: &World, binding: &Binding) -> Option<Reason> {
    let written = digests(world, binding);
    let different: BTreeSet<&String> = written.iter().collect();
    if !schema::binding_valid(binding) || different.len() < written.len() {
        return Some(Reason::Invalid);
    }
    let for_all = match &binding.subject {
        Subject::User(_) | Subject::Claims(_) | Subject::Anonymous => true,
        Subject::ServiceAccount(account) => account_of(binding, account).namespace != binding.meta.namespace,
        _ => false,
    };
    (for_all && !platform(world, &binding.meta.namespace)).then_some(Reason::NotAPlatformNamespace)
}

/// The service account that a binding names.
pub(super) fn account_of(binding: &Binding, account: &Reference) -> Id {
    let own = account.namespace.is_empty();
    Id::new(if own { &binding.meta.namespace } else { &account.namespace }, &account.name)
}

/// The keys that stand in a binding, expired ones too, but not those whose Secret cannot be used.
///
/// Equal keys have equal digests, so plain texts stand for them here.
fn digests(world: &World, binding: &Binding) -> Vec<String> {
    match &binding.subject {
        Subject::Key(keys) => keys.iter().filter_map(|key| plain(world, &binding.meta.namespace, key)).collect(),
        _ => Vec::new(),
    }
}

/// The plain text of an entry of `keys`, unless its Secret cannot be used.
pub(super) fn plain(world: &World, namespace: &str, key: &KeyEntry) -> Option<String> {
    match &key.source {
        KeySource::Sha256(plain) => Some(plain.clone()),
        KeySource::Secret(from) => usable_secret(world, namespace, from).cloned(),
    }
}

/// Aliases, given prefixes and group names share one space of norm(x): who comes first holds all of its names, a later
/// claimant of one of them holds nothing.
fn name_conflicts(world: &World, faults: &mut BTreeMap<Object, Reason>) {
    let servers = world.servers.iter().map(|server| {
        let names: BTreeSet<String> = [Some(alias(server)), server.prefix.clone()].into_iter().flatten().collect();
        (precedence(world, &server.meta), Kind::Server, names)
    });
    let groups =
        world.groups.iter().map(|group| (precedence(world, &group.meta), Kind::Group, [group_name(group)].into()));
    let mut claimants: Vec<_> = servers.chain(groups).collect();
    claimants.sort();
    let mut held: BTreeSet<String> = BTreeSet::new();
    for ((_, _, _, id), kind, names) in claimants {
        let object = (kind, id);
        if faults.contains_key(&object) {
            continue;
        }
        let names: BTreeSet<String> = names.iter().map(|name| norm(name)).collect();
        if names.is_disjoint(&held) {
            held.extend(names);
        } else {
            faults.insert(object, Reason::NameConflict);
        }
    }
}

/// One binding a subject: who comes first holds it.
fn duplicate_subjects(world: &World, faults: &mut BTreeMap<Object, Reason>) {
    let mut bindings: Vec<&Binding> = world.bindings.iter().collect();
    bindings.sort_by_key(|binding| precedence(world, &binding.meta));
    let mut holders: Vec<&Binding> = Vec::new();
    for binding in bindings {
        let object: (Kind, Id) = (Kind::Binding, binding.meta.id());
        if faults.contains_key(&object) {
            continue;
        }
        if holders.iter().any(|holder| same_subject(world, holder, binding)) {
            faults.insert(object, Reason::DuplicateSubject);
        } else {
            holders.push(binding);
        }
    }
}

/// Claims without their order: the same set twice is one subject.
fn claim_set(claims: &[(String, Vec<String>)]) -> BTreeSet<(&String, BTreeSet<&String>)> {
    claims.iter().map(|(claim, values)| (claim, values.iter().collect())).collect()
}

/// Whether two bindings claim one subject. A team or organization of a platform namespace takes its name everywhere,
/// another only in its own namespace.
fn same_subject(world: &World, holder: &Binding, later: &Binding) -> bool {
    let meet = platform(world, &holder.meta.namespace)
        || platform(world, &later.meta.namespace)
        || holder.meta.namespace == later.meta.namespace;
    match (&holder.subject, &later.subject) {
        (Subject::Key(_), Subject::Key(_)) => {
            let held = digests(world, holder);
            digests(world, later).iter().any(|digest| held.contains(digest))
        }
        (Subject::Team(one), Subject::Team(other)) | (Subject::Organization(one), Subject::Organization(other)) => {
            one == other && meet
        }
        (Subject::User(one), Subject::User(other)) => one == other,
        (Subject::ServiceAccount(one), Subject::ServiceAccount(other)) => {
            account_of(holder, one) == account_of(later, other)
        }
        (Subject::Claims(one), Subject::Claims(other)) => claim_set(one) == claim_set(other),
        (Subject::Anonymous, Subject::Anonymous) => true,
        _ => false,
    }
}
