//! `validate`: as `run` would serve a directory, or as a cluster would take it.

use super::*;

const FOR_A_CLUSTER: &[&str] = &["validate", ".", "--release-namespace", "switchboard"];

#[test]
fn a_cluster_may_hold_the_secrets_and_not_every_namespace_speaks_for_it() {
    let company = company(&[]);
    let here = company.path();
    check(here, &["validate", "."], 0, "");
    let refused = switchboard(here, FOR_A_CLUSTER);
    assert_eq!(refused.code, 1, "{}", refused.error);
    assert!(refused.out.starts_with("access.yaml:") && refused.out.contains("platform namespace"), "{}", refused.out);

    fs::write(here.join("cluster.yaml"), [HEAD, SETTINGS, "---\n", HEAD, WITH_SECRET].concat()).unwrap();
    check(here, FOR_A_CLUSTER, 0, "");
    let run = switchboard(here, &["validate", "."]);
    assert_eq!(run.code, 1, "`run` has no other place for Secrets");
    assert!(run.out.starts_with("cluster.yaml:") && run.out.contains("vault"), "{}", run.out);

    // One that is there and not marked cannot be used anywhere, and children take a namespace that may have them.
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: vault}\nstringData: {token: sb-none}\n";
    fs::write(here.join("secret.yaml"), secret).unwrap();
    let child = format!("{HEAD}kind: McpServer\nmetadata: {{name: child}}\nspec: {{stdio: {{command: echo}}}}\n");
    fs::write(here.join("child.yaml"), child).unwrap();
    let refused = switchboard(here, FOR_A_CLUSTER);
    for file in ["cluster.yaml:", "child.yaml:"] {
        assert!(refused.code == 1 && refused.out.contains(file), "{file}: {}", refused.out);
    }
    assert!(!refused.out.contains("sb-none"), "{}", refused.out);
}
