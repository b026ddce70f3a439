//! Manifests that the apiserver accepts and refuses, in `testdata/schema`: the
//! same files are for a real one. `# expect:` in the first line is what both say of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::crd::KINDS;
use crate::resources::{Finding, ParsedFile, merge};

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schema").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn findings(file: &Path) -> Vec<Finding> {
    let text = std::fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let parsed = ParsedFile::parse(name, &text).unwrap();
    merge(&[&parsed]).findings
}

#[test]
fn accepts_what_the_apiserver_accepts() {
    for file in fixtures("accept") {
        assert_eq!(findings(&file), [], "{}", file.display());
    }
}

#[test]
fn refuses_what_the_apiserver_refuses_and_says_the_same() {
    for file in fixtures("reject") {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("# expect: ").unwrap();
        let found = findings(&file);
        assert!(
            found.iter().any(|finding| finding.message.contains(expected) && finding.is_error()),
            "{}: expected {expected:?} in {found:#?}",
            file.display()
        );
        assert_eq!(found.iter().filter(|finding| finding.name.is_empty()).count(), 0, "{}", file.display());
    }
}

/// Every `message` of a rule, with the rule.
fn rules(schema: &Value, found: &mut BTreeSet<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let text = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        found.insert((text("message"), text("rule")));
    }
    let below = schema.as_object().into_iter().flat_map(|fields| fields.values());
    below.chain(schema.as_array().into_iter().flatten()).for_each(|part| rules(part, found));
}

#[test]
fn each_rule_has_a_manifest_that_it_refuses() {
    let mut all = BTreeSet::new();
    for kind in KINDS {
        rules(&crd::schema(kind), &mut all);
    }
    let expected: Vec<String> = fixtures("reject")
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap().lines().next().unwrap().replace("# expect: ", ""))
        .collect();
    for (message, rule) in all {
        assert!(!message.is_empty(), "a rule without a message: {rule}");
        assert!(expected.iter().any(|fragment| message.starts_with(fragment)), "no manifest breaks {rule}");
    }
}

/// Everything unbounded below `schema`.
fn unbounded(schema: &Value, at: &str, found: &mut Vec<String>) {
    let bounded = |keyword: &str| !schema[keyword].is_null();
    let fine = match schema["type"].as_str().unwrap_or_default() {
        "string" => bounded("maxLength") || bounded("enum") || bounded("format"),
        "array" => bounded("maxItems"),
        "integer" => bounded("minimum") && bounded("maximum"),
        "object" => bounded("properties") || bounded("maxProperties"),
        "boolean" => true,
        _ => false,
    };
    if !fine {
        found.push(at.to_owned());
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        unbounded(field, &format!("{at}.{name}"), found);
    }
    for part in ["items", "additionalProperties"] {
        if schema[part].is_object() {
            unbounded(&schema[part], &format!("{at}[]"), found);
        }
    }
}

#[test]
fn every_field_is_bounded() {
    let mut found = Vec::new();
    for kind in KINDS {
        unbounded(&crd::schema(kind)["properties"]["spec"], kind.as_str(), &mut found);
    }
    unbounded(&settings::schema(), "Settings", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// Values that break one bound of `schema` each; for what has a pattern, a text that no pattern of ours takes.
fn breaking(schema: &Value) -> Vec<Value> {
    let number = |keyword: &str| schema[keyword].as_i64();
    let count = |number: i64| usize::try_from(number).unwrap();
    let mut values = Vec::new();
    match schema["type"].as_str().unwrap() {
        "string" => {
            values.push(json!(1));
            values.extend(number("maxLength").map(|most| json!("a".repeat(count(most) + 1))));
            values.extend(number("minLength").map(|_| json!("")));
            values.extend(schema["pattern"].as_str().map(|_| json!("\u{0}")));
            values.extend(schema["enum"].as_array().map(|_| json!("Nothing")));
            values.extend(schema["format"].as_str().map(|_| json!("yesterday")));
        }
        "integer" => {
            values.push(json!("1"));
            values.push(json!(1.5));
            values.extend(number("minimum").map(|least| json!(least - 1)));
            values.extend(number("maximum").map(|most| json!(most + 1)));
        }
        "boolean" => values.push(json!("true")),
        "array" => {
            values.push(json!({}));
            values.extend(number("maxItems").map(|most| json!(vec![json!({ "name": "a" }); count(most) + 1])));
            values.extend(number("minItems").map(|_| json!([])));
        }
        _ => {
            values.push(json!([]));
            values.extend(schema["properties"].as_object().map(|_| json!({ "no such field": 1 })));
            values.extend(number("minProperties").map(|_| json!({})));
            values.extend(number("maxProperties").map(|most| {
                (0..=most).map(|index| (format!("k{index}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
            }));
        }
    }
    values
}

/// Puts each breaking value at each place of `value` that it has, and checks the whole.
fn break_each(
    schema: &Value,
    pointer: &str,
    path: &str,
    whole: &Value,
    check: &dyn Fn(&mut Value) -> Vec<Fault>,
) -> usize {
    let mut tried = 0;
    for wrong in breaking(schema) {
        let mut broken = whole.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong.clone();
        let faults = check(&mut broken);
        assert!(faults.iter().any(|fault| fault.field.starts_with(path)), "{path} takes {:.60}", wrong.to_string());
        tried += 1;
    }
    let below = |part: &str| whole.pointer(&format!("{pointer}/{part}")).is_some();
    for (name, field) in schema["properties"].as_object().into_iter().flatten().filter(|(name, _)| below(name)) {
        tried += break_each(field, &format!("{pointer}/{name}"), &structure::join(path, name), whole, check);
    }
    if schema["items"].is_object() && below("0") {
        tried += break_each(&schema["items"], &format!("{pointer}/0"), &format!("{path}[0]"), whole, check);
    }
    if schema["additionalProperties"].is_object()
        && let Some(name) = whole.pointer(pointer).and_then(|map| map.as_object()?.keys().next())
    {
        tried += break_each(
            &schema["additionalProperties"],
            &format!("{pointer}/{name}"),
            &structure::join(path, name),
            whole,
            check,
        );
    }
    tried
}

/// The one manifest that shows most of a kind, without what only its apiserver looks at.
fn full(file: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schema/accept").join(file));
    let value: Value = serde_yaml::from_str(&text.unwrap()).unwrap();
    json!({ "spec": value["spec"] })
}

#[test]
fn every_bound_holds() {
    let cases = [
        (Kind::McpServer, "server-http-all.yaml", 100),
        (Kind::McpServer, "server-stdio-all.yaml", 25),
        (Kind::McpAccessGroup, "group-all.yaml", 25),
        (Kind::McpKeyBinding, "binding-key-all.yaml", 50),
        (Kind::McpKeyBinding, "binding-claims.yaml", 20),
        (Kind::McpKeyBinding, "binding-service-account.yaml", 15),
    ];
    for (kind, file, least) in cases {
        let check = |value: &mut Value| Schema::of(kind).check(value);
        let whole = full(file);
        assert_eq!(check(&mut whole.clone()), [], "{file}");
        let spec = &crd::schema(kind)["properties"]["spec"];
        let tried = break_each(spec, "/spec", "spec", &whole, &check);
        assert!(tried >= least, "{file}: only {tried} bounds tried");
    }
}

#[test]
fn every_bound_of_the_settings_holds() {
    let whole = json!({
        "platformNamespaces": ["tools"], "organizationOf": { "blue": "acme" }, "separator": "__", "maxToolNameLength": 64,
        "clientSideAuthHeader": "x-mcp-auth", "allowedOrigins": ["https://chat.example.com"],
        "egress": { "allow": ["127.0.0.0/8"] }, "bareNaming": { "namespaces": ["a"] },
        "stdio": { "namespaces": ["a"], "commands": ["uvx"] }, "snapshotMaxAgeSeconds": 600,
        "issuers": [{
            "issuer": "https://login.example.com/tenant", "audiences": ["switchboard"],
            "jwksUri": "https://login.example.com/keys", "algorithms": ["RS256", "EdDSA"],
            "claims": {
                "user": { "claim": "email", "prefix": "corp:" }, "team": { "claim": "groups" },
                "organization": { "claim": "tenant" },
            },
        }],
        "serviceAccounts": { "audience": "switchboard" }, "publicUrl": "https://mcp.example.com",
        "trustedProxies": ["192.0.2.0/24"], "internalNetworks": ["10.0.0.0/8", "fd00::/8"], "currency": "EUR",
    });
    let check = |value: &mut Value| Schema::of_settings().check(value);
    assert_eq!(check(&mut whole.clone()), []);
    let known: BTreeSet<String> = whole.as_object().unwrap().keys().cloned().collect();
    let declared: BTreeSet<String> = settings::schema()["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(known, declared, "a setting is not tried here");
    assert!(break_each(&settings::schema(), "", "", &whole, &check) >= 50);
}

#[test]
fn rules_of_the_settings_hold() {
    let cases = [
        (json!({ "egress": { "allow": ["127.0.0.1"] } }), "egress.allow", "not an address range"),
        (json!({ "trustedProxies": ["192.0.2.7"] }), "trustedProxies", "not an address range"),
        (json!({ "internalNetworks": ["10.0.0.1"] }), "internalNetworks", "not an address range"),
        (json!({ "organizationOf": { "Blue": "acme" } }), "organizationOf", "not the name of a namespace"),
    ];
    for (mut value, field, message) in cases {
        let faults = Schema::of_settings().check(&mut value);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].field, field);
        assert!(faults[0].message.contains(message), "{faults:?}");
    }
}

/// R1, R22: flag and settings refuse the same headers.
#[test]
fn the_header_for_callers_credentials_is_none_of_the_gateways_own() {
    let bad = ["Origin", "host", "Accept", "Content-Type", "content-x", "Mcp-Session-Id", "X-Mcp-Servers"];
    let good = ["authorization", "X-Mcp-Auth", "x-own", "x-mcp"];
    let keys = crate::names::KEY_HEADERS.into_iter().filter(|name| *name != "authorization");
    for name in bad.into_iter().chain(["x-mcp-access-groups"]).chain(keys).chain(good) {
        let faults = Schema::of_settings().check(&mut json!({ "clientSideAuthHeader": name }));
        assert_eq!(faults.is_empty(), good.contains(&name), "{name}: {faults:?}");
        assert_eq!(crate::names::may_be_client_side_auth_header(name), good.contains(&name), "{name}");
    }
}

#[test]
fn r22_no_server_asks_for_a_key_header() {
    for name in crate::names::KEY_HEADERS {
        let mut server = json!({ "spec": { "http": { "url": "https://a.example", "forwardHeaders": [name] } } });
        let faults = Schema::of(Kind::McpServer).check(&mut server);
        assert_eq!(faults.is_empty(), name == "authorization", "{name}: {faults:?}");
    }
}

#[test]
fn fills_in_defaults_and_drops_nulls() {
    let mut value =
        json!({ "spec": { "alias": null, "access": null, "http": { "url": "https://a.example", "headers": null } } });
    assert_eq!(Schema::of(Kind::McpServer).check(&mut value), []);
    let spec = json!({ "http": { "url": "https://a.example", "transport": "Auto" }, "access": "Granted", "sessionMode": "PerCaller" });
    assert_eq!(value, json!({ "spec": spec }));
}

#[test]
fn messages_say_what_to_do() {
    let say = |spec: Value| {
        let faults = Schema::of(Kind::McpServer).check(&mut json!({ "spec": spec }));
        faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect::<Vec<_>>()
    };
    assert_eq!(say(json!({ "htpp": {} })), ["spec.htpp: unknown field; did you mean http?"]);
    assert_eq!(
        say(json!({ "stdio": { "command": 1 } })),
        ["spec.stdio.command: must be a text, not a number: put it in quotes"]
    );
    assert_eq!(
        say(json!({ "stdio": { "command": "a" }, "alias": "_" })),
        ["spec.alias: must be letters, digits and '_', with at least one letter or digit"]
    );
    assert_eq!(
        say(json!({ "stdio": { "command": "a" }, "access": "allkeys" })),
        ["spec.access: must be one of Granted, AllKeys; did you mean AllKeys?"]
    );
}

#[test]
fn no_message_quotes_a_value() {
    let secret = "s3cr3t-value";
    for wrong in [json!({ "value": secret, "valueFrom": {} }), json!({ "value": format!("{secret}\n") }), json!(secret)]
    {
        let mut value = json!({ "spec": { "http": { "url": "https://a.example" }, "auth": { "type": "Bearer", "bearer": wrong } } });
        let faults = Schema::of(Kind::McpServer).check(&mut value);
        assert!(!faults.is_empty());
        assert!(!format!("{faults:?}").contains(secret), "{faults:?}");
    }
}
