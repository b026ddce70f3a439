//! Marked secrets in every place of objects and Secrets that can hold one,
//! good ones and bad ones; then all that the operator writes and says is
//! searched for them, but for the data of the Secrets that it keeps them in.

use serde_json::{Value, json};
use tests::figures::Figures;
use tests::marks::Marks;

use crate::pods::Pods;
use crate::release::Release;

fn object(kind: &str, name: &str, spec: &Value) -> String {
    let metadata = json!({"name": name, "namespace": "tools"});
    let object = json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    format!("---\n{object}\n")
}

fn secret(name: &str, labelled: bool, data: &Value) -> String {
    let labels = if labelled { json!({"switchboard.dev/use": "credential"}) } else { json!({}) };
    let metadata = json!({"name": name, "namespace": "tools", "labels": labels});
    format!("---\n{}\n", json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}))
}

fn from(name: &str, key: &str) -> Value {
    json!({"valueFrom": {"secretKeyRef": {"name": name, "key": key}}})
}

/// Each object by its name, and the condition that says that the operator has looked at it.
fn objects(marks: &Marks) -> (String, Vec<(&'static str, &'static str)>) {
    let url = |place: &str| format!("https://up.example/mcp?key={}", marks.plant(place));
    let mut held = json!({
        "auth": marks.plant("auth in a Secret"), "url": url("a URL in a Secret"), "key": marks.plant("a key in a Secret"),
        "header": marks.plant("a header in a Secret"), "secret": marks.plant("a client's secret in a Secret"),
    });
    // What cannot be used: the reason is told, and not the value.
    held["lines"] = json!(format!("{}\n{}", marks.plant("a header of two lines"), marks.plant("its second line")));
    held["ftp"] = json!(format!("ftp://up.example/{}", marks.plant("a URL of another scheme")));
    held["user"] = json!(format!("https://{}@up.example/mcp", marks.plant("a user in a URL")));
    let bearer = |value: Value| json!({"type": "Bearer", "bearer": value});
    let oauth = |secret: Value| {
        let id = json!({"value": marks.plant("a client's id")});
        let client = json!({"tokenUrl": url("a token endpoint"), "clientId": id, "clientSecret": secret});
        json!({"type": "OAuth2ClientCredentials", "oauth2ClientCredentials": client})
    };
    let http = |more: Value| {
        let mut http = json!({"url": url("a URL")});
        http.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        http
    };
    let header = |value: Value| {
        let mut header = value;
        header["name"] = json!("x-own");
        json!({"headers": [header]})
    };
    let env = json!([{"name": "TOKEN", "value": marks.plant("a variable")}]);
    let servers = [
        (
            "inline",
            "Programmed",
            json!({"http": http(header(json!({"value": marks.plant("a header")}))), "auth": bearer(json!({"value": marks.plant("auth")}))}),
        ),
        (
            "held",
            "Programmed",
            json!({"http": {"urlFrom": from("held", "url")["valueFrom"], "headers": header(from("held", "header"))["headers"]}, "auth": bearer(from("held", "auth"))}),
        ),
        (
            "oauth",
            "Programmed",
            json!({"http": http(json!({})), "auth": oauth(json!({"value": marks.plant("a client's secret")}))}),
        ),
        ("oauth-held", "Programmed", json!({"http": http(json!({})), "auth": oauth(from("held", "secret"))})),
        ("unlabelled", "ResolvedRefs", json!({"http": http(json!({})), "auth": bearer(from("unlabelled", "auth"))})),
        ("missing", "ResolvedRefs", json!({"http": http(json!({})), "auth": bearer(from("held", "missing"))})),
        ("lines", "ResolvedRefs", json!({"http": http(header(from("held", "lines")))})),
        ("ftp", "ResolvedRefs", json!({"http": {"urlFrom": from("held", "ftp")["valueFrom"]}})),
        ("user", "ResolvedRefs", json!({"http": {"urlFrom": from("held", "user")["valueFrom"]}})),
        ("child", "Accepted", json!({"stdio": {"command": "uvx", "env": env}})),
    ];
    let keys = |secret: &str, key: &str| json!({"subject": {"type": "Key", "keys": [{"name": "k", "valueFrom": from(secret, key)["valueFrom"]}]}});
    let mut manifests = secret("held", true, &held);
    manifests += &secret("unlabelled", false, &json!({"auth": marks.plant("auth in a Secret without the label")}));
    let mut seen = Vec::new();
    for (name, condition, spec) in servers {
        manifests += &object("McpServer", name, &spec);
        seen.push((name, condition));
    }
    manifests += &object("McpKeyBinding", "good-key", &keys("held", "key"));
    manifests += &object("McpKeyBinding", "bad-key", &keys("unlabelled", "auth"));
    (manifests, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r21_nothing_that_the_operator_writes_or_says_has_a_secret_in_it() {
    let release = Release::install(&["tools"]).await;
    let operator = release.talkative_operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    let marks = Marks::default();
    let (manifests, seen) = objects(&marks);
    release.apply(&manifests);
    for (name, condition) in seen {
        let good = condition == "Programmed";
        let status = if good { "True" } else { "False" };
        release.until_condition(&format!("McpServer tools/{name}"), condition, |it| it["status"] == status).await;
    }
    release.until_condition("McpKeyBinding tools/good-key", "Programmed", |it| it["status"] == "True").await;
    release.until_condition("McpKeyBinding tools/bad-key", "ResolvedRefs", |it| it["status"] == "False").await;

    let kubectl = |what: &str, path: &str| {
        release.server.kubectl(&["get", what, "--all-namespaces", "-o", &format!("jsonpath={path}")])
    };
    let kinds = "mcpservers,mcpkeybindings,mcpaccessgroups";
    let page = |path: &str| operator.ask(path).unwrap().1;
    let left = [
        ("the statuses", kubectl(kinds, "{.items[*].status}")),
        ("the events", kubectl("events.events.k8s.io", "{.items}")),
        ("the ConfigMaps", kubectl("configmaps", "{.items}")),
        ("what Secrets are called", kubectl("secrets", "{.items[*].metadata}")),
        ("the leases", kubectl("leases", "{.items}")),
        ("the snapshot", serde_json::to_string(&pods.newest().snapshot).unwrap()),
        ("the metrics", page("/metrics")),
        ("its readiness", page("/readyz")),
        ("the log", operator.log()),
    ];
    for (what, text) in &left[..1] {
        assert!(text.contains("SecretNotUsable"), "{what} was read: {text}");
    }
    assert!(left[8].1.len() > 10_000, "the log was talkative: {}", left[8].1.len());
    let found: Vec<String> = left.iter().flat_map(|(what, text)| marks.found_in(what, text)).collect();
    let figures = Figures::of("operator");
    let [planted, seen] = [marks.count(), found.len()].map(|count| f64::from(u32::try_from(count).unwrap()));
    figures.write("operator_planted_secrets", planted, &[planted]);
    figures.write("operator_planted_secrets_found", seen, &[seen]);
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), marks.count(), found.join("\n"));
    assert!(!marks.found_in("Secrets", &release.server.kubectl(&["get", "secrets", "-A", "-o", "yaml"])).is_empty());
}
