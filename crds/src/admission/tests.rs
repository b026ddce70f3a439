//! The policies, evaluated by the CEL that Kubernetes has, against what `compile` says of the same objects.

use std::collections::HashMap;

use kube_cel::KubeCelExt;
use kube_cel::cel::{Context, Program, Value as Cel, to_value};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::compile::{Pepper, compile};
use crate::diagnostic::ConditionType;
use crate::names;
use crate::resources::{Resources, parse_settings};

const RELEASE: Release = Release { name: "sb", namespace: "platform", watched: None };

fn settings(text: &str) -> Settings {
    parse_settings(&format!("apiVersion: switchboard.dev/v1alpha1\nkind: Settings\n{text}")).unwrap()
}

fn run(context: &Context, expression: &str) -> Cel {
    Program::compile(expression).unwrap().execute(context).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// What the policy says against the request; nothing if it does not look at it at all.
fn denied(policy: &Policy, old: Option<&Value>, new: &Value) -> Vec<String> {
    let spec = policy.policy.spec.as_ref().unwrap();
    let mut context = Context::default().with_all();
    let operation = if old.is_some() { "UPDATE" } else { "CREATE" };
    let request = json!({ "operation": operation, "namespace": new["metadata"]["namespace"] });
    for (name, value) in [("request", &request), ("object", new), ("oldObject", old.unwrap_or(&Value::Null))] {
        context.add_variable_from_value(name, to_value(value).unwrap());
    }
    let matches = |it: &MatchCondition| run(&context, &it.expression) == Cel::Bool(true);
    if !spec.match_conditions.iter().flatten().all(matches) {
        return Vec::new();
    }
    let mut variables: HashMap<String, Cel> = HashMap::new();
    for variable in spec.variables.iter().flatten() {
        let value = run(&context, &variable.expression);
        variables.insert(variable.name.clone(), value);
        context.add_variable_from_value("variables", variables.clone());
    }
    let mut said = Vec::new();
    for validation in spec.validations.iter().flatten() {
        if run(&context, &validation.expression) == Cel::Bool(false) {
            said.push(match &validation.message_expression {
                Some(expression) => match run(&context, expression) {
                    Cel::String(text) => text.to_string(),
                    other => panic!("{expression}: {other:?}"),
                },
                None => validation.message.clone().unwrap(),
            });
        }
    }
    said
}

/// What `compile` says against the object alone, if it is not accepted.
fn refused(kind: Kind, object: &Value, settings: &Settings) -> Vec<String> {
    let mut resources = Resources { settings: settings.clone(), ..Resources::default() };
    resources.put(kind, object.clone()).unwrap();
    let scope = Scope::Cluster { namespace: RELEASE.namespace.to_owned() };
    let compiled = compile(&resources, &scope, &Pepper([7; 32]));
    let refusals = compiled.diagnostics.into_iter().filter(|it| it.condition == ConditionType::Accepted);
    refusals.map(|it| format!("{}: {}", it.field, it.message)).collect()
}

fn object(kind: Kind, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "switchboard.dev/v1alpha1", "kind": kind.as_str(),
        "metadata": { "namespace": namespace, "name": name }, "spec": spec,
    })
}

fn http(mut spec: Value) -> Value {
    spec["http"] = json!({ "url": "https://a.example" });
    spec
}

/// Objects of every kind, right and wrong, of which the schema takes all.
fn objects() -> Vec<(Kind, Value)> {
    let long = "a".repeat(33);
    let client =
        json!({ "tokenUrl": "https://i.example", "clientId": { "value": "c" }, "clientSecret": { "value": "s" } });
    let exchange = json!({ "type": "TokenExchange", "tokenExchange": client });
    let specs = [
        ("time", http(json!({}))),
        ("my-time.v2", http(json!({}))),
        (long.as_str(), http(json!({}))),
        (long.as_str(), http(json!({ "alias": "short" }))),
        ("mcp", http(json!({}))),
        ("m-c.p", http(json!({}))),
        ("well-known", http(json!({ "alias": "known" }))),
        ("time", http(json!({ "alias": "MCP_rest" }))),
        ("time", http(json!({ "alias": "time_" }))),
        ("time", http(json!({ "alias": "time_", "naming": { "prefix": "t" } }))),
        ("time", http(json!({ "alias": "time_", "naming": { "type": "Bare" } }))),
        ("time", http(json!({ "naming": { "type": "Bare" } }))),
        ("time", http(json!({ "naming": { "prefix": "Health" } }))),
        ("sse", http(json!({ "naming": { "prefix": "events" } }))),
        ("time", json!({ "stdio": { "command": "uvx" } })),
        ("time", json!({ "stdio": { "command": "it's \"odd\"\n" } })),
        ("status", json!({ "stdio": { "command": "npx" } })),
        ("time", http(json!({ "auth": exchange }))),
        ("time", http(json!({ "auth": { "clientSide": "Deny" } }))),
    ];
    let servers = specs.map(|(name, spec)| (Kind::McpServer, name.to_owned(), spec));
    let longer = "a".repeat(65);
    let groups = [
        ("dev", json!({})),
        ("tool-set", json!({})),
        ("tool-set", json!({ "groupName": "tools" })),
        ("dev", json!({ "groupName": "V 1" })),
        (longer.as_str(), json!({})),
        (&longer[1..], json!({})),
    ];
    let groups = groups.map(|(name, spec)| (Kind::McpAccessGroup, name.to_owned(), spec));
    let key = json!([{ "name": "k", "sha256": "0".repeat(64) }]);
    let subjects = [
        json!({ "type": "Key", "keys": key }),
        json!({ "type": "Team", "team": "blue" }),
        json!({ "type": "Organization", "organization": "acme" }),
        json!({ "type": "User", "user": "ann" }),
        json!({ "type": "Anonymous" }),
    ];
    let bindings = subjects.map(|subject| (Kind::McpKeyBinding, "b".to_owned(), json!({ "subject": subject })));
    let all = servers.into_iter().chain(groups).chain(bindings);
    let everywhere = all.flat_map(|(kind, name, spec)| {
        ["platform", "tools", "other"].map(|namespace| (kind, object(kind, namespace, &name, &spec)))
    });
    everywhere.collect()
}

#[test]
fn policies_and_the_compiler_agree() {
    let texts = [
        "",
        "platformNamespaces: [tools]\n",
        "stdio: {namespaces: [tools]}\nbareNaming: {namespaces: [tools, other]}\n",
        "stdio: {namespaces: [tools, platform], commands: [npx, \"it's \\\"odd\\\"\\n\"]}\n",
    ];
    let (mut admitted, mut said) = (0, std::collections::BTreeSet::new());
    for settings in texts.map(settings) {
        let policies = policies(RELEASE, &settings);
        for (kind, object) in objects() {
            let policy = policies.iter().find(|policy| policy.kind == kind).unwrap();
            let denied = denied(policy, None, &object);
            let refused = refused(kind, &object, &settings);
            assert_eq!(denied.is_empty(), refused.is_empty(), "{object}: {denied:?} and {refused:?}");
            assert!(refused.iter().all(|message| denied.contains(message)), "{object}: {denied:?} and {refused:?}");
            admitted += usize::from(refused.is_empty());
            said.extend(refused);
        }
    }
    assert!(admitted > 50, "{admitted}");
    assert!(said.len() >= 11, "{said:#?}");
}

#[test]
fn what_is_stored_already_can_be_labelled_and_deleted() {
    let policies = policies(RELEASE, &Settings::default());
    let old = object(Kind::McpServer, "tools", "time", &json!({ "stdio": { "command": "uvx" } }));
    let mut labelled = old.clone();
    labelled["metadata"]["labels"] = json!({ "team": "blue" });
    assert_eq!(denied(&policies[0], Some(&old), &labelled), [] as [&str; 0]);
    let changed = object(Kind::McpServer, "tools", "time", &json!({ "stdio": { "command": "npx" } }));
    assert_eq!(denied(&policies[0], Some(&old), &changed).len(), 1);
}

#[test]
fn policies_hold_where_the_release_watches() {
    let tools = ["tools".to_owned()];
    let policies = policies(Release { watched: Some(&tools), ..RELEASE }, &Settings::default());
    let binding = serde_json::to_value(&policies[1].binding).unwrap();
    assert_eq!(
        binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"],
        json!([{ "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["tools"] }])
    );
    assert_eq!(binding["spec"]["policyName"], "mcpaccessgroups.sb.platform.switchboard.dev");
    assert_eq!(policies[1].policy.metadata.name, policies[1].binding.metadata.name);
    let text = policies_yaml(RELEASE, &Settings::default());
    assert_eq!(text, policies_yaml(RELEASE, &Settings::default()));
    let documents = serde_yaml::Deserializer::from_str(&text);
    let kinds = documents.map(|it| <Value as serde::Deserialize>::deserialize(it).unwrap()["kind"].clone());
    let pair = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    assert_eq!(kinds.collect::<Vec<_>>(), pair.repeat(3));
}

proptest! {
    /// The functions over names are the same in CEL, for any text that a name may be.
    #[test]
    fn names_are_folded_alike(name in "[A-Za-z0-9_ .-]{0,12}|[mM][-_ ]?[cC][pP][-_ ]?([rR][eE][sS][tT])?") {
        let mut context = Context::default().with_all();
        context.add_variable_from_value("name", name.as_str());
        prop_assert_eq!(run(&context, &cel::is_reserved("name")), Cel::Bool(names::is_reserved(&name)));
        let default = names::default_name(&name);
        prop_assert_eq!(run(&context, &cel::default_name("name")), to_value(default).unwrap());
    }

    /// Whatever a setting holds, CEL reads the same.
    #[test]
    fn texts_are_read_as_they_are_written(text in any::<String>()) {
        let found = run(&Context::default(), &cel::literal(&text));
        prop_assert_eq!(found, to_value(text).unwrap());
    }
}
