use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

const HEADER: &str = "# Written by `UPDATE=1 cargo test -p crds`, from the types in crds/src/v1alpha1.\n";

/// The files of the chart `switchboard-crds`, as they must be.
fn chart() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/switchboard-crds");
    let version = env!("CARGO_PKG_VERSION");
    let about = format!(
        "{HEADER}apiVersion: v2\nname: switchboard-crds\ndescription: The custom resource definitions of Switchboard. They stay when the release goes.\n\
         type: application\nversion: {version}\nappVersion: {version:?}\n"
    );
    let mut files = BTreeMap::from([(root.join("Chart.yaml"), about)]);
    for kind in KINDS {
        let name = definition(kind).spec.names.plural;
        files.insert(root.join(format!("templates/{name}.yaml")), format!("{HEADER}{}", definition_yaml(kind)));
    }
    files
}

#[test]
fn chart_is_what_the_types_say() {
    for (path, wanted) in chart() {
        assert!(!wanted.contains("{{"), "Helm would take {} for a template", path.display());
        #[expect(clippy::disallowed_methods, reason = "whether to rewrite is asked of the person who runs the test")]
        if std::env::var("UPDATE").is_ok() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &wanted).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{} is stale: run UPDATE=1 cargo test -p crds", path.display());
    }
}

#[test]
fn one_stream_holds_all_definitions() {
    let text = crd_yaml();
    assert_eq!(text, crd_yaml());
    let documents: Vec<Value> = serde_yaml::Deserializer::from_str(&text)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .collect();
    let names: Vec<_> = documents.iter().map(|crd| crd["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["mcpservers.switchboard.dev", "mcpaccessgroups.switchboard.dev", "mcpkeybindings.switchboard.dev"]
    );
    for crd in &documents {
        assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        assert_eq!(crd["spec"]["versions"][0]["subresources"]["status"], serde_json::json!({}));
    }
}

#[test]
fn null_is_an_absent_field() {
    assert!(!crd_yaml().contains("nullable"));
}

#[test]
fn no_rule_looks_at_a_status() {
    for kind in KINDS {
        let schema = schema(kind);
        assert!(schema.get("x-kubernetes-validations").is_none(), "a rule of the whole object runs on status updates");
        assert!(!schema["properties"]["status"].to_string().contains("x-kubernetes-validations"));
    }
}
