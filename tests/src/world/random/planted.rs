//! What chance alone makes too seldom, planted in a part of the worlds: whole
//! chains of parents, organizations that settings tie to a namespace, callers
//! with tokens and without anything.

use super::bindings::{grants, moment};
use super::dice::Dice;
use super::meta;
use crate::world::{Binding, Consent, Entry, From, Grants, KeyEntry, KeySource, Meta, Mode, Reference, Subject, World};

/// Plants a chain of parents, a tied organization, servers with bare names, each or none of them.
pub(super) fn add(world: &mut World, dice: &mut Dice, namespaces: &[String]) {
    let platform = match (&world.settings.platform_namespaces, &world.mode) {
        (Some(namespaces), _) => dice.pick(namespaces).clone(),
        (None, Mode::Cluster { namespace }) => namespace.clone(),
        (None, Mode::Local) => dice.pick(namespaces).clone(),
    };
    if dice.chance(15) {
        world.settings.bare_namespaces = Some(namespaces.to_vec());
        for server in &mut world.servers {
            server.bare = dice.chance(80);
            server.prefix = server.prefix.take().filter(|_| !server.bare);
        }
    }
    if dice.chance(60) {
        chain(world, dice, namespaces, &platform);
    }
    if dice.chance(20) {
        let meta = Meta { namespace: platform.clone(), ..meta(dice, namespaces, "no-tools") };
        without_tools(world, dice, meta);
    }
    if dice.chance(22) {
        tokens(world, dice, namespaces, &platform);
    }
    if dice.chance(12) {
        let meta = Meta { namespace: platform.clone(), ..meta(dice, namespaces, "open") };
        parent(world, dice, meta, Subject::Anonymous).join_from = None;
    }
    let tie = world.settings.organization_of.values().next().cloned();
    if let (Some(organization), true) = (tie, dice.chance(60)) {
        let subject = Subject::Organization(organization);
        let meta = Meta { namespace: platform, ..meta(dice, namespaces, "tied") };
        parent(world, dice, meta, subject);
    }
}

/// Callers who are known by a token: two by their claims, which one token may have both of, and a service account.
fn tokens(world: &mut World, dice: &mut Dice, namespaces: &[String], platform: &str) {
    let claim = |claim: &str, value: &str| Subject::Claims(vec![(claim.to_owned(), vec![value.to_owned()])]);
    let account = Subject::ServiceAccount(Reference { name: "planted".to_owned(), namespace: String::new() });
    for (name, subject) in
        [("a-group", claim("groups", "blue")), ("a-role", claim("role", "dev")), ("account", account)]
    {
        let meta = Meta { namespace: platform.to_owned(), ..meta(dice, namespaces, name) };
        let binding = parent(world, dice, meta, subject);
        binding.join_from = None;
        binding.team = dice.chance(30).then(|| "chain".to_owned());
    }
}

/// A key of a user of a team of an organization; each declares something or inherits.
fn chain(world: &mut World, dice: &mut Dice, namespaces: &[String], platform: &str) {
    let placed = |dice: &mut Dice, name: &str| Meta { namespace: platform.to_owned(), ..meta(dice, namespaces, name) };
    let organization = placed(dice, "chain-organization");
    parent(world, dice, organization, Subject::Organization("chain".to_owned()));
    let team = placed(dice, "chain-team");
    parent(world, dice, team, Subject::Team("chain".to_owned())).organization = Some("chain".to_owned());
    let user = placed(dice, "chain-user");
    parent(world, dice, user, Subject::User("chain".to_owned())).team = Some("chain".to_owned());
    let key = KeyEntry { name: "k0".to_owned(), source: KeySource::Sha256("sb-chain".to_owned()), expires: None };
    let meta = meta(dice, namespaces, "chain-key");
    let declares = dice.chance(60);
    let key = parent(world, dice, meta, Subject::Key(vec![key]));
    key.user = Some("chain".to_owned());
    key.grants = key.grants.take().filter(|_| declares);
    key.join_from = None;
}

/// A binding whose consent is wide and whose grants are generous, so that something is left at the end of a chain.
fn parent<'w>(world: &'w mut World, dice: &mut Dice, meta: Meta, subject: Subject) -> &'w mut Binding {
    let grants = match dice.below(10) {
        0..3 => None,
        3..5 => Some(grants(world, dice, std::slice::from_ref(&meta.namespace), &meta.namespace)),
        _ => Some(everything(world, dice)),
    };
    let index = world.bindings.len();
    world.bindings.push(Binding {
        meta,
        subject,
        user: None,
        team: None,
        organization: None,
        grants,
        join_from: Some(Consent { from: From::All, selector: None }),
        expires: dice.chance(10).then(|| moment(dice)),
        suspend: dice.chance(5),
    });
    &mut world.bindings[index]
}

/// All servers, now and then only the prompts or only the resources of them.
fn everything(world: &World, dice: &mut Dice) -> Grants {
    match dice.below(14) {
        0 => all(world, Some(Item::Prompts)),
        1 => all(world, Some(Item::Resources)),
        _ => all(world, None),
    }
}

/// What alone is given.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Item {
    Prompts,
    Resources,
}

fn all(world: &World, only: Option<Item>) -> Grants {
    let given = |item: Item| (only == Some(item)).then(|| vec!["*".to_owned()]);
    let entry = |namespace: &str, name: &str| Entry {
        server: Reference { name: name.to_owned(), namespace: namespace.to_owned() },
        tools: None,
        prompts: given(Item::Prompts),
        resources: given(Item::Resources),
    };
    let servers = world.servers.iter().map(|server| entry(&server.meta.namespace, &server.meta.name)).collect();
    Grants { servers, access_groups: Vec::new() }
}

/// A key that has no tool of any server.
fn without_tools(world: &mut World, dice: &mut Dice, meta: Meta) {
    let only = *dice.pick(&[Item::Prompts, Item::Resources]);
    let grants = Some(all(world, Some(only)));
    let key = KeyEntry { name: "k0".to_owned(), source: KeySource::Sha256("sb-no-tools".to_owned()), expires: None };
    let binding = parent(world, dice, meta, Subject::Key(vec![key]));
    (binding.grants, binding.join_from) = (grants, None);
}
