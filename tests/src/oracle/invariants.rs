//! "What must always hold", on random worlds: taking something away never
//! permits more to anybody, a world's order does not matter, and what a caller
//! lists is what it may call.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use super::{Credential, Identity, Item, Items, Object, Oracle, tokens};
use crate::world::{Entry, Filter, Flaw, Labels, NOW, Reference, Server, Subject, Transport, World, worlds};

/// What everybody who could ask may use.
fn permitted(world: &World, credentials: &BTreeSet<Credential>) -> BTreeMap<Credential, Items> {
    let oracle = Oracle::new(world, NOW);
    credentials.iter().map(|credential| (credential.clone(), oracle.permitted(credential))).collect()
}

fn credentials(world: &World) -> BTreeSet<Credential> {
    let tokens = tokens(world).into_iter().map(Credential::Token);
    world.keys().into_iter().map(Credential::Key).chain(tokens).chain([Credential::None]).collect()
}

/// The accepted objects, by kind and id.
fn accepted(world: &World) -> BTreeSet<Object> {
    let oracle = Oracle::new(world, NOW);
    let servers = world.servers.iter().map(|one| (super::Kind::Server, one.meta.id()));
    let groups = world.groups.iter().map(|one| (super::Kind::Group, one.meta.id()));
    let bindings = world.bindings.iter().map(|one| (super::Kind::Binding, one.meta.id()));
    servers.chain(groups).chain(bindings).filter(|object| !oracle.faults().contains_key(object)).collect()
}

/// A world with something taken away, and what that was.
struct Narrowed {
    what: String,
    world: World,
    /// Whether a name or subject may have come free, which widens by design where another object claims it.
    frees: bool,
}

type ListOfEntry = fn(&mut Entry) -> &mut Option<Vec<String>>;
type FilterOfServer = fn(&mut Server) -> &mut Filter;

const LISTS_OF_ENTRIES: [(&str, ListOfEntry); 3] = [
    ("tools", |entry| &mut entry.tools),
    ("prompts", |entry| &mut entry.prompts),
    ("resources", |entry| &mut entry.resources),
];
const FILTERS_OF_SERVERS: [(&str, FilterOfServer); 3] = [
    ("tools", |server| &mut server.tools),
    ("prompts", |server| &mut server.prompts),
    ("resources", |server| &mut server.resources),
];

/// Collects the worlds that one edit each makes of a world.
struct Edits<'w> {
    world: &'w World,
    made: Vec<Narrowed>,
}

impl Edits<'_> {
    fn add(&mut self, what: &str, frees: bool, edit: impl FnOnce(&mut World)) {
        let mut world = self.world.clone();
        edit(&mut world);
        self.made.push(Narrowed { what: what.to_owned(), world, frees });
    }

    /// Deletes or corrupts each object.
    fn objects(&mut self) {
        for at in 0..self.world.servers.len() {
            self.add(&format!("server {at} deleted"), true, |world| drop(world.servers.remove(at)));
            self.add(&format!("server {at} corrupt"), true, |world| {
                world.servers[at].meta.flaw = Some(Flaw::UnknownField);
            });
        }
        for at in 0..self.world.groups.len() {
            self.add(&format!("group {at} deleted"), true, |world| drop(world.groups.remove(at)));
            self.add(&format!("group {at} corrupt"), true, |world| {
                world.groups[at].meta.flaw = Some(Flaw::UnknownField);
            });
        }
        for at in 0..self.world.secrets.len() {
            self.add(&format!("secret {at} deleted"), true, |world| drop(world.secrets.remove(at)));
            self.add(&format!("secret {at} unlabelled"), true, |world| world.secrets[at].labelled = false);
        }
        for name in self.world.namespaces.keys() {
            self.add(&format!("namespace {name} deleted"), false, |world| drop(world.namespaces.remove(name)));
        }
    }

    /// Deletes, corrupts, suspends or expires each binding, or a key of it.
    fn bindings(&mut self) {
        for (at, binding) in self.world.bindings.iter().enumerate() {
            self.add(&format!("binding {at} deleted"), true, |world| drop(world.bindings.remove(at)));
            self.add(&format!("binding {at} corrupt"), true, |world| {
                world.bindings[at].meta.flaw = Some(Flaw::UnknownField);
            });
            self.add(&format!("binding {at} suspended"), false, |world| world.bindings[at].suspend = true);
            self.add(&format!("binding {at} expired"), false, |world| world.bindings[at].expires = Some(NOW));
            self.add(&format!("joinFrom of binding {at}"), false, |world| world.bindings[at].join_from = None);
            if let Subject::Key(keys) = &binding.subject {
                for key in 0..keys.len() {
                    self.add(&format!("key {key} of binding {at} expired"), false, |world| {
                        if let Subject::Key(keys) = &mut world.bindings[at].subject {
                            keys[key].expires = Some(NOW);
                        }
                    });
                }
            }
        }
    }

    /// Removes each entry of grants and groups, and each server's joining.
    fn entries(&mut self) {
        for (at, binding) in self.world.bindings.iter().enumerate() {
            let Some(grants) = &binding.grants else { continue };
            for (index, entry) in grants.servers.iter().enumerate() {
                let servers = |world: &mut World, edit: &dyn Fn(&mut Vec<Entry>)| {
                    world.bindings[at].grants.iter_mut().for_each(|grants| edit(&mut grants.servers));
                };
                let what = format!("server {index} of binding {at}");
                self.entry(&what, (index, entry), servers);
            }
            for index in 0..grants.access_groups.len() {
                self.add(&format!("group {index} of binding {at}"), false, |world| {
                    world.bindings[at].grants.iter_mut().for_each(|grants| drop(grants.access_groups.remove(index)));
                });
            }
        }
        for (at, group) in self.world.groups.iter().enumerate() {
            for (index, entry) in group.servers.iter().enumerate() {
                let servers = |world: &mut World, edit: &dyn Fn(&mut Vec<Entry>)| edit(&mut world.groups[at].servers);
                self.entry(&format!("server {index} of group {at}"), (index, entry), servers);
            }
            self.add(&format!("selector of group {at}"), false, |world| world.groups[at].selector = None);
            self.add(&format!("joinFrom of group {at}"), false, |world| world.groups[at].join_from = None);
            self.add(&format!("consent of group {at}"), false, |world| world.groups[at].allowed_namespaces = None);
        }
    }

    /// Removes one entry of a list of servers, and each of its globs.
    fn entry(
        &mut self,
        what: &str,
        (index, entry): (usize, &Entry),
        servers: impl Fn(&mut World, &dyn Fn(&mut Vec<Entry>)),
    ) {
        self.add(what, false, |world| servers(world, &|entries| drop(entries.remove(index))));
        for (kind, list) in LISTS_OF_ENTRIES {
            for glob in 0..list(&mut entry.clone()).as_ref().map_or(0, Vec::len) {
                self.add(&format!("{kind} {glob} of {what}"), false, |world| {
                    servers(world, &|entries| {
                        if let Some(globs) = list(&mut entries[index]) {
                            globs.remove(glob);
                        }
                    });
                });
            }
        }
    }

    /// Removes each entry of allow lists and accessGroups, and consents of servers.
    fn servers(&mut self) {
        for (at, server) in self.world.servers.iter().enumerate() {
            for (kind, filter) in FILTERS_OF_SERVERS {
                for glob in 0..filter(&mut server.clone()).allow.as_ref().map_or(0, Vec::len) {
                    self.add(&format!("{kind} allow {glob} of server {at}"), false, |world| {
                        filter(&mut world.servers[at]).allow.iter_mut().for_each(|allow| drop(allow.remove(glob)));
                    });
                }
            }
            for group in 0..server.access_groups.len() {
                self.add(&format!("accessGroup {group} of server {at}"), false, |world| {
                    world.servers[at].access_groups.remove(group);
                });
            }
            self.add(&format!("consent of server {at}"), false, |world| world.servers[at].allowed_namespaces = None);
            self.add(&format!("AllKeys of server {at}"), false, |world| world.servers[at].all_keys = false);
        }
    }
}

fn narrowed(world: &World) -> Vec<Narrowed> {
    let mut edits = Edits { world, made: Vec::new() };
    edits.objects();
    edits.bindings();
    edits.entries();
    edits.servers();
    edits.made
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taking_away_never_permits_more(world in worlds()) {
        let credentials = credentials(&world);
        let before = permitted(&world, &credentials);
        let standing = accepted(&world);
        for narrowed in narrowed(&world) {
            let risen = accepted(&narrowed.world).difference(&standing).count() > 0;
            prop_assert!(narrowed.frees || !risen, "{} lets an object rise", narrowed.what);
            if risen {
                // Widening by design: the holder of a name or subject that another object claims is gone.
                continue;
            }
            let oracle = Oracle::new(&narrowed.world, NOW);
            let of_before = Oracle::new(&world, NOW);
            for (credential, after) in permitted(&narrowed.world, &credentials) {
                if let Credential::Token(token) = &credential
                    && of_before.exact(token).is_some()
                    && oracle.exact(token).is_none()
                {
                    // Widening by design: who has no exact binding any more falls back to Claims.
                    continue;
                }
                prop_assert!(after.is_subset(&before[&credential]), "{} widens {credential:?}", narrowed.what);
            }
        }
    }

    #[test]
    fn an_unrelated_object_permits_nothing_more(world in worlds()) {
        let credentials = credentials(&world);
        let before = permitted(&world, &credentials);
        let mut more = world.clone();
        more.servers.extend(unrelated(&world));
        more.namespaces.insert("elsewhere".to_owned(), Labels::from([("team".to_owned(), "blue".to_owned())]));
        prop_assert_eq!(permitted(&more, &credentials), before);
    }

    #[test]
    fn order_changes_nothing(world in worlds(), seed in proptest::num::u64::ANY) {
        let mut shuffled = world.clone();
        let turn = |length: usize| usize::try_from(seed % length.max(1) as u64).unwrap();
        shuffled.servers.reverse();
        shuffled.groups.reverse();
        shuffled.bindings.reverse();
        shuffled.bindings.rotate_left(turn(world.bindings.len()));
        shuffled.servers.rotate_left(turn(world.servers.len()));
        let credentials = credentials(&world);
        prop_assert_eq!(permitted(&shuffled, &credentials), permitted(&world, &credentials));
        let (one, other) = (Oracle::new(&world, NOW), Oracle::new(&shuffled, NOW));
        prop_assert_eq!(one.faults(), other.faults());
        prop_assert_eq!(one.voids(), other.voids());
        prop_assert_eq!(one.holders(), other.holders());
    }

    #[test]
    fn what_is_listed_can_be_called_and_words_never_leave_more(world in worlds()) {
        let oracle = Oracle::new(&world, NOW);
        let words = world.words();
        for credential in credentials(&world) {
            let Identity::Bindings(ids) = oracle.identify(&credential) else { continue };
            let usable = oracle.united(&ids);
            for (name, pair) in oracle.list(&ids, &[]) {
                prop_assert!(oracle.may(&credential, &pair.0, Item::Tool(pair.1.clone())));
                prop_assert_eq!(oracle.call(&ids, &[], &name), Some(pair));
            }
            for word in &words {
                prop_assert!(oracle.word(&ids, word).is_subset(&usable));
                for (name, pair) in oracle.list(&ids, &[word]) {
                    prop_assert_eq!(oracle.call(&ids, &[word], &name), Some(pair));
                }
            }
            prop_assert!(oracle.word(&ids, "nobody_knows").is_empty());
        }
    }
}

/// A server of a name and namespace that nobody else has, granted to nobody.
fn unrelated(world: &World) -> Option<Server> {
    let mut server = world.servers.first()?.clone();
    server.meta.namespace = "elsewhere".to_owned();
    server.meta.name = "unrelated".to_owned();
    server.meta.flaw = None;
    server.alias = None;
    server.prefix = None;
    server.transport = Transport::Http { url_from: None, bearer_from: None };
    server.all_keys = true;
    server.allowed_namespaces = None;
    server.access_groups = vec![Reference { name: "nowhere".to_owned(), namespace: String::new() }];
    Some(server)
}
