//! A world in which the two differ, less every object that does not matter.

use std::fmt::Write as _;

use gateway::catalogue::List;
use tests::world::{Filter, Settings, World};

use crate::compare::differences;
use crate::offered::listed;
use crate::product::Bench;

/// The seed, the reduced world as manifests, and what differs in it.
pub(crate) fn report(seed: u64, world: World, bench: &Bench) -> String {
    let world = reduced(world, bench);
    let mut text = format!("seed {seed}, {:?}, reduced:\n", world.mode);
    for document in world.documents().into_iter().chain(world.settings()) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{document}");
    }
    for server in &world.servers {
        for list in List::ALL {
            let _ = writeln!(text, "{} lists of {list:?} {:?}", server.meta.id(), listed(&world, server, list));
        }
    }
    for difference in differences(&world, bench) {
        let _ = writeln!(text, "  {difference}");
    }
    text
}

/// Takes away what can be taken away, one after the other, until nothing can.
fn reduced(mut world: World, bench: &Bench) -> World {
    loop {
        let smaller = edits(&world).into_iter().find(|smaller| !differences(smaller, bench).is_empty());
        match smaller {
            Some(smaller) => world = smaller,
            None => return world,
        }
    }
}

/// The world less one thing each.
fn edits(world: &World) -> Vec<World> {
    let mut edits: Vec<World> = Vec::new();
    let mut add = |edit: &dyn Fn(&mut World)| {
        let mut smaller = world.clone();
        edit(&mut smaller);
        if smaller != *world {
            edits.push(smaller);
        }
    };
    add(&|world| world.settings = Settings::default());
    for at in 0..world.bindings.len() {
        add(&|world| drop(world.bindings.remove(at)));
        add(&|world| world.bindings[at].grants = None);
    }
    for at in 0..world.groups.len() {
        add(&|world| drop(world.groups.remove(at)));
        add(&|world| world.groups[at].servers.clear());
        add(&|world| world.groups[at].selector = None);
    }
    for at in 0..world.servers.len() {
        add(&|world| drop(world.servers.remove(at)));
        add(&|world| world.servers[at].tools = Filter::default());
        add(&|world| world.servers[at].prompts = Filter::default());
        add(&|world| world.servers[at].resources = Filter::default());
        add(&|world| world.servers[at].catalogue.truncate(1));
    }
    for at in 0..world.secrets.len() {
        add(&|world| drop(world.secrets.remove(at)));
    }
    for name in world.namespaces.keys() {
        add(&|world| drop(world.namespaces.remove(name)));
    }
    for at in 0..world.tools.len() {
        add(&|world| {
            let gone = world.tools.remove(at);
            world.servers.iter_mut().for_each(|server| server.catalogue.retain(|tool| *tool != gone));
        });
    }
    for at in 0..world.prompts.len() {
        add(&|world| drop(world.prompts.remove(at)));
    }
    for at in 0..world.resources.len() {
        // With it goes what names it: the oracle knows of no other resources.
        add(&|world| {
            let gone = world.resources[at].clone();
            world.resources.retain(|uri| !uri.ends_with(&gone));
        });
    }
    edits
}
