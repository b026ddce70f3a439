//! Several namespaces, and several releases.

use std::time::Duration;

use crate::pods::Pods;
use crate::release::{OWN, Release, binding, server};

/// A server of `blue`, one of `red`, and bindings of each that name the other's.
fn two_tenants(consent: &str) -> String {
    let shared = server("blue", "shared").replace("spec: {", &format!("spec: {{{consent}"));
    let across = |name: &str, server: &str| {
        binding("red", name, name, &[])
            .replace("servers: []", &format!("servers: [{{name: {server}, namespace: blue}}]"))
    };
    [shared, server("blue", "own"), across("reader", "shared"), across("prober", "nothing")].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_gets_what_the_other_consents_to_and_learns_nothing_else() {
    let release = Release::install(&["blue", "red"]).await;
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    release.apply(&two_tenants(""));
    release.until("McpKeyBinding red/reader", "Ready", "False NotPermitted").await;
    release.until("McpKeyBinding red/prober", "Ready", "False NotPermitted").await;
    let used = |it: &crate::reader::InForce| {
        let caller = it.snapshot.callers.iter().find(|caller| caller.id == "red/reader").unwrap();
        it.snapshot.servers_of(caller, 0).map(|server| it.servers()[server as usize].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(used(&pods.newest()), Vec::<String>::new());
    release.apply(&two_tenants("allowedNamespaces: {from: Selector, selector: {matchLabels: {team: red}}}, "));
    release.until("McpServer blue/shared", "Ready", "True Ready").await;
    release.until("McpKeyBinding red/reader", "Ready", "False NotPermitted").await;
    // The namespace's own label makes it so.
    release.server.kubectl(&["label", "namespace", "red", "team=red"]);
    release.until("McpKeyBinding red/reader", "Ready", "True Ready").await;
    // Its generation was in force before; the status tells of what the label changes as soon as it is compiled.
    pods.until("the consent", |it| used(it) == ["blue/shared"]).await;
    release.server.kubectl(&["label", "namespace", "red", "team-"]);
    pods.until("the consent is over", |it| used(it).is_empty()).await;
    release.until("McpKeyBinding red/reader", "Ready", "False NotPermitted").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r45_a_secret_is_used_with_its_label_and_in_its_namespace_only() {
    let release = Release::install(&["blue", "red"]).await;
    let _operator = release.operator("one");
    let pods = Pods::of(&release).await;
    let secret = |namespace: &str, label: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: mail, namespace: {namespace}, labels: {{{label}}}}}\n\
             stringData: {{token: hunter2}}\n"
        )
    };
    let mail = server("red", "mail").replace(
        "spec: {",
        "spec: {auth: {type: Bearer, bearer: {valueFrom: {secretKeyRef: {name: mail, key: token}}}}, ",
    );
    // The same name with the label, in another namespace; and without it, in the right one.
    release.apply(&[mail, secret("blue", "switchboard.dev/use: credential"), secret("red", "")].concat());
    let told = release.until("McpServer red/mail", "ResolvedRefs", "False SecretNotUsable").await;
    assert!(told["message"].as_str().unwrap().contains("missing, or without the label"), "{told}");
    release.server.kubectl(&["label", "secret", "mail", "--namespace", "red", "switchboard.dev/use=credential"]);
    pods.until("the secret", |it| it.secrets.contains_key("red/mail")).await;
    release.until("McpServer red/mail", "ResolvedRefs", "True ResolvedRefs").await;
    release.server.kubectl(&["label", "secret", "mail", "--namespace", "red", "switchboard.dev/use-"]);
    pods.until("no secret", |it| it.secrets.is_empty()).await;
    release.until("McpServer red/mail", "ResolvedRefs", "False SecretNotUsable").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r43_of_two_releases_on_a_namespace_the_second_leaves_it_to_the_first() {
    let first = Release::install(&["blue", "red"]).await;
    let one = first.operator("one");
    let pods = Pods::of(&first).await;
    first.apply(&[binding("blue", "laptop", "key-1", &[]), binding(OWN, "own", "key-own", &[])].concat());
    pods.until("the key", |it| it.knows("key-1")).await;
    let second = first.second("other", &["blue", "green"]).await;
    first.apply(&binding("green", "laptop", "key-2", &[]));
    let two = second.operator("one");
    let of_second = Pods::of(&second).await;
    let in_force = of_second.until("its own key", |it| it.knows("key-2")).await;
    assert!(!in_force.knows("key-1"), "the namespace blue is the first one's");
    assert_eq!(two.metric("foreign_namespaces"), Some(1));
    assert!(two.log().contains("the release mcp/sb serves this namespace"), "{}", two.log());
    let events = ["get", "events.events.k8s.io", "--namespace", "blue", "-o", "jsonpath={.items[*].reason}"];
    tests::wait::until("an event", Duration::from_secs(10), || {
        first.server.kubectl(&events).contains("ServedByAnotherRelease").then_some(())
    });
    // The first one goes on as if nothing were.
    assert_eq!(one.metric("foreign_namespaces"), Some(0));
    first.apply(&binding("blue", "ci", "key-3", &[]));
    pods.until("the third key", |it| it.knows("key-1") && it.knows("key-3")).await;
    assert!(!of_second.newest().knows("key-3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_namespaces_are_served_when_that_is_said() {
    let release = Release::install(&["blue", "red"]).await;
    let rule = |groups: &str, resources: &[&str], verbs: &[&str]| k8s_openapi::api::rbac::v1::PolicyRule {
        api_groups: Some(vec![groups.to_owned()]),
        resources: Some(resources.iter().map(|it| (*it).to_owned()).collect()),
        verbs: verbs.iter().map(|it| (*it).to_owned()).collect(),
        ..Default::default()
    };
    let kinds = ["mcpservers", "mcpaccessgroups", "mcpkeybindings"];
    let statuses = kinds.map(|kind| format!("{kind}/status"));
    let everywhere = [
        rule("switchboard.dev", &kinds, &["get", "list", "watch"]),
        rule("switchboard.dev", &statuses.each_ref().map(String::as_str), &["get", "patch"]),
        rule("", &["secrets", "namespaces"], &["get", "list", "watch"]),
        rule("coordination.k8s.io", &["leases"], &["get", "create", "update"]),
        rule("events.k8s.io", &["events"], &["create", "patch"]),
    ];
    release.account.grant_everywhere(&everywhere).await;
    release.apply(&binding("blue", "laptop", "key-1", &[]));
    let _operator = release.operator_watching("one", &["--all-namespaces"]);
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    pods.until("the first key", |it| it.knows("key-1")).await;
    // A namespace that is made later, too.
    release.server.namespace("green", &[]).await;
    release.apply(&binding("green", "laptop", "key-2", &[]));
    pods.until("the second key", |it| it.knows("key-1") && it.knows("key-2")).await;
    release.until("McpKeyBinding green/laptop", "Ready", "True Ready").await;
}
