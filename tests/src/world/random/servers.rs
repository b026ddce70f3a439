//! Random servers.

use super::dice::Dice;
use super::{GLOBS, URI_GLOBS, consent, filter, meta};
use crate::world::{Flaw, Reference, SecretRef, Server, Transport, World};

/// `mail-box` and `mail.box` have one default alias; `search` is reserved; the last is too long for one.
const NAMES: [&str; 10] = [
    "alpha",
    "beta",
    "time",
    "time",
    "mail-box",
    "mail.box",
    "gamma",
    "delta",
    "search",
    "a-name-that-is-too-long-to-be-an-alias",
];
const ALIASES: [&str; 10] =
    ["Alpha", "al_pha", "be_ta", "Mail_Box", "dev_group", "MCP_rest", "a", "a__b", "tail_", "bad alias"];
const PREFIXES: [&str; 7] = ["al", "a", "a__b", "Time", "x_", "v1", "gam_ma"];

/// Adds one to six servers.
pub(super) fn add(world: &mut World, dice: &mut Dice, namespaces: &[String]) {
    for _ in 0..dice.between(1, 6) {
        let name = *dice.pick(&NAMES);
        let server = server(world, dice, namespaces, name);
        if world.servers.iter().all(|other| other.meta.id() != server.meta.id()) {
            world.servers.push(server);
        }
    }
}

fn server(world: &World, dice: &mut Dice, namespaces: &[String], name: &str) -> Server {
    let bare = dice.chance(20);
    let mut server = Server {
        meta: meta(dice, namespaces, name),
        alias: dice.chance(30).then(|| dice.word(&ALIASES)),
        bare,
        prefix: (!bare && dice.chance(20)).then(|| dice.word(&PREFIXES)),
        transport: transport(dice),
        all_keys: dice.chance(20),
        access_groups: Vec::new(),
        allowed_namespaces: consent(dice),
        tools: filter(dice, &GLOBS),
        prompts: filter(dice, &GLOBS),
        resources: filter(dice, &URI_GLOBS),
        catalogue: dice.some_of(&world.tools, 1, 6),
    };
    if dice.chance(5) {
        server.meta.flaw = Some(*dice.pick(&[
            Flaw::UnknownField,
            Flaw::SelectorMissing,
            Flaw::SelectorWithoutTerm,
            Flaw::EmptyTerms,
            Flaw::MemberMissing,
            Flaw::MemberTwice,
        ]));
    }
    server
}

fn transport(dice: &mut Dice) -> Transport {
    if dice.chance(25) {
        let command = dice.word(&["uvx", "uvx", "npx"]);
        Transport::Stdio { command, env_from: dice.chance(15).then(|| secret(dice, "bearer")) }
    } else {
        let url_from = dice.chance(8).then(|| secret(dice, "url"));
        Transport::Http { url_from, bearer_from: dice.chance(8).then(|| secret(dice, "bearer")) }
    }
}

/// The Secret of the namespace, now and then one that is not there or lacks the key.
pub(super) fn secret(dice: &mut Dice, key: &str) -> SecretRef {
    let key = if dice.chance(90) { key } else { "other" };
    SecretRef { name: dice.word(&["shared", "shared", "shared", "gone"]), key: key.to_owned() }
}

/// A reference from `own` to one of `ids`, now and then to nothing.
pub(super) fn reference(dice: &mut Dice, namespaces: &[String], own: &str, ids: &[crate::world::Id]) -> Reference {
    if ids.is_empty() || dice.chance(8) {
        let namespace = if dice.chance(50) { String::new() } else { dice.pick(namespaces).clone() };
        return Reference { name: "nowhere".to_owned(), namespace };
    }
    let id = dice.pick(ids);
    let namespace = if id.namespace == own && dice.chance(70) { String::new() } else { id.namespace.clone() };
    Reference { name: id.name.clone(), namespace }
}
