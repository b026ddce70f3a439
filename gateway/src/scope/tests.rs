use std::fmt::Write as _;

use crds::compile::{self, Pepper, compile};
use crds::resources::{ParsedFile, merge};
use sha2::{Digest, Sha256};

use super::*;
use crate::networks::Side;
use crate::table::Version;

/// A key of the one caller of [`table`].
pub(crate) const KEY: &str = "sb-unit";
/// A key of theirs that has expired.
pub(crate) const OLD_KEY: &str = "sb-old";
/// When the tests take place.
pub(crate) const NOW: UnixSeconds = 2_000_000_000;

/// The table of these manifests, with a caller who may use the servers and groups that `grants` has.
pub(crate) fn table(manifests: &str, grants: &str) -> RoutingTable {
    let hash = |key: &str| format!("{:x}", Sha256::digest(key));
    let mut text = manifests.to_owned();
    write!(
        text,
        "\n---\napiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata: {{name: me}}\nspec:\n  \
         subject: {{type: Key, keys: [{{name: a, sha256: {}}}, {{name: b, sha256: {}, expirationTime: \"2030-01-01T00:00:00Z\"}}]}}\n  \
         grants: {grants}\n",
        hash(KEY),
        hash(OLD_KEY),
    )
    .unwrap();
    let file = ParsedFile::parse("all.yaml", text.as_bytes()).unwrap();
    let merged = merge(&[&file]);
    let pepper = Pepper([7; 32]);
    let compiled = compile(&merged.resources, &compile::Scope::Local, &pepper);
    let findings = merged.all_findings(&compiled.diagnostics);
    assert!(compiled.snapshot.callers.len() == 1, "{findings:?}");
    RoutingTable::build(compiled.snapshot, &compiled.credentials, &pepper, Version::default())
}

fn group_of(members: usize) -> RoutingTable {
    let mut text = String::new();
    let mut names = Vec::new();
    for index in 0..members {
        write!(
            text,
            "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: s{index}}}\nspec: \
             {{http: {{url: https://a.example}}}}\n"
        )
        .unwrap();
        names.push(format!("{{name: s{index}}}"));
    }
    let names = names.join(", ");
    write!(
        text,
        "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpAccessGroup\nmetadata: {{name: g}}\nspec: {{servers: \
         [{names}]}}\n"
    )
    .unwrap();
    table(&text, "{accessGroups: [{name: g}]}")
}

fn read(table: &RoutingTable, filter: &str) -> Scope {
    Scope::read(table, &Caller::of(&table.snapshot.callers[0], Side::Outside), NOW, None, &[filter.as_bytes()])
}

fn entries(scope: &Scope) -> usize {
    match scope {
        Scope::All => 0,
        Scope::Narrowed { entries, .. } => entries.len(),
    }
}

#[test]
fn r13_a_group_named_ever_again_is_held_once() {
    let table = group_of(100);
    let scope = read(&table, &"g,G,g_,s1,".repeat(10_000));
    assert_eq!(entries(&scope), 101, "each member for the group, and one in whole");
    assert!(scope.holds_server(0) && scope.holds_server(99) && !scope.holds_server(100));
    assert!(scope.holds(&table, 5, Item::Tool("any")) && !scope.is_only(5) && !scope.is_empty());
}

#[test]
fn r13_only_so_many_different_words_narrow() {
    let table = group_of(3);
    let words = |count: usize| (0..count).map(|index| format!("x{index}")).collect::<Vec<_>>().join(",");
    assert_eq!(entries(&read(&table, &format!("{},s1", words(MAX_WORDS - 1)))), 1);
    assert!(read(&table, &format!("{},s1", words(MAX_WORDS))).is_empty());
}

#[test]
fn r24_one_server_is_the_only_one_however_often_it_is_named() {
    let table = group_of(3);
    let only = read(&table, "s1, S1,s_1");
    let server = table.snapshot.servers.iter().position(|server| server.alias == "s1").unwrap() as ServerIndex;
    assert!(only.is_only(server) && !only.is_only(server + 1) && only.holds_server(server));
    assert!(!read(&table, "s1,s2").is_only(server));
}
