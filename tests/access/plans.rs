//! `plan` follows from the same tables: of two random companies that differ by
//! an object, it tells each gain and loss that the oracle finds, and nothing
//! that the evaluator does not confirm.

use std::collections::BTreeMap;

use crds::plan::{AccessChange, Change, Example, Holder, changes};
use crds::snapshot::{ItemKind, Snapshot};
use tests::oracle::{Credential, Identity, Item, Items, Oracle, tokens};
use tests::world::{NOW, World};

use crate::product::{Bench, Product};

/// Pairs of worlds that are compared.
const PAIRS: u64 = 2_000;

/// The world without one of its objects, another one for each seed.
fn without_one(mut world: World, seed: u64) -> World {
    let (servers, groups) = (world.servers.len(), world.groups.len());
    let all = servers + groups + world.bindings.len();
    if all > 0 {
        let at = seed as usize % all;
        match at {
            at if at < servers => drop(world.servers.remove(at)),
            at if at < servers + groups => drop(world.groups.remove(at - servers)),
            at => drop(world.bindings.remove(at - servers - groups)),
        }
    }
    world
}

fn kind(item: &Item) -> ItemKind {
    match item {
        Item::Tool(_) => ItemKind::Tool,
        Item::Prompt(_) => ItemKind::Prompt,
        Item::Resource(_) => ItemKind::Resource,
    }
}

/// What was gained or lost, by server and kind.
fn by_kind<'i>(one: &'i Items, other: &'i Items) -> BTreeMap<(String, ItemKind), &'i Item> {
    one.difference(other).map(|(server, item)| ((server.to_string(), kind(item)), item)).collect()
}

/// The changes that are told of the holder of a credential: of a token, which several bindings may let in, of each of them.
fn told(changes: &[Change], credential: &Credential, (before, after): (&Identity, &Identity)) -> Vec<AccessChange> {
    let is_token = matches!(credential, Credential::Token(_));
    let is_one = |identity: &Identity, said: &Option<String>| match (identity, said) {
        (Identity::Unauthorized, None) => true,
        (Identity::Bindings(_), None) => is_token,
        (Identity::Bindings(ids), Some(said)) => ids.iter().any(|id| id.to_string() == *said),
        (Identity::Unauthorized, Some(_)) => false,
    };
    let of_holder = |holder: &Holder| is_one(before, &holder.before) && is_one(after, &holder.after);
    let now = changes.iter().filter(|change| change.from.is_none());
    now.filter(|change| change.callers.iter().any(of_holder)).flat_map(|change| change.access.clone()).collect()
}

/// A name that is told is one that the evaluator gives on the one side alone.
fn confirmed(change: &AccessChange, has: impl Fn(&str) -> (bool, bool)) -> bool {
    let only = |example: &Option<Example>, wanted: (bool, bool)| match example {
        Some(Example::Name(name)) => has(name) == wanted,
        // None of these rules is too entangled.
        Some(Example::Unknown) => false,
        None => true,
    };
    only(&change.widens, (false, true)) && only(&change.narrows, (true, false))
}

fn has(product: &Product, binding: Option<&String>, change: &AccessChange, name: &str) -> bool {
    let snapshot: &Snapshot = &product.view.table.snapshot;
    let server = snapshot.servers.iter().position(|server| server.id == change.server);
    let caller = snapshot.callers.iter().chain(&snapshot.anonymous).find(|caller| Some(&caller.id) == binding);
    server
        .zip(caller)
        .is_some_and(|(server, caller)| snapshot.allows(caller, NOW, server as u32, change.kind.item(name)))
}

/// Whether each change is one of each binding that it is told of.
fn are_confirmed(changes: &[Change], before: &Product, after: &Product) -> Result<(), String> {
    for change in changes.iter().filter(|change| change.from.is_none()) {
        for holder in &change.callers {
            for access in &change.access {
                let sides = |name: &str| {
                    (has(before, holder.before.as_ref(), access, name), has(after, holder.after.as_ref(), access, name))
                };
                if !confirmed(access, sides) {
                    return Err(format!("{holder:?}: {access:?}"));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn plan_tells_every_gain_and_loss_and_no_other() {
    let bench = Bench::new();
    let (mut gains, mut losses, mut of_tokens) = (0, 0, 0);
    for seed in 0..PAIRS {
        let whole = World::random(seed);
        let part = without_one(whole.clone(), seed / 2);
        // Every other time the object comes instead of going.
        let (old, new) = if seed % 2 == 0 { (whole, part) } else { (part, whole) };
        bench.runtime.block_on(async {
            let (before, after) = (Product::new(&old, &bench), Product::new(&new, &bench));
            let changes = changes(&before.view.table.snapshot, &after.view.table.snapshot, NOW);
            let (oracle_before, oracle_after) = (Oracle::new(&old, NOW), Oracle::new(&new, NOW));
            are_confirmed(&changes, &before, &after).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
            let keys = old.keys().into_iter().chain(new.keys()).map(Credential::Key);
            let tokens = tokens(&old).into_iter().chain(tokens(&new)).map(Credential::Token);
            for credential in keys.chain(tokens).chain([Credential::None]) {
                let identities = (oracle_before.identify(&credential), oracle_after.identify(&credential));
                let told = told(&changes, &credential, (&identities.0, &identities.1));
                let (had, has_now) = (oracle_before.permitted(&credential), oracle_after.permitted(&credential));
                for (gain, what, which) in [(true, "gain", (&has_now, &had)), (false, "loss", (&had, &has_now))] {
                    for ((server, kind), item) in by_kind(which.0, which.1) {
                        let is_told = told.iter().any(|change| {
                            let example = if gain { &change.widens } else { &change.narrows };
                            change.server == server && change.kind == kind && example.is_some()
                        });
                        assert!(is_told, "seed {seed}: {credential:?} has a {what}: {item:?} of {server}: {told:?}");
                        *if gain { &mut gains } else { &mut losses } += 1;
                        of_tokens += usize::from(matches!(credential, Credential::Token(_)));
                    }
                }
            }
        });
    }
    let enough = gains > 300 && losses > 300 && of_tokens > 300;
    assert!(enough, "{gains} gains, {losses} losses, {of_tokens} of tokens are too few to say anything");
}
