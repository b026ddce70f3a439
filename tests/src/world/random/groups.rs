//! Random groups, and the servers that join them.

use super::dice::Dice;
use super::servers::reference;
use super::{GLOBS, URI_GLOBS, consent, globs, meta, selector};
use crate::world::{Entry, Flaw, Group, Id, Reference, World};

const NAMES: [&str; 5] = ["dev-group", "research", "alpha", "ops.team", "tools"];
const GROUP_NAMES: [&str; 6] = ["Dev Group", "dev_group", "al-pha", "research tools", "access", "bad/name"];

/// Adds none to four groups; servers join them in turn.
pub(super) fn add(world: &mut World, dice: &mut Dice, namespaces: &[String]) {
    for _ in 0..dice.between(0, 4) {
        let name = *dice.pick(&NAMES);
        let group = group(world, dice, namespaces, name);
        if world.groups.iter().all(|other| other.meta.id() != group.meta.id()) {
            world.groups.push(group);
        }
    }
    let groups: Vec<Id> = world.groups.iter().map(|group| group.meta.id()).collect();
    for server in &mut world.servers {
        if dice.chance(25) {
            server.access_groups.push(reference(dice, namespaces, &server.meta.namespace, &groups));
        }
    }
}

fn group(world: &World, dice: &mut Dice, namespaces: &[String], name: &str) -> Group {
    let servers: Vec<Id> = world.servers.iter().map(|server| server.meta.id()).collect();
    let mut meta = meta(dice, namespaces, name);
    if dice.chance(5) {
        meta.flaw = Some(*dice.pick(&[Flaw::UnknownField, Flaw::SelectorMissing, Flaw::SelectorWithoutTerm]));
    }
    let count = dice.between(0, 3);
    Group {
        group_name: dice.chance(35).then(|| dice.word(&GROUP_NAMES)),
        servers: entries(dice, namespaces, &meta.namespace, &servers, count),
        selector: dice.chance(25).then(|| selector(dice)),
        join_from: consent(dice),
        allowed_namespaces: consent(dice),
        meta,
    }
}

/// At most `count` entries; each reference is written once, as the schema demands.
pub(super) fn entries(dice: &mut Dice, namespaces: &[String], own: &str, servers: &[Id], count: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for _ in 0..count {
        let server: Reference = reference(dice, namespaces, own, servers);
        if entries.iter().all(|entry| entry.server != server) {
            entries.push(Entry {
                server,
                tools: globs(dice, 55, &GLOBS),
                prompts: globs(dice, 68, &GLOBS),
                resources: globs(dice, 68, &URI_GLOBS),
            });
        }
    }
    entries
}
