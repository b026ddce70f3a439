//! What each binding may use (ACCESS.md): what it declares, within what its
//! parents may; without grants what they may.

use std::collections::HashMap;
use std::rc::Rc;

use super::consent::Consent;
use super::faults::Faults;
use super::groups::Member;
use super::names::{GroupIndex, Named};
use super::parents::{PARENTS_FIRST, Standing};
use super::references::{target, void};
use super::subjects::{Binding, Subjects};
use super::tables::{Tables, Way};
use crate::diagnostic::Kind;
use crate::snapshot::{AccessIndex, ByKind, ServerIndex};
use crate::v1alpha1::{Access, Grants, ServerGrant, SubjectType};

/// The accepted objects that access follows from.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) named: &'a Named<'a>,
    pub(super) subjects: &'a Subjects<'a>,
    /// By position of the binding.
    pub(super) standings: &'a [Standing],
    /// By position of the group.
    pub(super) members: &'a [Vec<Member>],
    pub(super) consent: &'a Consent<'a>,
}

/// What a binding gives to those below it.
#[derive(Clone, Copy)]
enum Reach {
    /// No ceiling at all: it declares nothing and has no parents.
    Any,
    Set(AccessIndex),
}

/// What a grant refers to, once consent is settled. Equal lists of these have equal access sets.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Granted {
    Server(Way),
    Group(GroupIndex),
}

struct Settler<'a, 't> {
    scene: Scene<'a>,
    tables: &'t mut Tables,
    /// Sets that were declared before.
    declared: HashMap<Vec<Granted>, AccessIndex>,
    /// What a set comes to for callers of a namespace, with its AllKeys servers or without.
    used: HashMap<(AccessIndex, &'a str, bool), AccessIndex>,
    /// AllKeys servers that admit a namespace, in rising order.
    all_keys: HashMap<&'a str, Rc<[ServerIndex]>>,
}

/// What each binding may use as a caller, by its position. Of bindings that are no callers it is an empty set.
pub(super) fn settle(scene: Scene, tables: &mut Tables, faults: &mut Faults) -> Vec<AccessIndex> {
    let mut settler =
        Settler { scene, tables, declared: HashMap::new(), used: HashMap::new(), all_keys: HashMap::new() };
    let nothing = settler.tables.unite(Vec::new());
    let mut reach = vec![Reach::Set(nothing); scene.subjects.bindings.len()];
    let mut uses = vec![nothing; scene.subjects.bindings.len()];
    for type_ in PARENTS_FIRST {
        let of_type = |(_, binding): &(usize, &Binding)| binding.spec.subject.type_ == type_;
        for (at, binding) in scene.subjects.bindings.iter().enumerate().filter(of_type) {
            let own = binding.spec.grants.as_ref().map(|grants| settler.declare(binding, grants, faults));
            let standing = &scene.standings[at];
            if standing.dead {
                continue;
            }
            let ceilings = standing.parents.iter().map(|parent| reach[*parent]);
            reach[at] = ceilings.fold(own.map_or(Reach::Any, Reach::Set), |one, other| settler.meet(one, other));
            if type_.calls() {
                let set = if let Reach::Set(set) = reach[at] { set } else { nothing };
                uses[at] = settler.used(set, &binding.key.namespace, type_ != SubjectType::Anonymous);
            }
        }
    }
    uses
}

/// All that the grants name, as far as it consents to the binding's namespace, each with its place in its list.
pub(super) fn granted(
    Scene { named, consent, .. }: Scene,
    binding: &Binding,
    grants: &Grants,
    tables: &mut Tables,
    faults: &mut Faults,
) -> Vec<(Granted, usize)> {
    let own = &binding.key.namespace;
    let kind = Kind::McpKeyBinding;
    let mut granted = Vec::new();
    for (index, grant) in grants.servers.iter().flatten().enumerate() {
        let key = target(&grant.name, &grant.namespace, own);
        if let Some(server) = named.server_admitting(&key, consent, own) {
            let ServerGrant { tools, prompts, resources, .. } = grant;
            let lists =
                ByKind { tools: tools.as_deref(), prompts: prompts.as_deref(), resources: resources.as_deref() };
            granted.extend(tables.way(server, lists).map(|way| (Granted::Server(way), index)));
        } else {
            let field = format!("spec.grants.servers[{index}]");
            faults.void(kind, binding.key, void(field, Kind::McpServer, &key, own));
        }
    }
    for (index, reference) in grants.access_groups.iter().flatten().enumerate() {
        let key = target(&reference.name, &reference.namespace, own);
        let group = named.group(&key).filter(|group| named.groups[*group as usize].admits(consent, own));
        if let Some(group) = group {
            granted.push((Granted::Group(group), index));
        } else {
            let field = format!("spec.grants.accessGroups[{index}]");
            faults.void(kind, binding.key, void(field, Kind::McpAccessGroup, &key, own));
        }
    }
    granted
}

// === impl Settler ===

impl<'a> Settler<'a, '_> {
    /// The set of all that the grants name.
    fn declare(&mut self, binding: &Binding<'a>, grants: &Grants, faults: &mut Faults) -> AccessIndex {
        let mut granted: Vec<Granted> =
            granted(self.scene, binding, grants, self.tables, faults).into_iter().map(|(granted, _)| granted).collect();
        granted.sort_unstable();
        granted.dedup();
        if let Some(known) = self.declared.get(&granted) {
            return *known;
        }
        let mut ways = Vec::new();
        for granted in &granted {
            match granted {
                Granted::Server(way) => ways.push(*way),
                Granted::Group(group) => ways.extend(self.scene.members[*group as usize].iter().map(|it| it.way)),
            }
        }
        let set = self.tables.unite(ways);
        self.declared.insert(granted, set);
        set
    }

    fn meet(&mut self, one: Reach, other: Reach) -> Reach {
        match (one, other) {
            (Reach::Any, reach) | (reach, Reach::Any) => reach,
            (Reach::Set(one), Reach::Set(other)) => Reach::Set(self.tables.intersect(one, other)),
        }
    }

    /// What callers of the namespace may use of the set: servers that admit them, and AllKeys servers whole.
    fn used(&mut self, set: AccessIndex, namespace: &'a str, all_keys: bool) -> AccessIndex {
        if let Some(known) = self.used.get(&(set, namespace, all_keys)) {
            return *known;
        }
        let whole = if all_keys { self.all_keys_in(namespace) } else { Rc::default() };
        let Scene { named, consent, .. } = self.scene;
        let admits = |server: ServerIndex| named.servers[server as usize].admits(consent, namespace);
        let used = self.tables.reshape(set, admits, &whole);
        self.used.insert((set, namespace, all_keys), used);
        used
    }

    fn all_keys_in(&mut self, namespace: &'a str) -> Rc<[ServerIndex]> {
        let Scene { named, consent, .. } = self.scene;
        let known = self.all_keys.entry(namespace).or_insert_with(|| {
            let servers = named.servers.iter().enumerate();
            let open =
                servers.filter(|(_, it)| it.object.spec.access == Access::AllKeys && it.admits(consent, namespace));
            open.map(|(at, _)| at as ServerIndex).collect()
        });
        Rc::clone(known)
    }
}
