use serde_json::json;

use super::*;
use crate::diagnostic::Reason;
use crate::settings::BareNaming;

fn server(spec: &Value) -> Value {
    json!({
        "apiVersion": "switchboard.dev/v1alpha1",
        "kind": "McpServer",
        "metadata": {
            "name": "time", "namespace": "tools", "uid": "0b9a", "resourceVersion": "812", "generation": 4,
            "creationTimestamp": "2026-11-05T10:00:00Z", "labels": { "team": "blue" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\":{}}" },
            "managedFields": [{ "manager": "kubectl", "operation": "Apply" }],
            "finalizers": ["example.com/hold"], "deletionTimestamp": "2026-11-06T10:00:00Z",
        },
        "spec": spec,
        "status": { "observedGeneration": 3, "tools": 2 },
    })
}

fn right() -> Value {
    server(&json!({ "http": { "url": "https://a.example", "transport": "Auto" } }))
}

#[test]
fn an_object_is_read_once_with_what_its_status_is_written_by() {
    let mut resources = Resources::default();
    let observed = resources.put(Kind::McpServer, right()).unwrap();
    assert_eq!(observed.key, ObjectKey::new("tools", "time"));
    assert_eq!((observed.uid.as_str(), observed.resource_version.as_str(), observed.generation), ("0b9a", "812", 4));
    assert_eq!(observed.status.observed_generation(), Some(3));
    let metadata = &resources.servers[&observed.key].metadata;
    assert_eq!(metadata.creation_timestamp.as_ref().unwrap().0.to_string(), "2026-11-05T10:00:00Z");
    assert_eq!(metadata.labels.as_ref().unwrap()["team"], "blue");
    assert_eq!((&metadata.annotations, &metadata.managed_fields), (&None, &None), "R45: these are dropped");
    assert!(resources.put(Kind::McpServer, json!({ "metadata": {} })).is_none());
}

/// An event replaces what the event before it left, right or refused, and a deletion leaves nothing.
#[test]
fn an_object_that_the_schema_refuses_holds_nothing() {
    let mut resources = Resources::default();
    let key = resources.put(Kind::McpServer, right()).unwrap().key;
    let of_another_release = server(&json!({ "http": { "url": "https://a.example" }, "teleport": true }));
    resources.put(Kind::McpServer, of_another_release).unwrap();
    assert!(resources.servers.is_empty());
    let refused = &resources.refused[&(Kind::McpServer, key.clone())];
    assert_eq!((refused[0].reason, refused[0].field.as_str()), (Reason::Invalid, "spec.teleport"));
    resources.put(Kind::McpServer, right()).unwrap();
    assert_eq!((resources.servers.len(), resources.refused.len()), (1, 0));
    resources.remove(Kind::McpKeyBinding, &key);
    assert_eq!(resources.servers.len(), 1, "another kind of that name");
    resources.remove(Kind::McpServer, &key);
    assert_eq!(resources, Resources::default());
}

#[test]
fn objects_of_a_cluster_and_of_files_are_the_same() {
    let text = "apiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata:\n  name: time\n  namespace: tools\n  \
                creationTimestamp: 2026-11-05T10:00:00Z\n  labels: {team: blue}\nspec: {http: {url: 'https://a.example'}}\n";
    let file = ParsedFile::parse("a.yaml", text.as_bytes()).unwrap();
    let mut resources = Resources::default();
    resources.put(Kind::McpServer, right()).unwrap();
    assert!(crate::resources::merge(&[&file]).resources == resources);
}

#[test]
fn secrets_and_namespaces_come_and_go() {
    let mut resources = Resources::default();
    let key = ObjectKey::new("tools", "token");
    resources.put_secret(key.clone(), BTreeMap::from([("key".to_owned(), b"v".to_vec())]));
    let labels = BTreeMap::from([(NAME_LABEL.to_owned(), "liar".to_owned())]);
    resources.put_namespace("tools", labels);
    assert_eq!(resources.namespaces["tools"][NAME_LABEL], "tools");
    assert_eq!(resources.secrets[&key]["key"], b"v");
    resources.remove_secret(&key);
    resources.remove_namespace("tools");
    assert_eq!(resources, Resources::default());
}

#[test]
fn settings_are_one_document_of_their_own() {
    let head = "apiVersion: switchboard.dev/v1alpha1\nkind: Settings\n";
    let bare = Some(BareNaming { namespaces: Some(vec!["tools".to_owned()]) });
    let parsed = parse_settings(&format!("{head}bareNaming: {{namespaces: [tools]}}\n")).unwrap();
    assert_eq!(parsed, Settings { bare_naming: bare, ..Settings::default() });
    for silent in ["", "# nothing yet\n", head] {
        assert_eq!(parse_settings(silent).unwrap(), Settings::default());
    }
    let fault = |text: &str| parse_settings(text).unwrap_err().to_string();
    assert_eq!(
        fault(&format!("{head}seperator: __\n")),
        "settings.yaml:3:1: Settings: seperator: unknown field; did you mean separator?"
    );
    assert!(fault("separator: __\n").starts_with("settings.yaml:1:1: not a manifest: kind is missing"));
    assert!(fault(&format!("{head}---\n{head}")).contains("a second Settings document"));
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    assert!(fault(&format!("{head}---\n{secret}")).starts_with("settings.yaml:4:1: only a Settings document"));
}
