//! Small dense random worlds. Few names, few namespaces and few moments, so
//! that objects meet: names collide, references cross, parents die. What chance
//! alone would make too seldom is planted on purpose (see `planted`).

use super::{Consent, Filter, From, Labels, Meta, Mode, Operator, Secret, Selector, Settings, Term, World};
use crate::world::Id;
use dice::Dice;

mod bindings;
mod dice;
mod groups;
mod planted;
mod servers;

/// The moment at which random worlds are to be looked at, Unix seconds: some of their expirations are just over.
pub const NOW: i64 = 1_780_000_000;

const NAMESPACES: [&str; 4] = ["default", "blue", "green", "plat"];

/// Names where globs bite, where `__` as separator makes two readings, and that are too long to publish.
const TOOLS: [&str; 12] = [
    "get",
    "Get",
    "get_time",
    "getTime",
    "send_email",
    "a__get",
    "b__get",
    "al-get",
    "et",
    "list",
    "a_very_long_name_of_a_tool_that_is_longer_than_most_clients_can_take",
    "übermäßig_langer_name_eines_werkzeugs_den_kaum_ein_client_nehmen_kann",
];

/// Some are names of tools too: a list of one kind says nothing of another.
const PROMPTS: [&str; 6] = ["get", "Get", "greet", "review_code", "send_email", "et"];

/// URIs that globs tell apart, a template, a URI that is no more than a name, and URIs that mean another than they say.
const RESOURCES: [&str; 10] = [
    "get",
    "file:///docs/a.md",
    "file:///docs/b.key",
    "file:///etc/passwd",
    "docs://ä?page=1",
    "file:///docs/{path}",
    "file:///docs/../etc/passwd",
    "file:///docs/%2E%2e%2fetc",
    "file:///docs\\..",
    "file:///docs/..hidden/...",
];

/// All kinds have these, so that a list of one kind could be taken for one of another.
const GLOBS: [&str; 11] = ["*", "get*", "*et", "get?ime", "get_time", "send_*", "?et", "*e*", "Get", "list", "nothing"];

const URI_GLOBS: [&str; 10] = [
    "*",
    "**",
    "file:///*",
    "file:///docs/*",
    "*.key",
    "*passwd",
    "get",
    "file:///docs/../etc/passwd",
    "file:///docs/?.md",
    "docs://*",
];

impl World {
    /// The world of this seed; always the same one.
    pub fn random(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let namespaces = dice.some_of(&NAMESPACES, 1, 4);
        let mode =
            if dice.chance(40) { Mode::Local } else { Mode::Cluster { namespace: dice.pick(&namespaces).clone() } };
        let tools = dice.some_of(&TOOLS, 3, 6);
        let mut world = World::empty(mode, &[]);
        world.tools = tools;
        world.prompts = dice.some_of(&PROMPTS, 3, 5);
        world.resources = dice.some_of(&RESOURCES, 5, 8);
        world.settings = settings(&mut dice, &namespaces);
        for namespace in &namespaces {
            if dice.chance(70) {
                world.namespaces.insert(namespace.clone(), labels(&mut dice));
            }
        }
        for namespace in &namespaces {
            if dice.chance(50) {
                world.secrets.push(secret(&mut dice, namespace));
            }
        }
        servers::add(&mut world, &mut dice, &namespaces);
        groups::add(&mut world, &mut dice, &namespaces);
        planted::add(&mut world, &mut dice, &namespaces);
        bindings::add(&mut world, &mut dice, &namespaces);
        dice.shuffle(&mut world.servers);
        dice.shuffle(&mut world.groups);
        dice.shuffle(&mut world.bindings);
        world
    }
}

fn settings(dice: &mut Dice, namespaces: &[String]) -> Settings {
    let mut settings = Settings::default();
    let some = |dice: &mut Dice, percent| dice.chance(percent).then(|| dice.some_of(namespaces, 1, 3));
    settings.platform_namespaces = some(dice, 30);
    settings.bare_namespaces = some(dice, 40);
    settings.stdio_namespaces = some(dice, 50);
    settings.stdio_commands = dice.chance(30).then(|| vec!["uvx".to_owned()]);
    settings.separator = dice.chance(40).then(|| dice.word(&["-", "__", "__"]));
    settings.max_tool_name_length = dice.chance(30).then(|| *dice.pick(&[20, 20, 24, 128]));
    if dice.chance(32) {
        let organization = dice.word(&["acme", "acme", "umbrella"]);
        settings.organization_of.insert(dice.pick(namespaces).clone(), organization);
    }
    settings
}

fn labels(dice: &mut Dice) -> Labels {
    let mut labels = Labels::new();
    if dice.chance(60) {
        labels.insert("team".to_owned(), dice.word(&["blue", "green"]));
    }
    if dice.chance(50) {
        labels.insert("tier".to_owned(), dice.word(&["dev", "prod"]));
    }
    labels
}

/// A Secret with an API key that other bindings may hold too, byte for byte or nearly, and with what servers need.
fn secret(dice: &mut Dice, namespace: &str) -> Secret {
    let mut data = Labels::new();
    data.insert("token".to_owned(), dice.word(&["sb-one", "sb-two", "sb-two\n", "sb-secret"]));
    data.insert("url".to_owned(), "http://secret.example/mcp".to_owned());
    data.insert("bearer".to_owned(), "upstream-secret".to_owned());
    Secret { id: Id::new(namespace, "shared"), labelled: dice.chance(60), data }
}

fn meta(dice: &mut Dice, namespaces: &[String], name: &str) -> Meta {
    let created = dice.chance(60).then(|| NOW - *dice.pick(&[100, 200, 200, 300]));
    Meta { namespace: dice.pick(namespaces).clone(), name: name.to_owned(), created, labels: labels(dice), flaw: None }
}

fn consent(dice: &mut Dice) -> Option<Consent> {
    match dice.below(10) {
        0..3 => None,
        3 => Some(Consent { from: From::Same, selector: None }),
        4..7 => Some(Consent { from: From::All, selector: None }),
        _ => Some(Consent { from: From::Selector, selector: Some(selector(dice)) }),
    }
}

fn selector(dice: &mut Dice) -> Selector {
    let both = dice.chance(20);
    let labels = (both || dice.chance(30)).then(|| {
        let (key, value) = *dice.pick(&[
            ("team", "blue"),
            ("team", "green"),
            ("tier", "dev"),
            ("kubernetes.io/metadata.name", "blue"),
            ("kubernetes.io/metadata.name", "default"),
        ]);
        Labels::from([(key.to_owned(), value.to_owned())])
    });
    let terms = (both || labels.is_none()).then(|| vec![term(dice)]);
    Selector { labels, terms }
}

fn term(dice: &mut Dice) -> Term {
    let operator =
        *dice.pick(&[Operator::In, Operator::NotIn, Operator::NotIn, Operator::Exists, Operator::DoesNotExist]);
    let (key, values) = *dice.pick(&[
        ("team", ["blue", "red"]),
        ("tier", ["prod", "test"]),
        ("kubernetes.io/metadata.name", ["green", "plat"]),
    ]);
    let values = match operator {
        Operator::In | Operator::NotIn => values.map(str::to_owned).to_vec(),
        Operator::Exists | Operator::DoesNotExist => Vec::new(),
    };
    Term { key: key.to_owned(), operator, values }
}

/// A list of globs as it stands in an entry: absent so many times of a hundred, else now and then empty, or a few.
fn globs(dice: &mut Dice, absent: usize, globs: &[&str]) -> Option<Vec<String>> {
    match dice.below(100) {
        at if at < absent => None,
        at if at % 5 == 0 => Some(Vec::new()),
        _ => Some(dice.some_of(globs, 1, 3)),
    }
}

/// A server's own filter, in which the same glob is now and then allowed and denied.
fn filter(dice: &mut Dice, globs: &[&str]) -> Filter {
    let mut filter = Filter {
        allow: dice.chance(25).then(|| dice.some_of(globs, 0, 3)),
        deny: dice.chance(30).then(|| dice.some_of(globs, 1, 2)),
    };
    if let (Some(allow), Some(deny), true) = (&mut filter.allow, &filter.deny, dice.chance(70)) {
        // What is allowed and denied by the same glob is denied.
        allow.retain(|glob| *glob != deny[0]);
        allow.push(deny[0].clone());
    }
    filter
}
