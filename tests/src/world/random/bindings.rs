//! Random bindings.

use super::dice::Dice;
use super::groups::entries;
use super::servers::{reference, secret};
use super::{NOW, consent, meta};
use crate::world::{Binding, Flaw, Grants, Id, KeyEntry, KeySource, Reference, Subject, World};

const NAMES: [&str; 12] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11"];
const TEAMS: [&str; 3] = ["blue", "blue", "red"];
const ORGANIZATIONS: [&str; 3] = ["acme", "acme", "umbrella"];
const USERS: [&str; 2] = ["ann", "bob"];
const ACCOUNTS: [&str; 2] = ["runner", "builder"];
const KEYS: [&str; 6] = ["sb-one", "sb-two", "sb-three", "sb-four", "sb-five", "sb-six"];

/// Adds bindings until there are one to ten.
pub(super) fn add(world: &mut World, dice: &mut Dice, namespaces: &[String]) {
    let wanted = dice.between(1, 10);
    while world.bindings.len() < wanted {
        let name = *dice.pick(&NAMES);
        let binding = binding(world, dice, namespaces, name);
        if world.bindings.iter().all(|other| other.meta.id() != binding.meta.id()) {
            world.bindings.push(binding);
        }
    }
}

fn binding(world: &World, dice: &mut Dice, namespaces: &[String], name: &str) -> Binding {
    let subject = match dice.below(100) {
        0..42 => Subject::Key(keys(dice)),
        42..56 => Subject::Team(dice.word(&TEAMS)),
        56..67 => Subject::Organization(dice.word(&ORGANIZATIONS)),
        67..76 => Subject::User(dice.word(&USERS)),
        76..82 => Subject::ServiceAccount(account(dice, namespaces)),
        82..90 => Subject::Claims(claims(dice)),
        _ => Subject::Anonymous,
    };
    let (user, team, organization) = match &subject {
        Subject::Key(_) => (25, 35, 20),
        Subject::User(_) => (0, 35, 25),
        Subject::ServiceAccount(_) | Subject::Claims(_) => (2, 30, 20),
        Subject::Team(_) => (0, 0, 35),
        Subject::Organization(_) => (0, 0, 0),
        // Now and then a parent that this subject may not have.
        Subject::Anonymous => (0, 5, 0),
    };
    let mut meta = meta(dice, namespaces, name);
    if dice.chance(4) {
        meta.flaw = Some(*dice.pick(&[Flaw::UnknownField, Flaw::MemberMissing, Flaw::MemberTwice]));
    }
    let declares = if matches!(subject, Subject::Key(_)) { 65 } else { 85 };
    Binding {
        user: dice.chance(user).then(|| dice.word(&USERS)),
        team: dice.chance(team).then(|| dice.word(&TEAMS)),
        organization: dice.chance(organization).then(|| dice.word(&ORGANIZATIONS)),
        grants: dice.chance(declares).then(|| grants(world, dice, namespaces, &meta.namespace)),
        join_from: if is_parent(&subject) { consent(dice) } else { None },
        expires: dice.chance(15).then(|| moment(dice)),
        suspend: dice.chance(7),
        meta,
        subject,
    }
}

/// Whether others may name the subject as their parent.
fn is_parent(subject: &Subject) -> bool {
    matches!(subject, Subject::Team(_) | Subject::Organization(_) | Subject::User(_))
}

fn account(dice: &mut Dice, namespaces: &[String]) -> Reference {
    let namespace = if dice.chance(60) { String::new() } else { dice.pick(namespaces).clone() };
    Reference { name: dice.word(&ACCOUNTS), namespace }
}

/// A claim or two of two, now and then the same one twice.
fn claims(dice: &mut Dice) -> Vec<(String, Vec<String>)> {
    let mut claims = Vec::new();
    for claim in dice.some_of(&["groups", "role"], 1, 2) {
        claims.push((claim, dice.some_of(&["blue", "red"], 1, 2)));
    }
    if dice.chance(4) {
        claims.push(("role".to_owned(), vec!["green".to_owned()]));
        claims.push(("role".to_owned(), vec!["blue".to_owned()]));
    }
    claims
}

/// Just over, over, or to come.
pub(super) fn moment(dice: &mut Dice) -> i64 {
    NOW + *dice.pick(&[-1000, -1, 0, 1, 1000, 100_000])
}

fn keys(dice: &mut Dice) -> Vec<KeyEntry> {
    let count = *dice.pick(&[1, 1, 1, 2, 3, 4]);
    let mut plains = dice.some_of(&KEYS, count, count);
    if dice.chance(3) {
        "sb-one".clone_into(&mut plains[0]);
        plains.push("sb-one".to_owned());
    }
    let mut entries = Vec::new();
    for (index, plain) in plains.into_iter().enumerate() {
        let source = if dice.chance(20) { KeySource::Secret(secret(dice, "token")) } else { KeySource::Sha256(plain) };
        let expires = dice.chance(12).then(|| moment(dice));
        entries.push(KeyEntry { name: format!("k{index}"), source, expires });
    }
    entries
}

/// What a binding of `own` declares: `{}` now and then.
pub(super) fn grants(world: &World, dice: &mut Dice, namespaces: &[String], own: &str) -> Grants {
    if dice.chance(8) {
        return Grants::default();
    }
    let servers: Vec<Id> = world.servers.iter().map(|server| server.meta.id()).collect();
    let groups: Vec<Id> = world.groups.iter().map(|group| group.meta.id()).collect();
    let count = dice.between(0, 3);
    let servers = entries(dice, namespaces, own, &servers, count);
    let mut access_groups: Vec<Reference> = Vec::new();
    for _ in 0..dice.between(0, 2) {
        let group = reference(dice, namespaces, own, &groups);
        if !access_groups.contains(&group) {
            access_groups.push(group);
        }
    }
    Grants { servers, access_groups }
}
