//! Rights that somebody takes away: what was known stays in force.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::Role;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::pods::Pods;
use crate::release::{Release, binding, server};

/// Takes the right to see bindings away, or gives it back.
async fn may_see_bindings(release: &Release, may: bool) {
    let roles: Api<Role> = Api::namespaced(release.client.clone(), "tools");
    let mut role = roles.get("sb-watch").await.unwrap();
    for rule in role.rules.as_mut().unwrap() {
        let resources = rule.resources.get_or_insert_default();
        if resources.iter().any(|resource| resource == "mcpservers") {
            resources.retain(|resource| resource != "mcpkeybindings");
            resources.extend(may.then(|| "mcpkeybindings".to_owned()));
        }
    }
    let changed = json!({"rules": role.rules});
    roles.patch("sb-watch", &PatchParams::default(), &Patch::Merge(changed)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_list_a_kind_nothing_is_unpublished() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    pods.until("the key", |it| it.knows("key-1") && it.servers().len() == 1).await;

    may_see_bindings(&release, false).await;
    // The watch that is open goes on until the apiserver ends it; after that there is none.
    tests::wait::until("it says so", Duration::from_secs(90), || {
        operator.metric("unknown_streams{resource=\"mcpkeybindings\"}").filter(|count| *count > 0)
    });
    release.apply(&server("tools", "mail"));
    let in_force = pods.until("the other server", |it| it.servers().len() == 2).await;
    assert!(in_force.knows("key-1"), "what was last seen of bindings is in force");
    let (status, detail) = operator.ask("/readyz").unwrap();
    assert_eq!(status, 200);
    assert!(detail.contains("mcpkeybindings of namespace tools"), "{detail}");

    // A process that never saw the bindings compiles nothing.
    drop(operator);
    let operator = release.operator("two");
    operator.until_metric("leader", |leads| leads > 0);
    release.apply(&server("tools", "wiki"));
    tests::wait::until("it says what is missing", Duration::from_secs(20), || {
        operator.ask("/readyz").filter(|(status, body)| *status == 503 && body.contains("mcpkeybindings"))
    });
    assert_eq!(operator.metric("compile_seconds_count"), Some(0));
    assert_eq!(pods.newest().revision, in_force.revision);

    may_see_bindings(&release, true).await;
    let in_force = pods.until("all of it", |it| it.servers().len() == 3).await;
    assert!(in_force.knows("key-1"));
    operator.until_metric("unknown_streams{resource=\"mcpkeybindings\"}", |count| count < 1);
}
