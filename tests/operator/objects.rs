//! Objects and settings that are wrong: each costs itself and nobody else.

use kube::api::PostParams;
use serde_json::json;

use crate::pods::Pods;
use crate::release::{OWN, Release, binding, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_no_release_understands_is_refused_in_its_status_and_others_go_on() {
    let release = Release::install(&["tools"]).await;
    // As after an upgrade of the definitions alone: the apiserver lets in what this release does not know.
    let loose = json!([{
        "op": "replace",
        "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec",
        "value": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }]);
    let definition = ["patch", "crd", "mcpservers.switchboard.dev", "--type", "json", "--patch", &loose.to_string()];
    release.server.kubectl(&definition);
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    let servers = release.objects("McpServer", "tools");
    let odd = json!({
        "apiVersion": "switchboard.dev/v1alpha1", "kind": "McpServer",
        "metadata": {"name": "odd", "namespace": "tools"},
        "spec": {"http": {"url": 7}, "fromTheFuture": {"secret": "hunter2"}},
    });
    tests::wait::until_async("the loose definition", std::time::Duration::from_secs(20), async || {
        servers.create(&PostParams::default(), &serde_json::from_value(odd.clone()).unwrap()).await.ok()
    })
    .await;
    release.apply(&server("tools", "docs"));
    let refused = release.until("McpServer tools/odd", "Accepted", "False Invalid").await;
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("fromTheFuture") && !message.contains("hunter2"), "{message}");
    release.until("McpServer tools/odd", "Propagated", "False NotAccepted").await;
    release.until("McpServer tools/docs", "Ready", "True Ready").await;
    assert_eq!(pods.newest().servers(), ["tools/docs"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_do_not_parse_leave_the_last_good_ones_and_say_so() {
    let release = Release::install(&["tools"]).await;
    release.settings("separator: '__'");
    let operator = release.operator("one");
    let pods = Pods::of(&release).await;
    pods.until("the settings", |it| it.snapshot.settings.separator == "__").await;
    release.settings("separator: '?'");
    operator.until_metric("blocked{reason=\"settings\"}", |blocked| blocked > 0);
    // A revocation or a grant does not wait for them.
    release.apply(&binding("tools", "laptop", "key-1", &[]));
    let in_force = pods.until("the key", |it| it.knows("key-1")).await;
    assert_eq!(in_force.snapshot.settings.separator, "__");
    let events = ["get", "events.events.k8s.io", "--namespace", OWN, "-o", "jsonpath={.items[*].reason}"];
    tests::wait::until("an event", std::time::Duration::from_secs(10), || {
        release.server.kubectl(&events).contains("SettingsRefused").then_some(())
    });
    // A new process has no earlier ones, and does not guess: what is in force stays.
    drop(operator);
    let operator = release.operator("two");
    let detail = tests::wait::until("what is missing", std::time::Duration::from_secs(20), || {
        operator.ask("/readyz").filter(|(_, body)| body.contains("separator"))
    });
    assert_eq!(detail.0, 503, "{}", detail.1);
    release.settings("separator: '-'");
    pods.until("the new settings", |it| it.snapshot.settings.separator == "-" && it.knows("key-1")).await;
}
