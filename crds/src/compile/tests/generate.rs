//! Small worlds of objects from a string of bytes, and who may use what in them. Zeros give the plainest world, so
//! that a failing case shrinks towards it.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::compile::{Compiled, Scope};
use crate::diagnostic::ObjectKey;
use crate::resources::Resources;
use crate::snapshot::Item;
use crate::v1alpha1::{
    Access, AccessGroupMember, Auth, AuthType, Claim, From, Grants, Header, Http, Key, McpAccessGroup,
    McpAccessGroupSpec, McpKeyBinding, McpKeyBindingSpec, McpServer, McpServerSpec, NamespaceConsent,
    OAuth2ClientCredentials, ObjectRef, PromptFilter, ResourceFilter, SecretKeyRef, Selector, SelectorOperator,
    SelectorTerm, ServerGrant, ServiceAccountRef, Subject, SubjectType, ToolFilter, Value, ValueSource,
};

/// When the properties look.
pub(super) const NOW: i64 = 1000;
/// Stands in every value that must not show.
pub(super) const MARK: &str = "5ecre7";
/// Tools, prompts and resources that every server has; lists of one kind would match names of the others.
const ITEMS: [Item; 10] = [
    Item::Tool("get"),
    Item::Tool("get_x"),
    Item::Tool("set"),
    Item::Tool("y"),
    Item::Prompt("get"),
    Item::Prompt("y"),
    Item::Resource("get"),
    Item::Resource("x:/get"),
    Item::Resource("x:/y/../get"),
    Item::Resource("x:/{y}"),
];

const NAMESPACES: [&str; 4] = ["p", "a", "b", "lone"];
/// Where objects are put.
const PLACES: [&str; 7] = ["p", "p", "p", "a", "a", "b", "lone"];

/// A caller, a server, an item.
pub(super) type Permit = (String, String, Item<'static>);

/// Choices, one byte each; zeros once they run out.
pub(super) struct Dice<'b>(pub(super) std::slice::Iter<'b, u8>);

impl Dice<'_> {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        usize::from(*self.0.next().unwrap_or(&0)) % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == sides - 1
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.roll(from.len())]
    }

    fn maybe<T>(&mut self, sides: usize, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(sides).then(|| make(self))
    }

    fn several<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.roll(most + 1)).map(|_| make(self)).collect()
    }
}

/// A world, and where it stands.
pub(crate) fn world(bytes: &[u8]) -> (Resources, Scope) {
    let mut dice = Dice(bytes.iter());
    let dice = &mut dice;
    let mut resources = Resources::default();
    for namespace in &NAMESPACES[..3] {
        let labels = dice.maybe(2, |dice| ("tier".to_owned(), dice.pick(&["gold", "tin"]).to_owned()));
        resources.namespaces.insert((*namespace).to_owned(), labels.into_iter().collect());
    }
    resources.settings.organization_of =
        dice.maybe(5, |dice| BTreeMap::from([(dice.pick(&NAMESPACES).to_owned(), "acme".to_owned())]));
    for namespace in NAMESPACES {
        let values = [("token", format!("{MARK}-{namespace}")), ("key", format!("{MARK}-key-{}", dice.roll(6)))];
        let values = values.map(|(name, value)| (name.to_owned(), value.into_bytes()));
        resources.secrets.insert(ObjectKey::new(namespace, "sec"), BTreeMap::from(values));
    }
    for name in &["s0", "s1", "s2", "s3", "s4"][..=dice.roll(5)] {
        let mut server = McpServer::new(name, server(dice));
        server.metadata.labels = dice.maybe(2, |_| BTreeMap::from([("join".to_owned(), "yes".to_owned())]));
        // One server stands where most references look.
        let namespace = if *name == "s0" { "p" } else { dice.pick(&PLACES) };
        resources.servers.insert(ObjectKey::new(namespace, *name), server);
    }
    for name in &["g0", "g1", "g2"][..dice.roll(4)] {
        let key = ObjectKey::new(dice.pick(&PLACES), *name);
        resources.groups.insert(key, McpAccessGroup::new(name, group(dice)));
    }
    for type_ in [SubjectType::Organization, SubjectType::Team, SubjectType::User] {
        if dice.roll(4) < 3 {
            let name = format!("{type_:?}").to_lowercase();
            let binding = McpKeyBinding::new(&name, binding(type_, dice));
            resources.bindings.insert(ObjectKey::new("p", name), binding);
        }
    }
    for number in 0..5 + dice.roll(7) {
        let type_ = match dice.roll(12) {
            6 => SubjectType::Team,
            7 => SubjectType::Organization,
            8 => SubjectType::User,
            9 => SubjectType::Anonymous,
            10 => SubjectType::ServiceAccount,
            11 => SubjectType::Claims,
            _ => SubjectType::Key,
        };
        let name = format!("b{number}");
        let binding = McpKeyBinding::new(&name, binding(type_, dice));
        resources.bindings.insert(ObjectKey::new(dice.pick(&PLACES), name), binding);
    }
    let local = dice.one_in(3);
    (resources, if local { Scope::Local } else { Scope::Cluster { namespace: "p".to_owned() } })
}

fn server(dice: &mut Dice) -> McpServerSpec {
    let token = |dice: &mut Dice| Auth {
        type_: AuthType::Bearer,
        bearer: Some(Value { value: None, value_from: Some(source(dice.pick(&["token", "missing"]))) }),
        ..Auth::default()
    };
    let fetched = |dice: &mut Dice| Auth {
        type_: AuthType::OAuth2ClientCredentials,
        oauth2_client_credentials: Some(OAuth2ClientCredentials {
            token_url: format!("http://issuer/{MARK}"),
            client_id: Value { value: Some(format!("{MARK}-id")), value_from: None },
            client_secret: Value { value: None, value_from: Some(source(dice.pick(&["token", "missing"]))) },
            ..OAuth2ClientCredentials::default()
        }),
        ..Auth::default()
    };
    let header = Header { name: "x-h".to_owned(), value: Some(format!("{MARK}-inline")), value_from: None };
    McpServerSpec {
        alias: dice.maybe(5, |dice| dice.pick(&["s0", "shared", "g0"]).to_owned()),
        http: Some(Http {
            url: Some(format!("http://host/{MARK}?{MARK}")),
            headers: Some(vec![header]),
            ..Http::default()
        }),
        auth: dice.maybe(3, |dice| if dice.one_in(3) { fetched(dice) } else { token(dice) }),
        tools: dice.maybe(4, |dice| ToolFilter { allow: dice.maybe(2, globs), deny: dice.maybe(2, globs) }),
        prompts: dice.maybe(4, |dice| PromptFilter { allow: dice.maybe(2, globs), deny: dice.maybe(2, globs) }),
        resources: dice.maybe(4, |dice| ResourceFilter {
            allow: dice.maybe(2, globs),
            deny: dice.maybe(2, globs),
            uri_prefix: dice.maybe(2, |_| "docs+".to_owned()),
        }),
        access: if dice.one_in(4) { Access::AllKeys } else { Access::Granted },
        access_groups: dice.maybe(3, |dice| dice.several(2, |dice| reference(dice, &["g0", "g1", "g2"]))),
        allowed_namespaces: consent(dice),
        ..McpServerSpec::default()
    }
}

fn group(dice: &mut Dice) -> McpAccessGroupSpec {
    let member = |dice: &mut Dice| {
        let ObjectRef { name, namespace } = reference(dice, &["s0", "s0", "s1", "s1", "s2", "s3", "s4"]);
        AccessGroupMember {
            name,
            namespace,
            tools: dice.maybe(3, globs),
            prompts: dice.maybe(4, globs),
            resources: dice.maybe(4, globs),
        }
    };
    McpAccessGroupSpec {
        group_name: dice.maybe(8, |dice| dice.pick(&["s1", "shared"]).to_owned()),
        servers: dice.maybe(2, |dice| dice.several(3, member)),
        selector: dice.maybe(3, |dice| match dice.roll(2) {
            0 => Selector { match_labels: Some(labels("join", "yes")), match_expressions: None },
            _ => expression("join", SelectorOperator::DoesNotExist, &[]),
        }),
        join_from: consent(dice),
        allowed_namespaces: consent(dice),
    }
}

fn binding(type_: SubjectType, dice: &mut Dice) -> McpKeyBindingSpec {
    let subject = subject(type_, dice);
    let parents = match type_ {
        SubjectType::Key => 3,
        SubjectType::User | SubjectType::ServiceAccount | SubjectType::Claims => 2,
        SubjectType::Team => 1,
        SubjectType::Organization | SubjectType::Anonymous => 0,
    };
    let mut parent = |least: usize, names: &[&str]| {
        let named = dice.maybe(5, |dice| dice.pick(names).to_owned());
        if parents >= least { named } else { None }
    };
    let (user, team) = (parent(3, &["u0", "u0", "u0", "u1"]), parent(2, &["t0", "t0", "t0", "t1"]));
    let organization = parent(1, &["acme", "acme", "acme", "other"]);
    let entry = |dice: &mut Dice| {
        let ObjectRef { name, namespace } = reference(dice, &["s0", "s0", "s1", "s1", "s2", "s3", "s4"]);
        ServerGrant {
            name,
            namespace,
            tools: dice.maybe(3, globs),
            prompts: dice.maybe(4, globs),
            resources: dice.maybe(4, globs),
        }
    };
    let grants = (!dice.one_in(4)).then(|| Grants {
        servers: Some(dice.several(4, entry)),
        access_groups: dice.maybe(2, |dice| dice.several(2, |dice| reference(dice, &["g0", "g1", "g2"]))),
    });
    McpKeyBindingSpec {
        subject,
        user,
        team,
        organization,
        grants,
        join_from: consent(dice),
        expiration_time: dice.maybe(8, expiry),
        suspend: dice.maybe(10, |_| true),
    }
}

fn subject(type_: SubjectType, dice: &mut Dice) -> Subject {
    let key = |dice: &mut Dice, name: &str| {
        let value_from = dice.maybe(4, |dice| source(dice.pick(&["key", "missing"])));
        let sha256 =
            value_from.is_none().then(|| format!("{:x}", Sha256::digest(format!("{MARK}-key-{}", dice.roll(24)))));
        Key { name: name.to_owned(), sha256, value_from, expiration_time: dice.maybe(8, expiry) }
    };
    let name =
        |dice: &mut Dice, wanted: SubjectType, names: &[&str]| (type_ == wanted).then(|| dice.pick(names).to_owned());
    Subject {
        type_,
        keys: (type_ == SubjectType::Key).then(|| {
            let first = key(dice, "one");
            std::iter::once(first).chain(dice.maybe(4, |dice| key(dice, "two"))).collect()
        }),
        team: name(dice, SubjectType::Team, &["t0", "t0", "t0", "t1"]),
        organization: name(dice, SubjectType::Organization, &["acme", "acme", "acme", "other"]),
        user: name(dice, SubjectType::User, &["u0", "u0", "u0", "u1"]),
        service_account: (type_ == SubjectType::ServiceAccount).then(|| ServiceAccountRef {
            name: dice.pick(&["runner", "builder"]).to_owned(),
            namespace: dice.pick(&["", "", "p", "a"]).to_owned(),
        }),
        claims: (type_ == SubjectType::Claims).then(|| {
            let value = dice.pick(&["blue", "red"]).to_owned();
            vec![Claim { claim: dice.pick(&["role", "groups"]).to_owned(), values: vec![value] }]
        }),
    }
}

fn expiry(dice: &mut Dice) -> Time {
    Time(Timestamp::from_second([NOW + 500, NOW, NOW - 500][dice.roll(3)]).unwrap())
}

fn consent(dice: &mut Dice) -> Option<NamespaceConsent> {
    let selector = |dice: &mut Dice| match dice.roll(4) {
        0 => Selector { match_labels: Some(labels("tier", "gold")), match_expressions: None },
        1 | 2 => expression("tier", SelectorOperator::NotIn, &["tin"]),
        _ => expression("kubernetes.io/metadata.name", SelectorOperator::In, &["lone", "a"]),
    };
    match dice.roll(6) {
        0..=2 => Some(NamespaceConsent { from: From::All, selector: None }),
        3 => None,
        _ => Some(NamespaceConsent { from: From::Selector, selector: Some(selector(dice)) }),
    }
}

fn globs(dice: &mut Dice) -> Vec<String> {
    dice.several(3, |dice| dice.pick(&["get", "set", "get*", "?et", "y", "*", "x:*", "x:/{y}"]).to_owned())
}

fn reference(dice: &mut Dice, names: &[&str]) -> ObjectRef {
    ObjectRef { name: dice.pick(names).to_owned(), namespace: dice.pick(&["p", "", "p", "p", "a", "b"]).to_owned() }
}

fn source(key: &str) -> ValueSource {
    ValueSource { secret_key_ref: SecretKeyRef { name: "sec".to_owned(), key: key.to_owned() } }
}

fn labels(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

fn expression(key: &str, operator: SelectorOperator, values: &[&str]) -> Selector {
    let values = (!values.is_empty()).then(|| values.iter().map(ToString::to_string).collect());
    Selector {
        match_labels: None,
        match_expressions: Some(vec![SelectorTerm { key: key.to_owned(), operator, values }]),
    }
}

/// Who, by key, may use what at [`NOW`].
pub(super) fn permits(compiled: &Compiled) -> BTreeSet<Permit> {
    let snapshot = &compiled.snapshot;
    let keyed = snapshot.callers.iter().flat_map(|caller| {
        let known = caller.keys.iter().filter(|key| key.is_known(NOW));
        known.map(move |key| (key.digest.to_string(), caller))
    });
    let by_token = snapshot.callers.iter().filter_map(|caller| Some((format!("{:?}", caller.token.as_ref()?), caller)));
    let anonymous = snapshot.anonymous.iter().map(|caller| ("anonymous".to_owned(), caller));
    let mut permits = BTreeSet::new();
    for (who, caller) in keyed.chain(by_token).chain(anonymous) {
        for (server, at) in snapshot.servers.iter().zip(0..) {
            let allowed = ITEMS.into_iter().filter(|item| snapshot.allows(caller, NOW, at, *item));
            permits.extend(allowed.map(|item| (who.clone(), server.id.clone(), item)));
        }
    }
    permits
}
