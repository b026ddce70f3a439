//! Questions about a live cluster: of the objects that its operator compiles,
//! under its settings, to whoever may read them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::release::{OWN, Release, binding, server};

/// Runs `switchboard` as somebody, about release `sb`.
fn ask(kubeconfig: &Path, arguments: &[&str]) -> Output {
    let mut switchboard = Command::new(tests::process::binary());
    switchboard.args(arguments).args(["--release", "sb", "--release-namespace", OWN]);
    switchboard.env("KUBECONFIG", kubeconfig).output().unwrap()
}

fn check(output: &Output, code: i32, out: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(code), out), "{}", text(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_answers_as_its_directory_does_and_a_plan_tells_them_apart() {
    let release = Release::install(&["tools"]).await;
    let admin = release.server.kubeconfig();
    let asked = ["can-i", "--key", "tools/laptop", "call", "docs/search", "--live"];
    let no_settings = ask(admin, &asked);
    check(&no_settings, 2, "");
    let said = String::from_utf8_lossy(&no_settings.stderr);
    assert!(said.contains("there is no ConfigMap mcp/sb-settings"), "{said}");

    release.settings("separator: '__'");
    let manifests = [server("tools", "docs"), server("tools", "mail"), binding("tools", "laptop", "key-1", &["docs"])];
    release.apply(&manifests.concat());
    let granted = "McpKeyBinding tools/laptop spec.grants.servers[0]: gives all tools of McpServer tools/docs";
    check(&ask(admin, &asked), 0, &format!("yes\n  {granted}\n"));
    let watched = [&asked[..], &["--watch-namespaces", "mcp,tools"]].concat();
    check(&ask(admin, &watched), 0, &format!("yes\n  {granted}\n"));

    // What access depends on and the directory does not hold is the cluster's: that tools speaks for the whole company.
    release.settings("platformNamespaces: [tools]");
    let anybody = "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata: {name: anybody, namespace: tools}\n\
                   spec: {subject: {type: Anonymous}, grants: {servers: [{name: mail}]}}\n";
    release.apply(anybody);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all.yaml");
    fs::write(&file, [&manifests.concat(), anybody].concat()).unwrap();
    let plan = ["plan", "live", folder.path().to_str().unwrap(), "--fail-on", "any"];
    check(&ask(admin, &plan), 0, "");
    let wider = binding("tools", "laptop", "key-1", &["docs", "mail"]);
    fs::write(&file, [server("tools", "docs"), server("tools", "mail"), wider, anybody.to_owned()].concat()).unwrap();
    let gained = ["tools", "prompts", "resources"].map(|kind| format!("  + tools/mail {kind}: nothing → all\n"));
    check(&ask(admin, &plan), 1, &format!("tools/laptop\n{}", gained.concat()));

    // Who may read the objects and not the Secrets would get an answer without the keys that stand there.
    let nobody = release.server.account(OWN, "nobody").await;
    let refused = ask(&nobody.kubeconfig, &asked);
    check(&refused, 2, "");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("mcp/sb-settings cannot be read") && said.contains("forbidden"), "{said}");
}
