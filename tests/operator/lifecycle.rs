//! From an applied object to what gateways run and what its status says, and back.

use std::time::{Duration, Instant};

use crate::pods::Pods;
use crate::release::{OWN, Release, binding, server};

/// A server whose credential is in a Secret, and the Secret.
const WITH_SECRET: &str = "---
apiVersion: switchboard.dev/v1alpha1
kind: McpServer
metadata: {name: mail, namespace: tools}
spec:
  http: {url: 'https://mail.example/mcp'}
  auth: {type: Bearer, bearer: {valueFrom: {secretKeyRef: {name: mail, key: token}}}}
---
apiVersion: v1
kind: Secret
metadata: {name: mail, namespace: tools, labels: {switchboard.dev/use: credential}}
stringData: {token: first}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_applied_is_in_force_on_every_pod_and_its_status_says_so() {
    let release = Release::install(&["tools"]).await;
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(3).await;
    release.apply(&[WITH_SECRET, &binding("tools", "laptop", "key-1", &["mail"])].concat());
    let objects = ["McpServer tools/mail", "McpKeyBinding tools/laptop"];
    for object in objects {
        for type_ in ["Accepted", "ResolvedRefs", "Programmed", "Propagated", "Ready"] {
            release.until(object, type_, &format!("True {type_}")).await;
        }
    }
    let in_force = pods.newest();
    assert!(in_force.knows("key-1") && !in_force.knows("key-2"));
    assert_eq!(in_force.secrets["tools/mail"].auth.as_deref(), Some("first"));

    // What is behind a reference changes: the object itself does not.
    release.apply(&WITH_SECRET.replace("first", "second"));
    let second = pods
        .until("the new secret", |it| {
            it.secrets.get("tools/mail").is_some_and(|it| it.auth.as_deref() == Some("second"))
        })
        .await;
    assert!(second.revision > in_force.revision);

    release.delete(&["mcpserver", "mail", "--namespace", "tools"]);
    pods.until("no server", |it| it.servers().is_empty()).await;
    release.until("McpKeyBinding tools/laptop", "ResolvedRefs", "False NotFound").await;
    // Nothing keeps a finalizer on anybody's object (R43): it is gone at once.
    assert!(release.objects("McpServer", "tools").get_opt("mail").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_there_before_the_pointer_and_gone_once_no_pod_needs_them() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(2).await;
    release.apply(&[WITH_SECRET, &server("tools", "docs")].concat());
    // With each snapshot that the reader sees, all credentials that it names can be read: they were there first.
    let whole = |it: &crate::reader::InForce| it.secrets.len() == it.servers().len();
    let first = pods.until("two servers", |it| it.servers().len() == 2).await;
    assert!(whole(&first), "{:?}", first.secrets.keys());
    let reader = crate::reader::Reader::of(&release);

    operator.until_metric("pods_propagated", |count| count > 1);
    pods.all()[1].freeze(true);
    release.apply(&WITH_SECRET.replace("first", "second"));
    let second = pods.until("the new secret", |it| it.revision > first.revision).await;
    assert!(whole(&second));
    operator.until_metric("pods_propagated", |count| count == 1);
    assert_eq!(reader.credential_entries().await, 3, "the pod that is behind may still need the old one");
    pods.all()[1].freeze(false);
    tests::wait::until_async("the old one is gone", Duration::from_secs(20), async || {
        (reader.credential_entries().await == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_a_revocation_is_in_force_within_a_second() {
    let release = Release::install(&["tools"]).await;
    let _operator = release.operator("one");
    let pods = Pods::of(&release).await;
    let keys: Vec<_> = (0..10).map(|number| format!("key-{number}")).collect();
    let bindings: Vec<_> = keys.iter().map(|key| binding("tools", key, key, &["docs"])).collect();
    release.apply(&[server("tools", "docs"), bindings.concat()].concat());
    pods.until("all keys", |it| keys.iter().all(|key| it.knows(key))).await;
    let objects = release.objects("McpKeyBinding", "tools");
    for (number, key) in keys.iter().enumerate() {
        if number % 2 == 0 {
            objects.delete(key, &kube::api::DeleteParams::default()).await.unwrap();
        } else {
            let suspend = serde_json::json!({"spec": {"suspend": true}});
            let patch = kube::api::Patch::Merge(suspend);
            objects.patch(key, &kube::api::PatchParams::default(), &patch).await.unwrap();
        }
        let answered = Instant::now();
        pods.until(key, |it| !it.knows(key)).await;
        assert!(answered.elapsed() < Duration::from_secs(1), "{key}: {:?}", answered.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_keys_are_made_once_and_a_lost_pepper_is_not_made_anew() {
    let release = Release::install(&[]).await;
    let first = release.operator("one");
    let pods = Pods::of(&release).await;
    release.apply(&binding(OWN, "laptop", "key-1", &[]));
    pods.until("the key", |it| it.knows("key-1")).await;
    let secret = || release.server.kubectl(&["get", "secret", "sb-keys", "--namespace", OWN, "-o", "jsonpath={.data}"]);
    let made = secret();
    drop(first);
    let again = release.operator("two");
    again.until_metric("leader", |leads| leads > 0);
    release.apply(&binding(OWN, "ci", "key-2", &[]));
    pods.until("the second key", |it| it.knows("key-1") && it.knows("key-2")).await;
    assert_eq!(secret(), made);

    drop(again);
    let take_out = |entry: &str| {
        let patch = format!(r#"[{{"op": "remove", "path": "/data/{entry}"}}]"#);
        release.server.kubectl(&[
            "patch",
            "secret",
            "sb-keys",
            "--namespace",
            OWN,
            "--type",
            "json",
            "--patch",
            &patch,
        ]);
    };
    take_out("fleet-token");
    let added = release.operator("three");
    added.until_metric("leader", |leads| leads > 0);
    assert!(secret().contains("fleet-token"), "what nothing depends on is made anew");
    drop(added);
    take_out("pepper");
    let mut refused = release.operator("four");
    assert!(!refused.ended().success());
    assert!(refused.log().contains("`pepper` is missing"), "{}", refused.log());
    assert!(!secret().contains("pepper"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_of_servers_is_told_once_it_has_lasted() {
    let release = Release::install(&["tools"]).await;
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(2).await;
    let told = |state: &str, tools: u32| serde_json::json!([{"name": "tools/docs", "alias": "docs", "state": state, "protocol": "2025-11-25", "tools": tools}]);
    pods.all().iter().for_each(|pod| pod.tells_of(told("ready", 7)));
    let began = Instant::now();
    release.apply(&server("tools", "docs"));
    release.until("McpServer tools/docs", "Ready", "True Ready").await;
    release.until("McpServer tools/docs", "Available", "Unknown Pending").await;
    let objects = release.objects("McpServer", "tools");
    let status = tests::wait::until_async("available", Duration::from_secs(90), async || {
        let status = objects.get("docs").await.ok()?.data["status"].clone();
        (status["tools"] == 7).then_some(status)
    })
    .await;
    assert!(began.elapsed() > Duration::from_secs(29), "R40: it has to last half a minute: {:?}", began.elapsed());
    assert_eq!(status["protocol"], "2025-11-25");
    release.until("McpServer tools/docs", "Available", "True Available").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_tells_a_transition_once() {
    let release = Release::install(&["tools"]).await;
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    release.apply(&binding("tools", "laptop", "key-1", &["docs"]));
    release.until("McpKeyBinding tools/laptop", "ResolvedRefs", "False NotFound").await;
    release.apply(&server("tools", "docs"));
    release.until("McpKeyBinding tools/laptop", "Ready", "True Ready").await;
    let told = || {
        let template = "jsonpath={range .items[*]}{.type} {.reason} {.regarding.kind}/{.regarding.name}{'\\n'}{end}";
        let text = release.server.kubectl(&["get", "events.events.k8s.io", "--namespace", "tools", "-o", template]);
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let expected = ["Normal Ready McpKeyBinding/laptop", "Warning NotFound McpKeyBinding/laptop"];
    tests::wait::until("both events", Duration::from_secs(20), || (told() == expected).then_some(()));
}
