//! What holds of every world of objects (ACCESS.md, What must always hold).

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::generate::{Dice, MARK, NOW, permits, world};
use super::*;
use crate::diagnostic::{ConditionType, Kind, ObjectKey, Reason};
use crate::snapshot::stored::{Pointer, open, plan, split};
use crate::snapshot::{MacKey, SCHEMA};
use crate::v1alpha1::{Access, AccessGroupMember, Key, McpKeyBindingSpec, McpServerSpec, ServerGrant, SubjectType};

fn key() -> MacKey {
    MacKey([9; 32])
}

fn bytes(compiled: &Compiled) -> Vec<u8> {
    plan(None, split(&compiled.snapshot).unwrap().of(SCHEMA), 1, SCHEMA).unwrap().pointer.encode(&key())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn shuffled_input_gives_the_same_bytes(
        seed in proptest::collection::vec(any::<u8>(), 0..900),
        order in proptest::collection::vec(any::<u8>(), 64),
    ) {
        let (resources, scope) = world(&seed);
        let shuffled = shuffled(&resources, &mut Dice(order.iter()));
        let (one, two) = (compile(&resources, &scope, &pepper()), compile(&shuffled, &scope, &pepper()));
        prop_assert_eq!(&one.snapshot, &two.snapshot);
        prop_assert_eq!(bytes(&one), bytes(&two));
        prop_assert_eq!(one.credentials, two.credentials);
    }

    #[test]
    fn opening_undoes_storing_and_a_flipped_bit_is_refused(
        seed in proptest::collection::vec(any::<u8>(), 0..900),
        bit in any::<Index>(),
    ) {
        let (resources, scope) = world(&seed);
        let compiled = compile(&resources, &scope, &pepper());
        let mut bytes = bytes(&compiled);
        let pointer = Pointer::decode(&bytes, &key()).unwrap();
        let opened = open(&pointer, |_, _| None::<Vec<u8>>).unwrap();
        prop_assert_eq!((&opened, pointer.revision), (&compiled.snapshot, 1));
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Pointer::decode(&bytes, &key()).is_err());
    }

    #[test]
    fn no_secret_byte_is_in_a_snapshot_or_diagnostic(seed in proptest::collection::vec(any::<u8>(), 0..900)) {
        let (resources, scope) = world(&seed);
        let compiled = compile(&resources, &scope, &pepper());
        let Compiled { snapshot, credentials, diagnostics } = &compiled;
        let shown = format!("{}{credentials:?}{diagnostics:?}", serde_json::to_string(snapshot).unwrap());
        prop_assert!(!shown.contains(MARK));
        let on = compiled.snapshot.servers.iter().filter(|server| !server.off).count();
        prop_assert_eq!(compiled.credentials.len(), on, "the values are there, but apart");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn taking_away_never_permits_more(seed in proptest::collection::vec(any::<u8>(), 0..900)) {
        let (resources, scope) = world(&seed);
        let before = compile(&resources, &scope, &pepper());
        let (allowed, refused) = (permits(&before), not_accepted(&before));
        for Taking { what, object, frees, left } in takings(&resources) {
            let after = compile(&left, &scope, &pepper());
            let still = not_accepted(&after);
            let freed = refused.iter().any(|it| !still.contains(it) && Some(it) != object.as_ref());
            prop_assert!(frees || !freed, "{} frees what another object claims", what);
            // Freeing what another object claims widens by design.
            if !freed {
                let after = permits(&after);
                let more: Vec<_> = after.difference(&allowed).collect();
                prop_assert!(more.is_empty(), "{} permits more: {:?}", what, more);
            }
        }
    }

    #[test]
    fn adding_an_unrelated_object_changes_nothing_for_others(
        seed in proptest::collection::vec(any::<u8>(), 0..900),
        other in proptest::collection::vec(any::<u8>(), 0..900),
    ) {
        let (mut resources, scope) = world(&seed);
        let before = compile(&resources, &scope, &pepper());
        for (key, mut server) in world(&other).0.servers {
            server.spec.alias = Some(format!("new_{}", key.name));
            // Open to all, or joining a group: that would be related.
            server.spec.access = Access::Granted;
            server.spec.access_groups = None;
            server.metadata.labels = None;
            server.spec.allowed_namespaces = None;
            resources.servers.insert(ObjectKey::new("new", key.name), server);
        }
        for (key, mut group) in world(&other).0.groups {
            group.spec.group_name = Some(format!("new {}", key.name));
            resources.groups.insert(ObjectKey::new("new", key.name), group);
        }
        for (number, (key, mut binding)) in (0..).zip(world(&other).0.bindings) {
            let subject = &mut binding.spec.subject;
            if subject.type_ == SubjectType::Anonymous {
                continue;
            }
            for name in [&mut subject.team, &mut subject.organization, &mut subject.user].into_iter().flatten() {
                name.insert_str(0, "new-");
            }
            if let Some(account) = &mut subject.service_account {
                account.name.insert_str(0, "new-");
            }
            for claim in subject.claims.iter_mut().flatten() {
                claim.claim.insert_str(0, "new-");
            }
            for (entry, key) in (0..).zip(subject.keys.iter_mut().flatten()) {
                *key = Key { sha256: Some(format!("{:064x}", number * 10 + entry)), value_from: None, ..key.clone() };
            }
            resources.bindings.insert(ObjectKey::new("new", key.name), binding);
        }
        let mut after = compile(&resources, &scope, &pepper());
        after.snapshot.callers.retain(|caller| !caller.id.starts_with("new/"));
        prop_assert_eq!(permits(&before), permits(&after));
    }
}

#[test]
fn the_generated_worlds_are_worth_looking_at() {
    let (mut permitted, mut reasons) = (0, BTreeMap::<Reason, usize>::new());
    for seed in 0..400_u32 {
        // A small generator of bytes: any will do.
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as u8
        };
        let seed: Vec<u8> = (0..900).map(|_| next()).collect();
        let (resources, scope) = world(&seed);
        let compiled = compile(&resources, &scope, &pepper());
        permitted += usize::from(!permits(&compiled).is_empty());
        for fault in &compiled.diagnostics {
            *reasons.entry(fault.reason).or_default() += 1;
        }
    }
    assert!(permitted > 150, "worlds in which somebody may do something: {permitted}");
    let wanted = [
        Reason::NameConflict,
        Reason::DuplicateSubject,
        Reason::NotFound,
        Reason::NotPermitted,
        Reason::ParentDead,
        Reason::SecretNotUsable,
    ];
    assert!(wanted.iter().all(|reason| reasons.get(reason).is_some_and(|count| *count > 20)), "{reasons:?}");
}

/// The same objects with every list whose order means nothing in another order.
fn shuffled(resources: &Resources, dice: &mut Dice) -> Resources {
    let mut shuffled = resources.clone();
    for server in shuffled.servers.values_mut() {
        let spec = &mut server.spec;
        shuffle(spec.access_groups.as_mut(), dice);
        shuffle_each(allow_lists(spec), dice);
        shuffle_each(deny_lists(spec), dice);
    }
    for group in shuffled.groups.values_mut() {
        shuffle(group.spec.servers.as_mut(), dice);
        for member in group.spec.servers.iter_mut().flatten() {
            shuffle_each(member_lists(member), dice);
        }
    }
    for binding in shuffled.bindings.values_mut() {
        shuffle(binding.spec.subject.keys.as_mut(), dice);
        if let Some(grants) = &mut binding.spec.grants {
            shuffle(grants.servers.as_mut(), dice);
            shuffle(grants.access_groups.as_mut(), dice);
            for grant in grants.servers.iter_mut().flatten() {
                shuffle_each(grant_lists(grant), dice);
            }
        }
    }
    shuffled
}

/// Three lists, as far as they are given: of tools, prompts, resources.
type Lists<'a> = [Option<&'a mut Vec<String>>; 3];

fn allow_lists(spec: &mut McpServerSpec) -> Lists<'_> {
    let McpServerSpec { tools, prompts, resources, .. } = spec;
    [
        tools.as_mut().and_then(|it| it.allow.as_mut()),
        prompts.as_mut().and_then(|it| it.allow.as_mut()),
        resources.as_mut().and_then(|it| it.allow.as_mut()),
    ]
}

fn deny_lists(spec: &mut McpServerSpec) -> Lists<'_> {
    let McpServerSpec { tools, prompts, resources, .. } = spec;
    [
        tools.as_mut().and_then(|it| it.deny.as_mut()),
        prompts.as_mut().and_then(|it| it.deny.as_mut()),
        resources.as_mut().and_then(|it| it.deny.as_mut()),
    ]
}

fn member_lists(member: &mut AccessGroupMember) -> Lists<'_> {
    [member.tools.as_mut(), member.prompts.as_mut(), member.resources.as_mut()]
}

fn grant_lists(grant: &mut ServerGrant) -> Lists<'_> {
    [grant.tools.as_mut(), grant.prompts.as_mut(), grant.resources.as_mut()]
}

fn shuffle_each(lists: Lists, dice: &mut Dice) {
    for list in lists {
        shuffle(list, dice);
    }
}

fn shuffle<T>(list: Option<&mut Vec<T>>, dice: &mut Dice) {
    if let Some(list) = list {
        for at in 1..list.len() {
            list.swap(at, dice.roll(at + 1));
        }
    }
}

/// Objects that are not accepted.
fn not_accepted(compiled: &Compiled) -> BTreeSet<(Kind, ObjectKey)> {
    let faults = compiled.diagnostics.iter().filter(|fault| fault.condition == ConditionType::Accepted);
    faults.map(|fault| (fault.kind, fault.object.clone())).collect()
}

/// One thing taken away.
struct Taking {
    what: String,
    /// The whole object, if it was one.
    object: Option<(Kind, ObjectKey)>,
    /// Whether that may free a name, subject or key.
    frees: bool,
    left: Resources,
}

/// Every way to take one thing away.
fn takings(resources: &Resources) -> Vec<Taking> {
    let mut takings = Vec::new();
    deletions(resources, &mut takings);
    entries(resources, &mut takings);
    for key in resources.bindings.keys() {
        let mut change = |what: &str, change: fn(&mut McpKeyBindingSpec)| {
            let mut left = resources.clone();
            change(&mut left.bindings.get_mut(key).unwrap().spec);
            takings.push(Taking { what: format!("{what} {key}"), object: None, frees: false, left });
        };
        change("suspending", |spec| spec.suspend = Some(true));
        change("expiring", |spec| spec.expiration_time = Some(Time(Timestamp::from_second(NOW - 1).unwrap())));
    }
    takings
}

fn deletions(resources: &Resources, takings: &mut Vec<Taking>) {
    let objects = resources.servers.keys().map(|key| (Kind::McpServer, key));
    let objects = objects.chain(resources.groups.keys().map(|key| (Kind::McpAccessGroup, key)));
    for (kind, key) in objects.chain(resources.bindings.keys().map(|key| (Kind::McpKeyBinding, key))) {
        let mut left = resources.clone();
        match kind {
            Kind::McpServer => drop(left.servers.remove(key)),
            Kind::McpAccessGroup => drop(left.groups.remove(key)),
            Kind::McpKeyBinding => drop(left.bindings.remove(key)),
        }
        let fault = Diagnostic {
            kind,
            object: key.clone(),
            condition: ConditionType::Accepted,
            reason: Reason::Invalid,
            field: String::new(),
            message: String::new(),
        };
        let mut corrupt = resources.clone();
        corrupt.refused.insert((kind, key.clone()), vec![fault]);
        for (how, left) in [("deleting", left), ("corrupting", corrupt)] {
            let (what, object) = (format!("{how} {kind:?} {key}"), Some((kind, key.clone())));
            takings.push(Taking { what, object, frees: true, left });
        }
    }
    for key in resources.secrets.keys() {
        let mut left = resources.clone();
        left.secrets.remove(key);
        takings.push(Taking { what: format!("deleting Secret {key}"), object: None, frees: true, left });
    }
    for name in resources.namespaces.keys() {
        let mut left = resources.clone();
        left.namespaces.remove(name);
        takings.push(Taking { what: format!("deleting Namespace {name}"), object: None, frees: false, left });
    }
}

fn entries(resources: &Resources, takings: &mut Vec<Taking>) {
    let mut without = |what: String, take: &dyn Fn(&mut Resources, usize) -> bool| {
        for at in 0.. {
            let mut left = resources.clone();
            if !take(&mut left, at) {
                break;
            }
            let what = format!("taking entry {at} of {what}");
            takings.push(Taking { what, object: None, frees: false, left });
        }
    };
    for key in resources.servers.keys() {
        for kind in 0..3 {
            without(format!("allow list {kind} of {key}"), &|left, at| {
                take(allow_lists(&mut left.servers.get_mut(key).unwrap().spec)[kind].take(), at)
            });
        }
        without(format!("accessGroups of {key}"), &|left, at| {
            take(left.servers.get_mut(key).unwrap().spec.access_groups.as_mut(), at)
        });
    }
    for (key, group) in &resources.groups {
        without(format!("servers of {key}"), &|left, at| {
            take(left.groups.get_mut(key).unwrap().spec.servers.as_mut(), at)
        });
        for number in 0..group.spec.servers.iter().flatten().count() {
            for kind in 0..3 {
                without(format!("list {kind} of servers[{number}] of {key}"), &|left, at| {
                    let servers = left.groups.get_mut(key).unwrap().spec.servers.as_mut();
                    take(member_lists(&mut servers.unwrap()[number])[kind].take(), at)
                });
            }
        }
    }
    for (key, binding) in &resources.bindings {
        let Some(grants) = &binding.spec.grants else { continue };
        without(format!("grants.servers of {key}"), &|left, at| {
            take(left.bindings.get_mut(key).unwrap().spec.grants.as_mut().unwrap().servers.as_mut(), at)
        });
        without(format!("grants.accessGroups of {key}"), &|left, at| {
            take(left.bindings.get_mut(key).unwrap().spec.grants.as_mut().unwrap().access_groups.as_mut(), at)
        });
        for number in 0..grants.servers.iter().flatten().count() {
            for kind in 0..3 {
                without(format!("list {kind} of grants.servers[{number}] of {key}"), &|left, at| {
                    let grants = left.bindings.get_mut(key).unwrap().spec.grants.as_mut().unwrap();
                    take(grant_lists(&mut grants.servers.as_mut().unwrap()[number])[kind].take(), at)
                });
            }
        }
    }
}

fn take<T>(list: Option<&mut Vec<T>>, at: usize) -> bool {
    list.filter(|list| at < list.len()).map(|list| list.remove(at)).is_some()
}
