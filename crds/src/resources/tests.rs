use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::{ConditionType, Reason};

const SERVER: &str =
    "apiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {name: time}\nspec: {stdio: {command: uvx}}\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, labels: {switchboard.dev/use: credential}}\n";

fn parse(path: &str, text: &str) -> ParsedFile {
    ParsedFile::parse(path, text.as_bytes()).unwrap()
}

fn read(text: &str) -> Merged {
    merge(&[&parse("a.yaml", text)])
}

fn told(merged: &Merged) -> Vec<String> {
    merged.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn an_object_without_namespace_is_in_default() {
    let merged = read(SERVER);
    assert_eq!(told(&merged), [] as [&str; 0]);
    let server = &merged.resources.servers[&ObjectKey::new("default", "time")];
    assert_eq!(server.metadata.namespace.as_deref(), Some("default"));
    assert_eq!(server.spec.stdio.as_ref().unwrap().command, "uvx");
}

/// REQUIREMENTS "Directories": an unknown field is an error, since a dropped `grnts` would inherit.
#[test]
fn a_misspelt_field_is_told_with_file_and_line() {
    let text = "apiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata:\n  name: a\nspec:\n  subject: {type: Team, team: blue}\n  \
                grants:\n    servers:\n    - name: time\n    - nmae: docs\n";
    let merged = read(text);
    assert_eq!(
        told(&merged),
        [
            "a.yaml:10: spec.grants.servers[1].name: is missing: add it",
            "a.yaml:10: spec.grants.servers[1].nmae: unknown field; did you mean name?",
        ]
    );
    let key = ObjectKey::new("default", "a");
    assert!(merged.resources.bindings.is_empty());
    let refused = &merged.resources.refused[&(Kind::McpKeyBinding, key.clone())];
    assert_eq!((refused[0].condition, refused[0].reason), (ConditionType::Accepted, Reason::Invalid));
    assert_eq!(merged.positions.locate(Kind::McpKeyBinding, &key, "spec.grants"), Some(("a.yaml".to_owned(), 7)));
    assert_eq!(merged.positions.locate(Kind::McpServer, &key, "spec"), None);
    assert_eq!(merged.all_findings(refused), merged.findings, "what was told once is not told again");
}

#[test]
fn a_finding_is_written_as_json_of_eight_fields() {
    let merged = read(&SERVER.replace("command: uvx", "command: 1"));
    let fault = ParsedFile::parse("b.yaml", b"a: [").err().unwrap();
    let findings = [merged.findings[0].clone(), Finding::from(&fault)];
    let message = "spec.stdio.command: must be a text, not a number: put it in quotes";
    let unreadable = serde_json::to_value(&findings).unwrap()[1]["message"].clone();
    assert!(unreadable.as_str().unwrap().starts_with("not YAML"));
    assert_eq!(
        serde_json::to_value(&findings[..]).unwrap(),
        json!([
            { "file": "a.yaml", "line": 4, "kind": "McpServer", "namespace": "default", "name": "time", "condition": "Accepted",
              "reason": "Invalid", "message": message },
            { "file": "b.yaml", "line": 1, "kind": "", "namespace": "", "name": "", "condition": null, "reason": "Unreadable", "message": unreadable },
        ])
    );
}

#[test]
fn the_same_object_twice_is_no_object() {
    let other = SERVER.replace("uvx", "npx").replace("name: time", "name: time, namespace: default");
    let (left, right) = (parse("a.yaml", SERVER), parse("b.yaml", &format!("# moved\n{other}")));
    let merged = merge(&[&right, &left]);
    assert_eq!(
        told(&merged),
        [
            "a.yaml:1: McpServer stands here and in b.yaml:2: neither is accepted; take one out",
            "b.yaml:2: McpServer stands here and in a.yaml:1: neither is accepted; take one out",
        ]
    );
    assert!(merged.resources.servers.is_empty());
    assert_eq!(merged.resources.refused.len(), 1);
    // A kind or namespace makes another object of it.
    let elsewhere = parse("b.yaml", &SERVER.replace("name: time", "name: time, namespace: tools"));
    assert_eq!(merge(&[&left, &elsewhere]).resources.servers.len(), 2);
}

#[test]
fn lists_are_opened_and_foreign_kinds_are_one_line() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: switchboard.dev/v1alpha1\n  kind: McpServer\n  metadata: {name: a}\n  \
                spec: {stdio: {command: x}}\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n- apiVersion: v1\n  kind: List\n  items: []\n";
    let merged = read(text);
    assert_eq!(merged.resources.servers.len(), 1);
    assert_eq!(told(&merged), ["a.yaml:8: Deployment is not read here: left out"]);
    assert!(!merged.findings[0].is_error());
    let key = ObjectKey::new("default", "a");
    assert_eq!(merged.positions.locate(Kind::McpServer, &key, "spec.stdio"), Some(("a.yaml".to_owned(), 7)));
}

#[test]
fn what_is_nearly_ours_is_no_foreign_kind() {
    let cases = [
        (SERVER.replace("McpServer", "McpSever"), "unknown kind McpSever; did you mean McpServer?"),
        (SERVER.replace("v1alpha1", "v1"), "unknown apiVersion switchboard.dev/v1: write switchboard.dev/v1alpha1"),
        (SERVER.replace("kind:", "knid:"), "not a manifest: kind is missing, or no text"),
        ("- a\n".to_owned(), "not a manifest: it needs apiVersion, kind and metadata"),
        (SERVER.replace("{name: time}", "{name: Time}"), "metadata.name: must be lower-case letters"),
        (SERVER.replace("{name: time}", "{}"), "metadata.name: is missing: add it"),
        (SERVER.replace("metadata: {name: time}", "metadata: null"), "metadata.name: is missing: add it"),
    ];
    for (text, message) in cases {
        let merged = read(&text);
        assert!(merged.findings[0].is_error());
        assert!(merged.findings[0].message.starts_with(message), "{:?}", merged.findings);
        assert_eq!(merged.resources, Resources::default());
    }
}

#[test]
fn metadata_are_read_as_the_apiserver_would() {
    let meta =
        "{name: time, uid: 7, managedFields: [], creationTimestamp: null, annotations: {a: b}, labels: {team: blue}}";
    let merged = read(&SERVER.replace("{name: time}", meta));
    assert_eq!(told(&merged), [] as [&str; 0]);
    let server = merged.resources.servers.values().next().unwrap();
    assert_eq!(server.metadata.labels.as_ref().unwrap()["team"], "blue");
    assert_eq!((&server.metadata.uid, &server.metadata.creation_timestamp), (&None, &None));
    for (meta, message) in [
        ("{name: time, labels: {a b: c}}", "metadata.labels.a b: is not the key of a label"),
        ("{name: time, labels: {a: 1}}", "metadata.labels.a: must be a text, not a number: put it in quotes"),
        ("{name: time, creationTimestamp: now}", "metadata.creationTimestamp: must be a time"),
    ] {
        let merged = read(&SERVER.replace("{name: time}", meta));
        assert!(merged.findings[0].message.starts_with(message), "{:?}", merged.findings);
        assert_eq!(merged.resources.refused.len(), 1);
    }
}

#[test]
fn secrets_are_kept_only_as_credentials() {
    let merged = read(&format!("{SECRET}data: {{a: dG9rZW4=, b: b2xk}}\nstringData: {{b: new}}\ntype: Opaque\n"));
    let data = &merged.resources.secrets[&ObjectKey::new("default", "s")];
    assert_eq!((data["a"].as_slice(), data["b"].as_slice()), (&b"token"[..], &b"new"[..]));
    assert!(!format!("{:?}", merged.resources).contains("token"));
    let unmarked = read(&format!("{}data: {{a: '!'}}\n", SECRET.replace("credential", "other")));
    assert_eq!((unmarked.resources, unmarked.findings), (Resources::default(), vec![]));
    let wrong = read(&format!("{SECRET}data: {{a: '!s3cr3t'}}\nstringData: {{b: 1}}\ndta: {{}}\n"));
    assert_eq!(
        told(&wrong),
        [
            "a.yaml:4: data.a: not base64: encode the value, or write it as it is under stringData",
            "a.yaml:5: stringData.b: must be a text: put it in quotes",
            "a.yaml:6: dta: unknown field: take it out; known here are data, stringData, type, immutable",
        ]
    );
    assert!(wrong.resources.secrets.is_empty());
}

#[test]
fn namespaces_always_have_their_name() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: tools, labels: {team: blue, kubernetes.io/metadata.name: liar}}\n";
    let labels = &read(text).resources.namespaces["tools"];
    assert_eq!((labels["team"].as_str(), labels["kubernetes.io/metadata.name"].as_str()), ("blue", "tools"));
}

#[test]
fn settings_are_one_document_or_a_fault_of_the_file() {
    let text = "apiVersion: switchboard.dev/v1alpha1\nkind: Settings\nseparator: __\nstdio: null\n";
    assert_eq!(read(text).resources.settings.separator.as_deref(), Some("__"));
    let fault = |text: &str| ParsedFile::parse("a.yaml", text.as_bytes()).err().unwrap().to_string();
    assert_eq!(
        fault(&text.replace("separator", "seperator")),
        "a.yaml:3:1: Settings: seperator: unknown field; did you mean separator?"
    );
    assert_eq!(
        fault(&format!("{SERVER}---\n{text}---\n{text}")),
        "a.yaml:11:1: a second Settings document, the first is in line 6: merge the two"
    );
    assert!(
        fault(&format!("{text}platformNamespaces: []\n"))
            .contains("platformNamespaces: has 0 entries, needs at least 1")
    );

    let (left, right) = (parse("a.yaml", text), parse("b.yaml", &format!("{SERVER}---\n{text}")));
    let merged = merge(&[&left, &right]);
    assert_eq!(merged.resources.settings, Settings::default());
    assert_eq!(merged.resources.servers.len(), 1, "the other objects of both files stand");
    assert_eq!(
        merged.settings_fault.unwrap().to_string(),
        "b.yaml:6:1: a second Settings document, the first is in a.yaml:1: merge the two"
    );
}

/// All accepted manifests, and some that are not, as documents.
fn documents() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schema");
    let mut texts = Vec::new();
    for (name, least) in [("accept", 0), ("reject", 20)] {
        let mut files: Vec<_> =
            std::fs::read_dir(folder.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let take = if least == 0 { files.len() } else { least };
        texts.extend(files.iter().take(take).map(|file| std::fs::read_to_string(file).unwrap()));
    }
    texts.extend([SERVER.to_owned(), SERVER.replace("uvx", "npx"), format!("{SECRET}data: {{a: dG9rZW4=}}\n")]);
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// ACCESS.md: shuffling objects, files and documents changes nothing.
    #[test]
    fn order_and_files_change_nothing(order in Just(documents()).prop_shuffle(), cut in 1usize..20, flip in any::<bool>()) {
        let whole = merge(&[&parse("all.yaml", &documents().join("\n---\n"))]).resources;
        let texts: Vec<String> = order.chunks(cut).map(|documents| documents.join("\n---\n")).collect();
        let parsed: Vec<ParsedFile> = texts.iter().enumerate().map(|(index, text)| parse(&format!("{index}.yaml"), text)).collect();
        let mut files: Vec<&ParsedFile> = parsed.iter().collect();
        if flip {
            files.reverse();
        }
        prop_assert!(merge(&files).resources == whole);
    }

    /// A mutated manifest is read or refused, never a panic, and what is read can be merged and told.
    #[test]
    fn mutated_manifests_never_panic(
        text in proptest::sample::select(documents()),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0usize..6, "[-:,&*!|>'\"%{}\\[\\]#~<a0 \t\n\u{e9}]{0,4}"), 1..8),
        json in any::<bool>(),
    ) {
        let mut text: Vec<char> = text.chars().collect();
        for (place, cut, new) in edits {
            let start = place.index(text.len() + 1);
            let end = (start + cut).min(text.len());
            text.splice(start..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(file) = ParsedFile::parse(if json { "a.json" } else { "a.yaml" }, text.as_bytes()) {
            let merged = merge(&[&file, &file]);
            prop_assert!(merged.findings.iter().all(|finding| finding.line > 0 && !finding.to_string().is_empty()));
        }
    }
}
