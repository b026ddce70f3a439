//! The rule by hand: small worlds and what its sentences say of them. Expected
//! values are written out, never computed.
#![expect(clippy::unnecessary_wraps, reason = "grants and consents are optional wherever they stand")]

use std::collections::BTreeMap;

use super::{Credential, Identity, Item, Kind, Oracle, Reason, Token};
use crate::world::{
    Binding, Consent, Entry, Filter, From, Grants, Group, Id, KeyEntry, KeySource, Labels, Meta, Mode, Operator,
    Reference, Secret, SecretRef, Selector, Server, Subject, Term, Transport, World,
};

mod access;
mod callers;
mod consent;
mod items;
mod names;
mod publish;
mod widening;

const NOW: i64 = 1_000_000;

/// A directory with these tools.
fn local() -> World {
    World::empty(Mode::Local, &["get", "get_time", "send"])
}

/// A cluster whose platform namespace is `plat`.
fn cluster() -> World {
    World::empty(Mode::Cluster { namespace: "plat".to_owned() }, &["get", "get_time", "send"])
}

fn meta(namespace: &str, name: &str) -> Meta {
    Meta { namespace: namespace.to_owned(), name: name.to_owned(), ..Meta::default() }
}

/// An HTTP server with the tools of [`local`].
fn server(namespace: &str, name: &str) -> Server {
    Server::over_http(meta(namespace, name), &["get", "get_time", "send"])
}

fn group(namespace: &str, name: &str) -> Group {
    Group { meta: meta(namespace, name), ..Group::default() }
}

fn binding(namespace: &str, name: &str, subject: Subject) -> Binding {
    Binding {
        meta: meta(namespace, name),
        subject,
        user: None,
        team: None,
        organization: None,
        grants: None,
        join_from: None,
        expires: None,
        suspend: false,
    }
}

/// A binding named like its one key.
fn key(namespace: &str, plain: &str) -> Binding {
    binding(namespace, plain, Subject::Key(vec![key_entry("k", plain)]))
}

fn key_entry(name: &str, plain: &str) -> KeyEntry {
    KeyEntry { name: name.to_owned(), source: KeySource::Sha256(plain.to_owned()), expires: None }
}

/// The service account `runner` of a namespace, or of the binding's own.
fn account(namespace: &str) -> Subject {
    Subject::ServiceAccount(Reference { name: "runner".to_owned(), namespace: namespace.to_owned() })
}

fn claims(claims: &[(&str, &[&str])]) -> Subject {
    Subject::Claims(claims.iter().map(|(claim, values)| ((*claim).to_owned(), strings(values))).collect())
}

/// A binding named like its team.
fn team(namespace: &str, name: &str) -> Binding {
    binding(namespace, name, Subject::Team(name.to_owned()))
}

fn organization(namespace: &str, name: &str) -> Binding {
    binding(namespace, name, Subject::Organization(name.to_owned()))
}

/// `name` in the own namespace, or `namespace/name`.
fn reference(text: &str) -> Reference {
    match text.split_once('/') {
        Some((namespace, name)) => Reference { name: name.to_owned(), namespace: namespace.to_owned() },
        None => Reference { name: text.to_owned(), namespace: String::new() },
    }
}

fn entry(server: &str, tools: Option<&[&str]>) -> Entry {
    Entry { server: reference(server), tools: tools.map(strings), ..Entry::default() }
}

/// Grants of whole servers.
fn servers(names: &[&str]) -> Option<Grants> {
    Some(Grants { servers: names.iter().map(|name| entry(name, None)).collect(), access_groups: Vec::new() })
}

fn groups(names: &[&str]) -> Option<Grants> {
    Some(Grants { servers: Vec::new(), access_groups: names.iter().map(|name| reference(name)).collect() })
}

fn strings(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn all() -> Option<Consent> {
    Some(Consent { from: From::All, selector: None })
}

fn selected(key: &str, operator: Operator, values: &[&str]) -> Option<Consent> {
    let terms = Some(vec![Term { key: key.to_owned(), operator, values: strings(values) }]);
    Some(Consent { from: From::Selector, selector: Some(Selector { labels: None, terms }) })
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn presented(plain: &str) -> Credential {
    Credential::Key(plain.to_owned())
}

/// What the key may use, as `server:tool`, `server prompt NAME` and `server resource URI`, sorted.
#[track_caller]
fn check(world: &World, plain: &str, expected: &[&str]) {
    check_caller(world, &presented(plain), expected);
}

#[track_caller]
fn check_caller(world: &World, credential: &Credential, expected: &[&str]) {
    let permitted = Oracle::new(world, NOW).permitted(credential);
    assert_eq!(shown(permitted), expected, "{:?}", Oracle::new(world, NOW).faults());
}

fn shown(items: super::Items) -> Vec<String> {
    let shown = items.into_iter().map(|(id, item)| match item {
        Item::Tool(name) => format!("{}:{name}", id.name),
        Item::Prompt(name) => format!("{} prompt {name}", id.name),
        Item::Resource(uri) => format!("{} resource {uri}", id.name),
    });
    shown.collect()
}

fn filter(allow: Option<&[&str]>, deny: Option<&[&str]>) -> Filter {
    Filter { allow: allow.map(strings), deny: deny.map(strings) }
}

/// The objects that are not accepted, as (`namespace/name`, reason).
#[track_caller]
fn check_faults(world: &World, expected: &[(&str, Reason)]) {
    let oracle = Oracle::new(world, NOW);
    let found: BTreeMap<String, Reason> =
        oracle.faults().iter().map(|((_, id), reason)| (id.to_string(), *reason)).collect();
    let expected: BTreeMap<String, Reason> = expected.iter().map(|(id, reason)| ((*id).to_owned(), *reason)).collect();
    assert_eq!(found, expected);
}

/// The void references, as (`namespace/name`, field, index, reason).
#[track_caller]
fn check_voids(world: &World, expected: &[(&str, &str, usize, Reason)]) {
    let voids = Oracle::new(world, NOW).voids();
    let found: Vec<(String, &str, usize, Reason)> =
        voids.iter().map(|void| (void.object.1.to_string(), void.field, void.index, void.reason)).collect();
    let expected: Vec<(String, &str, usize, Reason)> =
        expected.iter().map(|(id, field, index, reason)| ((*id).to_owned(), *field, *index, *reason)).collect();
    assert_eq!(found, expected);
}

const ALL_OF_TIME: &[&str] = &["time:get", "time:get_time", "time:send"];
