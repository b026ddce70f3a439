//! Worlds for proptest: a seeded world less some of its objects, so that a
//! failing one shrinks to the objects that matter.

use proptest::prelude::{Strategy, any, prop};

use super::World;

/// Random worlds, see [`World::random`].
pub fn worlds() -> impl Strategy<Value = World> {
    (any::<u64>().no_shrink(), prop::collection::vec(prop::bool::weighted(0.97), 40)).prop_map(|(seed, kept)| {
        let mut world = World::random(seed);
        let mut kept = kept.into_iter().chain(std::iter::repeat(true));
        let mut keep = || kept.next().unwrap_or(true);
        world.bindings.retain(|_| keep());
        world.groups.retain(|_| keep());
        world.servers.retain(|_| keep());
        world.secrets.retain(|_| keep());
        world.namespaces.retain(|_, _| keep());
        world
    })
}
