//! That random worlds hold what the access rule is about, each thing in at
//! least one world of twenty (R85): a property test on worlds without it would
//! pass for nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Binding, Entry, Filter, Flaw, Id, KeySource, NOW, Operator, Reference, Server, Subject, Term, Transport, World,
};
use crate::oracle::{Credential, Identity, Item, Kind, Oracle, Reason, tokens};

const SEEDS: u64 = 2000;

#[test]
fn every_feature_is_in_five_percent_of_worlds() {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let world = World::random(seed);
        let oracle = Oracle::new(&world, NOW);
        let of_objects = Seen::new(&world, &oracle).objects();
        let of_callers = Seen::new(&world, &oracle).callers();
        for (name, found) in of_objects.into_iter().chain(of_callers) {
            *counts.entry(name).or_default() += u64::from(found);
        }
    }
    let seldom: BTreeMap<_, _> = counts.iter().filter(|(_, count)| **count * 20 < SEEDS).collect();
    assert!(seldom.is_empty(), "in less than 5 % of {SEEDS} worlds: {seldom:?}");
    assert_eq!(counts.len(), 63);
}

#[test]
fn worlds_are_small_and_settle_by_seed() {
    for seed in 0..SEEDS {
        let world = World::random(seed);
        assert_eq!(world, World::random(seed));
        assert!((1..=6).contains(&world.servers.len()));
        assert!(world.groups.len() <= 4);
        assert!((1..=10).contains(&world.bindings.len()));
        assert!((3..=6).contains(&world.tools.len()));
        assert!((3..=5).contains(&world.prompts.len()) && (4..=8).contains(&world.resources.len()));
    }
}

/// A world as the features look at it.
struct Seen<'w> {
    world: &'w World,
    oracle: &'w Oracle<'w>,
}

impl<'w> Seen<'w> {
    fn new(world: &'w World, oracle: &'w Oracle<'w>) -> Self {
        Self { world, oracle }
    }

    fn accepted(&self) -> impl Iterator<Item = &'w Binding> {
        let oracle = self.oracle;
        self.world.bindings.iter().filter(|one| !oracle.faults().contains_key(&(Kind::Binding, one.meta.id())))
    }

    fn fault(&self, kind: Kind, reason: Reason) -> bool {
        self.oracle.faults().iter().any(|((of, _), why)| *of == kind && *why == reason)
    }

    fn void(&self, kind: Kind, field: &str, reason: Reason) -> bool {
        self.oracle.voids().iter().any(|void| void.object.0 == kind && void.field == field && void.reason == reason)
    }

    /// Whether an accepted binding's parent reference, of any kind, leads to a live or dead holder or to nothing.
    fn dangling(&self) -> bool {
        let holds = |subject: &Subject| self.accepted().any(|one| one.subject == *subject);
        self.accepted().any(|binding| named(binding).iter().any(|subject| !holds(subject)))
    }

    fn dead_parent(&self, dead: impl Fn(&Binding) -> bool) -> bool {
        let dead = |subject: &Subject| self.accepted().any(|one| one.subject == *subject && dead(one));
        self.accepted().any(|binding| named(binding).iter().any(dead))
    }

    /// Whether a conflict is between a server and a group: their default names are enough to look at.
    fn server_against_group(&self) -> bool {
        let plain = |name: &str| name.to_lowercase().replace(['-', '_', '.', ' '], "");
        let lost = |kind, id| self.oracle.faults().get(&(kind, id)) == Some(&Reason::NameConflict);
        self.world.servers.iter().any(|server| {
            let alias = plain(server.alias.as_ref().unwrap_or(&server.meta.name));
            self.world.groups.iter().any(|group| {
                plain(group.group_name.as_ref().unwrap_or(&group.meta.name)) == alias
                    && lost(Kind::Server, server.meta.id()) != lost(Kind::Group, group.meta.id())
            })
        })
    }

    /// A key with a user with a team with an organization, all accepted.
    fn chain(&self) -> bool {
        let holder = |subject: Option<Subject>| self.accepted().find(|one| subject.as_ref() == Some(&one.subject));
        self.accepted().filter(|one| matches!(one.subject, Subject::Key(_))).any(|key| {
            holder(key.user.clone().map(Subject::User))
                .and_then(|user| holder(user.team.clone().map(Subject::Team)))
                .is_some_and(|team| holder(team.organization.clone().map(Subject::Organization)).is_some())
        })
    }

    /// A reference of an accepted binding to a server of another namespace that the reference can, or cannot, have.
    fn crossing(&self, void: bool) -> bool {
        let voids = self.oracle.voids();
        self.accepted().any(|binding| {
            let servers = binding.grants.iter().flat_map(|grants| &grants.servers).enumerate();
            let object = (Kind::Binding, binding.meta.id());
            servers.into_iter().any(|(index, entry)| {
                crosses(&binding.meta.namespace, &entry.server)
                    && self.world.servers.iter().any(|server| server.meta.id() == id_of(&entry.server))
                    && void == voids.iter().any(|v| v.object == object && v.field == "servers" && v.index == index)
            })
        })
    }

    /// Whether a selector in somebody's consent has such a term, while a namespace has no object.
    fn negative_consent(&self) -> bool {
        let consents = self.world.servers.iter().map(|one| &one.allowed_namespaces);
        let consents =
            consents.chain(self.world.groups.iter().flat_map(|one| [&one.join_from, &one.allowed_namespaces]));
        let consents = consents.chain(self.world.bindings.iter().map(|one| &one.join_from));
        let terms = consents.flatten().filter_map(|consent| consent.selector.as_ref()).flat_map(|one| &one.terms);
        let negative = |term: &Term| matches!(term.operator, Operator::NotIn | Operator::DoesNotExist);
        let bare = self.world.servers.iter().any(|one| !self.world.namespaces.contains_key(&one.meta.namespace));
        bare && terms.flatten().any(negative)
    }

    fn objects(&self) -> Vec<(&'static str, bool)> {
        let world = self.world;
        let alive = |server: &&Server| !self.oracle.faults().contains_key(&(Kind::Server, server.meta.id()));
        let running = || world.servers.iter().filter(alive);
        let in_entries = |list: fn(&Entry) -> &Option<Vec<String>>, empty: bool| {
            let entries = self.accepted().flat_map(|one| &one.grants).flat_map(|one| &one.servers);
            entries
                .chain(world.groups.iter().flat_map(|one| &one.servers))
                .any(|entry| list(entry).as_ref().is_some_and(|globs| globs.is_empty() == empty))
        };
        let keys =
            || self.accepted().filter_map(|one| if let Subject::Key(keys) = &one.subject { Some(keys) } else { None });
        vec![
            ("dangling parent", self.dangling()),
            ("empty grants", self.accepted().any(|one| one.grants == Some(super::Grants::default()))),
            ("absent grants", self.accepted().any(|one| one.grants.is_none())),
            ("crossing with consent", self.crossing(false)),
            ("crossing without consent", self.crossing(true)),
            ("AllKeys", running().any(|server| server.all_keys)),
            ("Bare", running().any(|server| server.bare)),
            ("stdio", running().any(|server| matches!(server.transport, Transport::Stdio { .. }))),
            ("name conflict of servers", self.fault(Kind::Server, Reason::NameConflict)),
            ("name conflict of groups", self.fault(Kind::Group, Reason::NameConflict)),
            ("duplicate subject", self.duplicate(false)),
            ("duplicate key", self.duplicate(true)),
            ("suspended parent", self.dead_parent(|one| one.suspend)),
            ("expired parent", self.dead_parent(|one| one.expires.is_some_and(|at| at <= NOW))),
            ("chain of three", self.chain()),
            (
                "organizationOf",
                self.accepted().any(|one| world.settings.organization_of.contains_key(&one.meta.namespace)),
            ),
            ("tied to nothing", self.void(Kind::Binding, "organizationOf", Reason::ParentDead)),
            ("server against group", self.server_against_group()),
            ("negative consent", self.negative_consent()),
            ("reserved name", self.fault(Kind::Server, Reason::ReservedName)),
            ("too long name", self.fault(Kind::Server, Reason::NameTooLong)),
            ("BareNotAllowed", self.fault(Kind::Server, Reason::BareNotAllowed)),
            ("StdioNotAllowed", self.fault(Kind::Server, Reason::StdioNotAllowed)),
            ("NotAPlatformNamespace", self.fault(Kind::Binding, Reason::NotAPlatformNamespace)),
            ("invalid server", self.fault(Kind::Server, Reason::Invalid)),
            ("invalid group", self.fault(Kind::Group, Reason::Invalid)),
            ("invalid binding", self.fault(Kind::Binding, Reason::Invalid)),
            ("schema flaw", world.servers.iter().any(|one| one.meta.flaw.is_some_and(|flaw| flaw != Flaw::EmptyTerms))),
            ("empty tools", in_entries(|entry| &entry.tools, true)),
            ("some tools", in_entries(|entry| &entry.tools, false)),
            ("empty prompts", in_entries(|entry| &entry.prompts, true)),
            ("some prompts", in_entries(|entry| &entry.prompts, false)),
            ("empty resources", in_entries(|entry| &entry.resources, true)),
            ("some resources", in_entries(|entry| &entry.resources, false)),
            ("deny wins", running().any(|server| denied(&server.tools))),
            ("deny of prompts wins", running().any(|server| denied(&server.prompts))),
            ("deny of resources wins", running().any(|server| denied(&server.resources))),
            ("no prompt allowed", running().any(|server| server.prompts.allow == Some(Vec::new()))),
            ("no resource allowed", running().any(|server| server.resources.allow == Some(Vec::new()))),
            ("Anonymous", self.accepted().any(|one| one.subject == Subject::Anonymous)),
            ("expired key", keys().flatten().any(|key| key.expires.is_some_and(|at| at <= NOW))),
            ("key from Secret", keys().flatten().any(|key| matches!(key.source, KeySource::Secret(_)))),
            ("unusable Secret of a key", self.void(Kind::Binding, "keys", Reason::SecretNotUsable)),
            ("unusable Secret of a server", self.void(Kind::Server, "secret", Reason::SecretNotUsable)),
            ("group not found", self.void(Kind::Binding, "accessGroups", Reason::NotFound)),
            ("joining not permitted", self.void(Kind::Server, "accessGroups", Reason::NotPermitted)),
        ]
    }

    /// Whether a binding lost its subject, a key or another.
    fn duplicate(&self, key: bool) -> bool {
        self.world.bindings.iter().any(|one| {
            let fault = self.oracle.faults().get(&(Kind::Binding, one.meta.id()));
            fault == Some(&Reason::DuplicateSubject) && key == matches!(one.subject, Subject::Key(_))
        })
    }

    /// Whether of some server the caller may use such items and no tool.
    fn only(&self, id: &Id, wanted: fn(&Item) -> bool) -> bool {
        let usable = self.oracle.usable(id);
        let tool = |of: &Id| usable.iter().any(|(server, item)| server == of && matches!(item, Item::Tool(_)));
        usable.iter().any(|(server, item)| wanted(item) && !tool(server))
    }

    /// URIs of some server that the caller may use, with how many there are in all.
    fn part_of_resources(&self, id: &Id) -> bool {
        let usable = self.oracle.usable(id);
        self.world.servers.iter().any(|server| {
            let has = |uri: &&String| usable.contains(&(server.meta.id(), Item::Resource((*uri).clone())));
            let count = self.world.resources.iter().filter(has).count();
            count > 0 && count < self.world.resources.len()
        })
    }

    /// Whether a URI with dot segments is permitted, or not while others of its server are.
    fn dotted(&self, id: &Id, permitted: bool) -> bool {
        let usable = self.oracle.usable(id);
        let dotted = self.world.resources.iter().filter(|uri| uri.contains("..") && !uri.contains("..hidden"));
        dotted.into_iter().any(|uri| {
            self.world.servers.iter().any(|server| {
                let others =
                    usable.iter().any(|(of, item)| *of == server.meta.id() && matches!(item, Item::Resource(_)));
                others && permitted == usable.contains(&(server.meta.id(), Item::Resource(uri.clone())))
            })
        })
    }

    fn callers(&self) -> Vec<(&'static str, bool)> {
        let keys: Vec<_> = self.world.keys().into_iter().map(Credential::Key).collect();
        let known = keys.iter().flat_map(|key| match self.oracle.identify(key) {
            Identity::Bindings(ids) => ids,
            Identity::Unauthorized => BTreeSet::new(),
        });
        let known: Vec<Id> = known.collect();
        let binding = |id: &Id| self.accepted().find(|one| one.meta.id() == *id);
        let of_tokens: Vec<Identity> =
            tokens(self.world).into_iter().map(|token| self.oracle.identify(&Credential::Token(token))).collect();
        let by_token = |wanted: fn(&Subject) -> bool| {
            let is_wanted = |id: &Id| binding(id).is_some_and(|one| wanted(&one.subject));
            let of_wanted = |ids: &BTreeSet<Id>| ids.iter().any(is_wanted) && !self.oracle.united(ids).is_empty();
            of_tokens.iter().any(|identity| matches!(identity, Identity::Bindings(ids) if of_wanted(ids)))
        };
        let inherits = |id: &Id| binding(id).is_some_and(|one| one.grants.is_none() && !named(one).is_empty());
        let limited = |id: &Id| binding(id).is_some_and(|one| one.grants.is_some() && !named(one).is_empty());
        let words = self.world.words();
        let holders = self.oracle.holders();
        let suspended = self.accepted().any(|one| one.suspend && matches!(one.subject, Subject::Key(_)));
        vec![
            ("suspended caller", suspended),
            ("caller with something", known.iter().any(|id| !self.oracle.usable(id).is_empty())),
            ("inherited", known.iter().any(|id| inherits(id) && !self.oracle.usable(id).is_empty())),
            ("cut by parents", known.iter().any(|id| limited(id) && !self.oracle.usable(id).is_empty())),
            (
                "word leaves something",
                known
                    .iter()
                    .any(|id| words.iter().any(|word| !self.oracle.word(&[id.clone()].into(), word).is_empty())),
            ),
            ("shortened name", holders.keys().any(|name| is_short(name))),
            ("shared published name", !self.oracle.hidden().is_empty()),
            (
                "caller with prompts and no tools",
                known.iter().any(|id| self.only(id, |item| matches!(item, Item::Prompt(_)))),
            ),
            (
                "caller with resources and no tools",
                known.iter().any(|id| self.only(id, |item| matches!(item, Item::Resource(_)))),
            ),
            ("caller with a part of the resources", known.iter().any(|id| self.part_of_resources(id))),
            ("dotted URI that is permitted", known.iter().any(|id| self.dotted(id, true))),
            ("dotted URI that is not, of a server with others", known.iter().any(|id| self.dotted(id, false))),
            ("user by token", by_token(|subject| matches!(subject, Subject::User(_)))),
            ("service account by token", by_token(|subject| matches!(subject, Subject::ServiceAccount(_)))),
            ("claims by token", by_token(|subject| matches!(subject, Subject::Claims(_)))),
            (
                "several claims bindings",
                of_tokens.iter().any(|one| matches!(one, Identity::Bindings(ids) if ids.len() > 1)),
            ),
            ("Anonymous with something", !self.oracle.permitted(&Credential::None).is_empty()),
        ]
    }
}

/// Whether a published name ends in `_` and 8 hex digits.
fn is_short(name: &str) -> bool {
    name.rsplit_once('_')
        .is_some_and(|(_, hash)| hash.len() == 8 && hash.chars().all(|digit| digit.is_ascii_hexdigit()))
}

/// Whether something is allowed and denied by the same words.
fn denied(filter: &Filter) -> bool {
    let both = |allow: &Vec<String>| filter.deny.iter().flatten().any(|glob| allow.contains(glob) || glob == "*");
    filter.allow.as_ref().is_some_and(both)
}

fn named(binding: &Binding) -> Vec<Subject> {
    let user = binding.user.clone().map(Subject::User);
    let team = binding.team.clone().map(Subject::Team);
    let organization = binding.organization.clone().map(Subject::Organization);
    [user, team, organization].into_iter().flatten().collect()
}

fn crosses(own: &str, reference: &Reference) -> bool {
    !reference.namespace.is_empty() && reference.namespace != own
}

fn id_of(reference: &Reference) -> Id {
    Id::new(&reference.namespace, &reference.name)
}
