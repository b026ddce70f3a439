//! Prompts and resources on the wire, by the rule's text: what each server of a world lists of them, by which names
//! callers know it, and what a name or URI leads to.
//!
//! Who may use what is the oracle's word. Prompts go by names as tools do (ACCESS, published names), resources and
//! templates by URIs (R11).

use std::collections::{BTreeMap, BTreeSet};

use gateway::catalogue::List;
use tests::oracle::{Item, Items, Kind, Oracle, Pair};
use tests::world::{Id, NOW, Server, World};

/// Of so many of the world's prompts and resources a server lacks one: most are on several servers, and some on few.
const LACKS_ONE_OF: u64 = 3;
const SCHEME: &str = "switchboard:";

/// What the server lists of prompts, resources or templates, in its order. The same of smaller worlds.
pub(crate) fn listed(world: &World, server: &Server, list: List) -> Vec<String> {
    let of_world = match list {
        List::Tools => return server.catalogue.clone(),
        List::Prompts => &world.prompts,
        List::Resources | List::Templates => &world.resources,
    };
    let has = |name: &&String| !chance(&format!("{} {name}", server.meta.id())).is_multiple_of(LACKS_ONE_OF);
    let is_of_list = |name: &&String| match list {
        List::Tools | List::Prompts => true,
        List::Resources => !name.contains('{'),
        List::Templates => name.contains('{'),
    };
    of_world.iter().filter(is_of_list).filter(has).cloned().collect()
}

/// A number that is the same whenever the text is (FNV-1a).
fn chance(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
        >> 32
}

/// The same world where a resource's own URI also reads as the qualified form of another one.
pub(crate) fn with_qualified_look(mut world: World) -> World {
    let looks = match (world.servers.first(), world.resources.first()) {
        (Some(server), Some(uri)) => qualified(server, uri),
        _ => return world,
    };
    world.resources.push(looks);
    world
}

/// What a native name of a list is to the access rule.
pub(crate) fn item(list: List, native: &str) -> Item {
    match list {
        List::Tools => Item::Tool(native.to_owned()),
        List::Prompts => Item::Prompt(native.to_owned()),
        List::Resources | List::Templates => Item::Resource(native.to_owned()),
    }
}

/// The lists of all servers of a world.
pub(crate) struct Offered<'a> {
    world: &'a World,
    oracle: &'a Oracle<'a>,
    /// Those that run, the earlier first.
    servers: Vec<&'a Server>,
    holders: BTreeMap<usize, BTreeMap<String, Pair>>,
}

impl<'a> Offered<'a> {
    /// The lists of this world.
    pub(crate) fn new(world: &'a World, oracle: &'a Oracle<'a>) -> Self {
        let servers = in_order(world, oracle);
        let mut offered = Self { world, oracle, servers, holders: BTreeMap::new() };
        for list in List::ALL {
            let mut holders = BTreeMap::new();
            for (server, native) in offered.all(list) {
                let pair = (server.meta.id(), native.clone());
                holders.entry(offered.published(list, server, &native)).or_insert(pair);
            }
            offered.holders.insert(list as usize, holders);
        }
        offered
    }

    /// Every published name, and what holds it: of two servers the earlier one's, whatever its own filter says.
    pub(crate) fn holders(&self, list: List) -> &BTreeMap<String, Pair> {
        &self.holders[&(list as usize)]
    }

    /// What who may use these items sees of a list: names, and what they stand for. A prompt whose name another one
    /// holds is hidden; a resource, or a template, goes by its qualified form then.
    pub(crate) fn list(&self, list: List, usable: &Items) -> BTreeMap<String, Pair> {
        let mut seen = BTreeMap::new();
        for (server, native) in self.all(list) {
            let pair = (server.meta.id(), native);
            if !usable.contains(&(pair.0.clone(), item(list, &pair.1))) {
                continue;
            }
            let name = self.published(list, server, &pair.1);
            if self.holders(list).get(&name) == Some(&pair) {
                seen.insert(name, pair);
            } else if matches!(list, List::Resources | List::Templates) {
                seen.insert(qualified(server, &pair.1), pair);
            }
        }
        seen
    }

    /// What a name, or URI, means to who sees this list and may use these items.
    pub(crate) fn meaning(
        &self,
        list: List,
        (seen, usable): (&BTreeMap<String, Pair>, &Items),
        name: &str,
    ) -> Option<Pair> {
        match list {
            List::Tools | List::Prompts => self.oracle.meaning(seen, name),
            List::Resources => self.resource(usable, name),
            List::Templates => {
                let holder = self.holders(list).get(name).filter(|pair| may_use(usable, pair));
                holder.cloned().or_else(|| self.resource(usable, name))
            }
        }
    }

    /// What a URI means: what holds it, if that may be used; by its qualified form what that server has or may have; what
    /// no list shows: of the earliest server with a template for it, else of the only one that may be asked.
    fn resource(&self, usable: &Items, uri: &str) -> Option<Pair> {
        let holder = self.holders(List::Resources).get(uri).filter(|pair| may_use(usable, pair));
        if holder.is_some() {
            return holder.cloned();
        }
        let of = |server: &Server, native: &str| (server.meta.id(), native.to_owned());
        if looks_qualified(uri) {
            let (word, native) = uri[SCHEME.len()..].split_once(':')?;
            let named = self.servers.iter().find(|server| norm(&alias(server)) == norm(word))?;
            return Some(of(named, native)).filter(|pair| may_use(usable, pair));
        }
        let candidates: Vec<&&Server> =
            self.servers.iter().filter(|server| may_use(usable, &of(server, uri))).collect();
        let makes = |server: &&&&Server| {
            listed(self.world, server, List::Templates).iter().any(|template| {
                let (start, rest) = template.split_once('{').unwrap();
                uri.starts_with(start) && uri.ends_with(rest.split_once('}').unwrap().1)
            })
        };
        match (candidates.iter().find(makes), &candidates[..]) {
            (Some(server), _) | (None, [server]) => Some(of(server, uri)),
            _ => None,
        }
    }

    /// URIs that somebody could ask for, listed by whom ever or not: as they are, and in their qualified forms.
    pub(crate) fn uris(&self) -> BTreeSet<String> {
        let mut uris = BTreeSet::from(["switchboard:".to_owned(), "switchboard::get".to_owned()]);
        for uri in &self.world.resources {
            uris.insert(uri.clone());
            uris.insert(format!("{SCHEME}nobody_knows:{uri}"));
            for server in &self.world.servers {
                let alias = alias(server);
                uris.insert(format!("{SCHEME}{alias}:{uri}"));
                uris.insert(format!("SwitchBoard:{}:{uri}", alias.to_uppercase().replace('_', "-")));
                uris.insert(format!("{SCHEME}{}:{uri}", server.prefix.as_ref().unwrap_or(&server.meta.name)));
            }
        }
        uris
    }

    fn all(&self, list: List) -> Vec<(&'a Server, String)> {
        let of = |server: &&'a Server| {
            let server = *server;
            listed(self.world, server, list).into_iter().map(move |native| (server, native))
        };
        self.servers.iter().flat_map(of).collect()
    }

    fn published(&self, list: List, server: &Server, native: &str) -> String {
        match list {
            List::Tools | List::Prompts => self.oracle.published(server, native),
            // A URI never stands where the qualified form of another could be meant.
            List::Resources | List::Templates if looks_qualified(native) => qualified(server, native),
            List::Resources | List::Templates => native.to_owned(),
        }
    }
}

fn may_use(usable: &Items, (server, uri): &Pair) -> bool {
    usable.contains(&(server.clone(), Item::Resource(uri.clone())))
}

fn alias(server: &Server) -> String {
    server.alias.clone().unwrap_or_else(|| server.meta.name.replace(['-', '.'], "_"))
}

fn norm(name: &str) -> String {
    name.to_ascii_lowercase().replace([' ', '-', '_'], "")
}

fn looks_qualified(uri: &str) -> bool {
    uri.to_ascii_lowercase().starts_with(SCHEME)
}

/// The URI that names its server.
fn qualified(server: &Server, native: &str) -> String {
    format!("{SCHEME}{}:{native}", alias(server))
}

/// The servers that run, as the oracle has them come first: the order in which they would hold one bare name.
fn in_order<'w>(world: &'w World, oracle: &Oracle<'_>) -> Vec<&'w Server> {
    let name = "one".to_owned();
    let accepted = |server: &&Server| !oracle.faults().contains_key(&(Kind::Server, server.meta.id()));
    let as_bare = |server: &Server| Server {
        bare: true,
        prefix: None,
        catalogue: vec![name.clone()],
        access_groups: Vec::new(),
        ..server.clone()
    };
    let mut left = World { servers: world.servers.iter().filter(accepted).map(as_bare).collect(), ..world.clone() };
    left.groups.clear();
    left.bindings.clear();
    left.settings.bare_namespaces = Some(left.servers.iter().map(|server| server.meta.namespace.clone()).collect());
    let mut order = Vec::new();
    loop {
        let first: Option<(Id, String)> = Oracle::new(&left, NOW).holders().remove(&name);
        let Some((first, _)) = first else { return order };
        left.servers.retain(|server| server.meta.id() != first);
        order.extend(world.servers.iter().find(|server| server.meta.id() == first));
    }
}

/// That random worlds hold what prompts and resources are about: a comparison without it would pass for nothing.
#[test]
fn prompts_and_resources_meet_in_random_worlds() {
    const SEEDS: u64 = 500;
    let mut counts = BTreeMap::new();
    for seed in 0..SEEDS {
        let world = with_qualified_look(World::random(seed));
        let oracle = Oracle::new(&world, NOW);
        let offered = Offered::new(&world, &oracle);
        let usable = world.bindings.iter().map(|binding| oracle.usable(&binding.meta.id()));
        let seen: BTreeSet<&str> = usable.flat_map(|usable| offered.features(&usable)).collect();
        for feature in seen {
            *counts.entry(feature).or_insert(0) += 1;
        }
    }
    assert!(counts.len() == 6 && counts.values().all(|count| count * 50 >= SEEDS), "of {SEEDS} worlds: {counts:?}");
}

impl Offered<'_> {
    /// What there is in what one caller sees.
    fn features(&self, usable: &Items) -> Vec<&'static str> {
        let seen = self.list(List::Resources, usable);
        let has = |(server, prompt): (&Server, String)| usable.contains(&(server.meta.id(), Item::Prompt(prompt)));
        let prompts = self.all(List::Prompts).into_iter().filter(|prompt| has(prompt.clone())).count();
        let twice = seen.iter().filter(|(name, (_, native))| looks_qualified(native) && *name != native);
        let mut features = vec![
            ("a hidden prompt", prompts > self.list(List::Prompts, usable).len()),
            ("a qualified URI", seen.iter().any(|(name, (_, native))| name != native)),
            ("a URI that looks qualified", twice.count() > 0),
        ];
        for uri in self.world.resources.iter().filter(|uri| !uri.contains('{')) {
            let listed = self.holders(List::Resources).contains_key(uri);
            let read = self.resource(usable, uri).is_some();
            let by_template = uri.starts_with("file:///docs/");
            features.extend([
                ("unlisted, of a template", !listed && read && by_template),
                ("unlisted, of the only one", !listed && read && !by_template && !looks_qualified(uri)),
                ("another's", listed && !read && usable.iter().any(|(_, item)| *item == Item::Resource(uri.clone()))),
            ]);
        }
        features.into_iter().filter(|(_, there)| *there).map(|(feature, _)| feature).collect()
    }
}
