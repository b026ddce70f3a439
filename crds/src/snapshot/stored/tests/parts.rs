//! A snapshot cut and put together again, and what a change of one object changes.

use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::{Index, select};
use sha2::{Digest, Sha256};

use super::*;
use crate::compile::Scope;
use crate::compile::tests::load::load;
use crate::snapshot::CallerKey;
use crate::snapshot::stored::bucket::bucket_of;
use crate::snapshot::stored::split::cut;
use crate::v1alpha1::SubjectType;

/// Thirty keys of one team in two namespaces, a group that all namespaces may name, and somebody without a key.
const TEAM: &str = "
{kind: McpServer, metadata: {name: docs, namespace: p}, spec: {http: {url: 'https://docs/mcp'}, tools: {deny: [x]}}}
---
{kind: McpServer, metadata: {name: mail, namespace: p}, spec: {http: {url: 'https://mail/mcp'}, allowedNamespaces: {from: All}}}
---
{kind: McpAccessGroup, metadata: {name: g, namespace: p}, spec: {servers: [{name: mail}], allowedNamespaces: {from: All}}}
---
{kind: McpKeyBinding, metadata: {name: team, namespace: p}, spec: {subject: {type: Team, team: t}, joinFrom: {from: All}, grants: {servers: [{name: docs}, {name: mail, tools: [get]}]}}}
---
{kind: McpKeyBinding, metadata: {name: nobody, namespace: p}, spec: {subject: {type: Anonymous}, grants: {servers: [{name: docs}]}}}
";

/// The same with a key more, of whose binding this is the rest.
fn team(more: &str) -> Snapshot {
    let key = |name: &str, namespace: &str, rest: &str| {
        let sha256 = crate::digest::to_hex(&crate::digest::from_hex::<32>(&format!("{name:0>64}")).unwrap());
        format!(
            "---\n{{kind: McpKeyBinding, metadata: {{name: '{name}', namespace: {namespace}}}, \
             spec: {{subject: {{type: Key, keys: [{{name: a, sha256: '{sha256}'}}]}}, {rest}}}}}\n"
        )
    };
    let keys = (0..30).map(|number| key(&number.to_string(), ["p", "q"][number % 2], "team: t"));
    let more = more.split_once('|').map(|(namespace, rest)| key("77", namespace, rest));
    let text: String = std::iter::once(TEAM.to_owned()).chain(keys).chain(more).collect();
    let (resources, _) = load(&text);
    let compiled = compile(&resources, &Scope::Cluster { namespace: "p".to_owned() }, &pepper());
    assert_eq!(compiled.diagnostics, []);
    compiled.snapshot
}

/// The places of the parts that differ.
fn changed(one: &Snapshot, other: &Snapshot, count: usize) -> Vec<usize> {
    let (one, other) = (cut(one, count).unwrap(), cut(other, count).unwrap());
    assert_eq!((one.len(), other.len()), (count + 1, count + 1));
    (0..=count).filter(|part| one[*part] != other[*part]).collect()
}

#[test]
fn a_caller_changes_its_bucket_only_also_as_the_first_and_last_user_of_a_row() {
    let plain = team("");
    let cases = [
        ("of a namespace that others have", "q|team: t"),
        ("of a namespace of its own, which a group admits", "r|team: t"),
        ("with an access set of its own", "p|grants: {servers: [{name: mail}]}"),
        ("with a filter and list of its own", "p|grants: {servers: [{name: mail, tools: [aaa, zzz]}]}"),
        ("with a conjunction of its own", "p|team: t, grants: {servers: [{name: mail, tools: ['*t']}]}"),
        ("with nothing", "p|grants: {}"),
    ];
    for (what, more) in cases {
        let with = team(more);
        let caller = with.callers.iter().find(|caller| caller.id.ends_with("/77")).unwrap();
        for count in [3, 7, 15] {
            let bucket = 1 + bucket_of(&caller.id, count);
            assert_eq!(changed(&plain, &with, count), [bucket], "{what}, {count} buckets");
            assert_eq!(joined(&cut(&with, count).unwrap()).unwrap(), with, "{what}");
        }
    }
}

#[test]
fn a_caller_that_changes_what_it_may_use_changes_its_bucket_only() {
    let (before, after) = (team("p|team: t"), team("p|grants: {servers: [{name: mail, tools: [only]}]}"));
    assert_eq!(changed(&before, &after, 7), [1 + bucket_of("p/77", 7)]);
}

#[test]
fn a_server_that_comes_last_changes_the_base_and_who_uses_it() {
    let before = team("");
    let mut after = before.clone();
    let last = crate::snapshot::Server { id: "z/last".to_owned(), ..before.servers[1].clone() };
    after.servers.push(last);
    assert_eq!(changed(&before, &after, 15), [0]);
}

#[test]
fn small_is_one_part() {
    let snapshot = team("");
    let parts = split(&snapshot).unwrap();
    let [part] = parts.of(SCHEMA) else { panic!("it is small") };
    assert_eq!(join(&[&part.bytes]).unwrap(), snapshot);
}

/// Text that takes at least half so many KiB, however well it is compressed.
fn noise(kib: usize) -> Vec<String> {
    (0..kib * 16).map(|number| crate::digest::to_hex(&Sha256::digest(number.to_string()))).collect()
}

#[test]
fn what_is_too_large_says_so() {
    let mut snapshot = team("");
    snapshot.settings.allowed_origins = noise(1500);
    assert_eq!(split(&snapshot), Err(TooLarge::Servers));

    // 48,000 keys: of one caller they fit nowhere; of thirty they fit into buckets, but not into one piece.
    let keys: Vec<CallerKey> =
        noise(3000).iter().map(|text| CallerKey { digest: text[..32].parse().unwrap(), expires: None }).collect();
    let mut snapshot = team("");
    snapshot.callers[0].keys.clone_from(&keys);
    assert_eq!(split(&snapshot), Err(TooLarge::Callers));
    let mut snapshot = team("");
    for (caller, keys) in snapshot.callers.iter_mut().zip(keys.chunks(1600)) {
        caller.keys = keys.to_vec();
    }
    let parts = split(&snapshot).unwrap();
    let parts = parts.of(SCHEMA);
    assert_eq!(parts.len(), 4);
    assert_eq!(joined(parts).unwrap(), snapshot);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn joining_undoes_splitting(
        seed in proptest::collection::vec(any::<u8>(), 0..900),
        count in select(vec![3_usize, 7, 15]),
    ) {
        let snapshot = compiled(&seed).snapshot;
        prop_assert_eq!(&joined(split(&snapshot).unwrap().of(SCHEMA)).unwrap(), &snapshot);
        let parts = cut(&snapshot, count).unwrap();
        prop_assert_eq!(parts.len(), count + 1);
        prop_assert_eq!(&parts, &cut(&snapshot, count).unwrap(), "the same each time");
        prop_assert_eq!(&joined(&parts).unwrap(), &snapshot);
    }

    #[test]
    fn suspending_a_key_changes_one_bucket_at_most(
        seed in proptest::collection::vec(any::<u8>(), 0..900),
        which in any::<Index>(),
    ) {
        let (mut resources, scope) = world(&seed);
        let before = compile(&resources, &scope, &pepper()).snapshot;
        let keys = resources.bindings.values_mut().filter(|it| it.spec.subject.type_ == SubjectType::Key);
        let mut keys: Vec<_> = keys.collect();
        if keys.is_empty() {
            return Ok(());
        }
        let at = which.index(keys.len());
        keys[at].spec.suspend = Some(true);
        let after = compile(&resources, &scope, &pepper()).snapshot;
        let changed = changed(&before, &after, 7);
        prop_assert!(changed.len() <= 1 && !changed.contains(&0), "{changed:?}");
        prop_assert_eq!(changed.is_empty(), before.callers.len() == after.callers.len());
    }
}
