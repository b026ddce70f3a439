//! The kustomize base is the chart with its default values, and the example of an overlay does what it says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::derived::assert_is;
use crate::helm::Release;
use crate::objects::{Objects, texts};
use crate::tools::{checkout, installed, run};

const HEADER: &str = "# Written by UPDATE=1 tests/run charts: the chart `switchboard` with its default values.\n";

fn folder(name: &str) -> PathBuf {
    checkout("deploy/kustomize").join(name)
}

/// What a folder's kustomization comes to.
pub(crate) fn built(folder: &Path) -> Objects {
    Objects::parse(&text(folder))
}

/// The same as text.
pub(crate) fn text(folder: &Path) -> String {
    run(Command::new(installed("kubectl")).arg("kustomize").arg(folder)).unwrap()
}

#[test]
fn the_base_is_the_chart_with_default_values() {
    let rendered = Release::default_values().without_tests();
    // Which file of the chart an object is of is nothing to who has no Helm.
    let lines = rendered.lines().filter(|line| !line.starts_with("# Source: "));
    let text = lines.fold(HEADER.to_owned(), |text, line| text + line + "\n");
    assert_is(&folder("base").join("switchboard.yaml"), &text);
    assert_eq!(built(&folder("base")).sorted(), Objects::parse(&rendered).sorted());
}

#[test]
fn the_example_of_an_overlay_builds_and_holds_together() {
    let objects = built(&folder("overlays/example"));
    assert_eq!(objects.of("CustomResourceDefinition").count(), 3);
    assert!(!objects.0.iter().any(|object| object["kind"].as_str().unwrap().starts_with("ValidatingAdmission")));
    let spec = |name: &str| &objects.get("Deployment", name)["spec"];
    assert_eq!(spec("switchboard-gateway")["replicas"], 5);
    for name in ["switchboard-gateway", "switchboard-operator"] {
        let container = &spec(name)["template"]["spec"]["containers"][0];
        assert!(container["image"].as_str().unwrap().starts_with("registry.example.com/"), "{container}");
    }
    // What the operator is told to watch is what it may.
    let operator = &spec("switchboard-operator")["template"]["spec"]["containers"][0];
    assert!(texts(&operator["args"]).contains(&"--watch-namespaces=quickstart"), "{operator}");
    let role = objects.get("Role", "switchboard-watch");
    assert_eq!(role["metadata"]["namespace"], "quickstart");
    let binding = objects.get("RoleBinding", "switchboard-watch");
    assert_eq!(binding["metadata"]["namespace"], "quickstart");
    assert_eq!(binding["subjects"][0]["namespace"], "switchboard", "the account stays where it is");
    let namespaces = objects.get("ClusterRole", "switchboard:switchboard:switchboard");
    assert_eq!(namespaces["rules"][0]["resourceNames"], json!(["quickstart"]));
    let settings = objects.get("ConfigMap", "switchboard-settings")["data"]["settings.yaml"].as_str().unwrap();
    assert!(settings.contains("namespaces: [quickstart]"), "{settings}");
}
