//! What widens by design (ACCESS.md, What must always hold): each sentence is a row.

use super::load::load;
use super::*;
use crate::snapshot::Item::{self, Prompt, Resource, Tool};

const WORLD: &str = r#"
kind: Cluster
namespace: p
---
kind: Settings
organizationOf: {tied: acme}
---
kind: Namespace
metadata: {name: a, labels: {tier: tin}}
---
kind: McpServer
metadata: {name: s, namespace: p}
spec: {http: {url: "http://s"}, tools: {allow: [get, set, del], deny: [del]}, allowedNamespaces: {from: All}}
---
kind: McpServer
metadata: {name: t, namespace: p}
spec: {http: {url: "http://t"}, allowedNamespaces: {from: Selector, selector: {matchLabels: {tier: tin, level: "2"}}}}
---
kind: McpServer
metadata: {name: zlate, namespace: p}
spec: {alias: s, http: {url: "http://zlate"}}
---
kind: McpKeyBinding
metadata: {name: acme, namespace: p}
spec: {subject: {type: Organization, organization: acme}, grants: {}}
---
kind: McpKeyBinding
metadata: {name: narrow, namespace: p}
spec: {subject: {type: Team, team: narrow}, grants: {servers: [{name: s, tools: [get]}]}}
---
kind: McpKeyBinding
metadata: {name: narrow-again, namespace: p}
spec: {subject: {type: Team, team: narrow}, grants: {servers: [{name: s}]}}
---
kind: McpKeyBinding
metadata: {name: k-grants, namespace: p}
spec: {subject: {type: Key, keys: [KEY1]}, team: narrow, grants: {servers: []}}
---
kind: McpKeyBinding
metadata: {name: k-team, namespace: p}
spec: {subject: {type: Key, keys: [KEY2]}, team: narrow, grants: {servers: [{name: s}, {name: zlate}]}}
---
kind: McpKeyBinding
metadata: {name: k-plain, namespace: p}
spec: {subject: {type: Key, keys: [KEY3]}, grants: {servers: [{name: s}, {name: zlate}]}}
---
kind: McpKeyBinding
metadata: {name: k-suspended, namespace: p}
spec: {subject: {type: Key, keys: [KEY4]}, suspend: true, grants: {servers: [{name: s}]}}
---
kind: McpKeyBinding
metadata: {name: k-expired, namespace: p}
spec: {subject: {type: Key, keys: [KEY5]}, expirationTime: "1971-01-01T00:00:00Z", grants: {servers: [{name: s}]}}
---
kind: McpKeyBinding
metadata: {name: k-tools, namespace: p}
spec: {subject: {type: Key, keys: [KEY6]}, grants: {servers: [{name: s, tools: [set]}]}}
---
kind: McpServer
metadata: {name: docs, namespace: p}
spec: {http: {url: "http://docs"}, prompts: {allow: [greet], deny: [gre]}, resources: {deny: ["x:/b"], allow: ["x:*"]}}
---
kind: McpKeyBinding
metadata: {name: k-docs, namespace: p}
spec: {subject: {type: Key, keys: [KEYa]}, grants: {servers: [{name: docs}]}}
---
kind: McpKeyBinding
metadata: {name: k-prompts, namespace: p}
spec: {subject: {type: Key, keys: [KEYb]}, grants: {servers: [{name: docs, prompts: [nothing]}]}}
---
kind: McpKeyBinding
metadata: {name: k-resources, namespace: p}
spec: {subject: {type: Key, keys: [KEYc]}, grants: {servers: [{name: docs, resources: []}]}}
---
kind: McpKeyBinding
metadata: {name: k-a, namespace: a}
spec: {subject: {type: Key, keys: [KEY7]}, grants: {servers: [{name: t, namespace: p}]}}
---
kind: McpKeyBinding
metadata: {name: k-tied, namespace: tied}
spec: {subject: {type: Key, keys: [KEY8]}, grants: {servers: [{name: s, namespace: p}]}}
---
kind: Secret
metadata: {name: taken, namespace: p}
stringData: {key: taken}
---
kind: McpKeyBinding
metadata: {name: k-taken, namespace: p}
spec: {subject: {type: Key, keys: [{name: a, valueFrom: {secretKeyRef: {name: taken, key: key}}}]}}
---
kind: McpKeyBinding
metadata: {name: z-one-of-two-taken, namespace: p}
spec: {subject: {type: Key, keys: [{name: a, valueFrom: {secretKeyRef: {name: taken, key: key}}}, KEY9]}, grants: {servers: [{name: s}]}}
---
kind: McpKeyBinding
metadata: {name: z-same-key, namespace: p}
spec: {subject: {type: Key, keys: [KEY3]}, grants: {servers: [{name: zlate}, {name: s}]}}
"#;

/// 2020.
const NOW: i64 = 1_577_836_800;

fn may(text: &str, (caller, server, item): (&str, &str, Item)) -> bool {
    let mut text = text.to_owned();
    for digit in "123456789abc".chars() {
        let key = format!("{{name: a, sha256: \"{}\"}}", digit.to_string().repeat(64));
        text = text.replace(&format!("KEY{digit}"), &key);
    }
    let (resources, scope) = load(&text);
    let Compiled { snapshot, .. } = compile(&resources, &scope, &pepper());
    let caller = snapshot.callers.iter().find(|it| it.id == caller);
    let server = snapshot.servers.iter().zip(0..).find(|(it, _)| it.id == server);
    caller.zip(server).is_some_and(|(caller, (_, server))| snapshot.allows(caller, NOW, server, item))
}

fn widens(taken: &str, left: &str, permit: (&str, &str, Item)) {
    assert_eq!(WORLD.matches(taken).count(), 1, "{taken}");
    assert!(!may(WORLD, permit), "before: {permit:?}");
    assert!(may(&WORLD.replace(taken, left), permit), "without `{taken}`: {permit:?}");
}

/// The text of the object of this name, from its kind on.
fn object(name: &str) -> &str {
    WORLD.split("---\n").find(|text| text.contains(&format!("metadata: {{name: {name},"))).unwrap()
}

#[test]
fn dropping_a_restriction_whole_widens() {
    widens(", grants: {servers: []}", "", ("p/k-grants", "p/s", Tool("get")));
    widens("allow: [get, set, del], ", "", ("p/k-plain", "p/s", Tool("else")));
    widens(", deny: [del]", "", ("p/k-plain", "p/s", Tool("del")));
    widens("deny: [del]", "deny: []", ("p/k-plain", "p/s", Tool("del")));
    widens(", tools: [set]", "", ("p/k-tools", "p/s", Tool("get")));
    widens(
        "team: narrow, grants: {servers: [{name: s}, ",
        "grants: {servers: [{name: s}, ",
        ("p/k-team", "p/s", Tool("set")),
    );
}

#[test]
fn dropping_a_restriction_of_prompts_or_resources_whole_widens() {
    widens(", prompts: [nothing]", "", ("p/k-prompts", "p/docs", Prompt("greet")));
    widens(", prompts: [nothing]", "", ("p/k-prompts", "p/docs", Tool("get")));
    widens(", resources: []", "", ("p/k-resources", "p/docs", Resource("x:/a")));
    widens(", resources: []", "", ("p/k-resources", "p/docs", Tool("get")));
    widens("allow: [greet], ", "", ("p/k-docs", "p/docs", Prompt("else")));
    widens("allow: [greet], deny: [gre]", "deny: []", ("p/k-docs", "p/docs", Prompt("gre")));
    widens(", allow: [\"x:*\"]", "", ("p/k-docs", "p/docs", Resource("y:/a")));
    widens("deny: [\"x:/b\"]", "deny: []", ("p/k-docs", "p/docs", Resource("x:/b")));
    widens("deny: [\"x:/b\"], allow: [\"x:*\"]", "deny: []", ("p/k-docs", "p/docs", Resource("x:/a/../b")));
}

#[test]
fn waking_what_slept_widens() {
    widens("suspend: true, ", "", ("p/k-suspended", "p/s", Tool("get")));
    widens("expirationTime: \"1971-01-01T00:00:00Z\", ", "", ("p/k-expired", "p/s", Tool("get")));
}

#[test]
fn freeing_a_name_subject_or_key_widens() {
    // The name, by corruption and by deletion.
    widens("tools: {allow: [get, set, del], deny: [del]}", "wrong: 1", ("p/k-plain", "p/zlate", Tool("x")));
    widens(&format!("{}---\n", object("s")), "", ("p/k-plain", "p/zlate", Tool("x")));
    // The subject, and the key.
    widens(&format!("{}---\n", object("narrow")), "", ("p/k-team", "p/s", Tool("set")));
    widens(&format!("{}---\n", object("k-plain")), "", ("p/z-same-key", "p/s", Tool("get")));
    // A Secret that two bindings name: without it neither has the key, and the later one's other key is its own.
    widens("stringData: {key: taken}", "stringData: {}", ("p/z-one-of-two-taken", "p/s", Tool("get")));
}

#[test]
fn a_term_of_a_selector_and_settings_widen() {
    widens("tier: tin, level: \"2\"", "tier: tin", ("a/k-a", "p/t", Tool("x")));
    widens("organizationOf: {tied: acme}", "separator: __", ("tied/k-tied", "p/s", Tool("get")));
}

#[test]
fn what_a_conflict_refuses_is_not_widened_by_suspending_or_expiring_the_holder() {
    let holder = object("k-plain");
    for sleep in ["suspend: true", "expirationTime: \"1971-01-01T00:00:00Z\""] {
        let asleep = holder.replace("grants:", &format!("{sleep}, grants:"));
        assert!(!may(&WORLD.replace(holder, &asleep), ("p/z-same-key", "p/s", Tool("get"))), "{sleep}");
    }
}
