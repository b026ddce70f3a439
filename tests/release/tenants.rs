//! Two namespaces as two tenants: what crosses from one to the other without
//! consent is void, and the object that asks for it says why.

use std::fmt::Write as _;
use std::time::Duration;

use tests::wait::until;

use crate::scene::{RELEASE, Scene, client_of, sha256, succeeded};

/// An object, and the condition that it must have: kind, namespace, name, type, status, reason.
type Expected = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const EXPECTED: [Expected; 9] = [
    // Neither may hold the other's server.
    ("mcpkeybinding", "tenant-a", "to-b", "ResolvedRefs", "False", "NotPermitted"),
    ("mcpkeybinding", "tenant-b", "to-a", "ResolvedRefs", "False", "NotPermitted"),
    // Nor may a server join the other's group, or the group hold it, or a binding name it.
    ("mcpaccessgroup", "tenant-b", "holds-a", "ResolvedRefs", "False", "NotPermitted"),
    ("mcpserver", "tenant-a", "joins-b", "ResolvedRefs", "False", "NotPermitted"),
    ("mcpkeybinding", "tenant-a", "names-group-b", "ResolvedRefs", "False", "NotPermitted"),
    // Nor name the other's team as a parent; what is not there reads the same.
    ("mcpkeybinding", "tenant-b", "child-of-a", "ResolvedRefs", "False", "ParentDead"),
    ("mcpkeybinding", "tenant-b", "to-nothing", "ResolvedRefs", "False", "NotPermitted"),
    // With consent both ways work.
    ("mcpkeybinding", "tenant-b", "invited", "Ready", "True", "Ready"),
    // A Secret without the label is none.
    ("mcpserver", "tenant-a", "unlabelled", "ResolvedRefs", "False", "SecretNotUsable"),
];

/// Applies all of it, and looks at each condition and at what the callers get.
pub(crate) fn get_what_was_consented_to(scene: &Scene) {
    let manifests = MANIFESTS
        .replace("KEY-A", &sha256("sb-tenant-a"))
        .replace("KEY-B", &sha256("sb-tenant-b"))
        .replace("KEY-C", &sha256("sb-child"))
        .replace("KEY-I", &sha256("sb-invited"));
    scene.apply(&manifests);
    for (kind, namespace, name, type_, status, reason) in EXPECTED {
        until(&format!("{kind} {namespace}/{name}: {type_}={status} {reason}"), Duration::from_secs(30), || {
            let path = format!(".status.conditions[?(@.type=='{type_}')]['status','reason']");
            let found = scene.member(kind, namespace, name, &path);
            (found == format!("{status} {reason}")).then_some(())
        });
    }
    are_refused_when_applied(scene);
    egress_is_refused(scene);
    scene.settled();
    let url = scene.url();
    scene.block_on(async {
        assert!(client_of(&url, "sb-tenant-b").tools().await.is_empty(), "nothing of tenant a");
        let answer = client_of(&url, "sb-tenant-b").call("open_a-echo", r#"{"text":"x"}"#).await;
        assert!(!succeeded(&answer), "{answer:?}");
        let mut invited = client_of(&url, "sb-invited");
        assert!(invited.tools().await.contains(&"open_a-echo".to_owned()));
        let answer = invited.call("open_a-echo", r#"{"text":"x"}"#).await;
        assert!(succeeded(&answer), "{answer:?}");
    });
    for namespace in ["tenant-a", "tenant-b"] {
        scene.kubectl(&["-n", namespace, "delete", "mcpserver,mcpaccessgroup,mcpkeybinding,secret", "-l", "tenants"]);
    }
    scene.settled();
}

/// What the settings do not let a tenant have is refused by the admission policies, in the words of the compiler.
fn are_refused_when_applied(scene: &Scene) {
    let of = |kind: &str, namespace: &str, spec: &str| {
        format!(
            "{{apiVersion: switchboard.dev/v1alpha1, kind: {kind}, metadata: {{name: refused, namespace: {namespace}}}, spec: {spec}}}"
        )
    };
    let stdio = "{stdio: {command: switchboard, args: [demo-server]}}";
    let bare = "{http: {url: \"http://10.77.0.1:1/mcp\"}, naming: {type: Bare}}";
    let anonymous = "{subject: {type: Anonymous}, grants: {}}";
    for (manifest, words) in [
        (of("McpServer", "tenant-b", stdio), "do not let this namespace, or this command, start child processes"),
        (of("McpServer", "tenant-b", bare), "do not let this namespace publish bare names"),
        (
            of("McpKeyBinding", "tenant-a", anonymous),
            "only a platform namespace may have a subject User, Claims or Anonymous",
        ),
    ] {
        let refused = scene.try_apply(&manifest);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(words), "{manifest}: {said}");
    }
}

/// R20: servers at the metadata service, at loopback, at the apiserver and at the gateway itself are not connected to.
fn egress_is_refused(scene: &Scene) {
    let service = scene.service();
    let gateway = scene.gateways().remove(0);
    let apiserver = scene.kubectl(&["get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"]);
    let targets = [
        ("metadata", "http://169.254.169.254/mcp".to_owned()),
        ("loopback", "http://127.0.0.1:9090/mcp".to_owned()),
        ("apiserver", format!("https://{apiserver}:443/mcp")),
        ("itself", format!("http://{}:8080/mcp", gateway.ip)),
        ("service", format!("http://{service}/mcp")),
        ("name", format!("http://{RELEASE}-gateway.{RELEASE}.svc/mcp")),
    ];
    let mut manifests = String::new();
    for (name, url) in &targets {
        let _ = writeln!(
            manifests,
            "---\n{{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {{name: at-{name}, namespace: tenant-a, labels: {{tenants: \"\"}}}}, spec: {{http: {{url: \"{url}\"}}}}}}"
        );
    }
    scene.apply(&manifests);
    let token = scene.fleet_token();
    scene.settled();
    for (name, url) in &targets {
        until(&format!("{url} is refused"), Duration::from_secs(40), || {
            let (_, status) = scene.get(&scene.gateways()[0], "/status", Some(&token));
            let status: serde_json::Value = serde_json::from_str(&status).unwrap();
            let server = status["servers"]
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["name"] == format!("tenant-a/at-{name}"))
                .cloned()?;
            let detail = server["detail"].as_str().unwrap_or_default().to_owned();
            (server["state"] == "unreachable" && detail.contains("refused by the egress policy")).then_some(())
        });
    }
    until("its status says that it is not available", Duration::from_secs(120), || {
        (scene.condition("mcpserver", "tenant-a", "at-metadata", "Available") == "False").then_some(())
    });
}

const MANIFESTS: &str = r#"---
{apiVersion: v1, kind: Secret, metadata: {name: plain, namespace: tenant-a, labels: {tenants: ""}}, stringData: {token: t}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {name: closed-a, namespace: tenant-a, labels: {tenants: ""}}, spec: {stdio: {command: switchboard, args: [demo-server]}, sessionMode: Shared}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {name: open-a, namespace: tenant-a, labels: {tenants: ""}}, spec: {stdio: {command: switchboard, args: [demo-server]}, sessionMode: Shared, allowedNamespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: tenant-b}}}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {name: closed-b, namespace: tenant-b, labels: {tenants: ""}}, spec: {http: {url: "http://10.77.0.1:1/mcp"}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {name: unlabelled, namespace: tenant-a, labels: {tenants: ""}}, spec: {http: {url: "http://10.77.0.1:1/mcp"}, auth: {type: Bearer, bearer: {valueFrom: {secretKeyRef: {name: plain, key: token}}}}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {name: joins-b, namespace: tenant-a, labels: {tenants: ""}}, spec: {http: {url: "http://10.77.0.1:1/mcp"}, accessGroups: [{name: group-b, namespace: tenant-b}]}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpAccessGroup, metadata: {name: group-b, namespace: tenant-b, labels: {tenants: ""}}, spec: {servers: [{name: closed-b}]}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpAccessGroup, metadata: {name: holds-a, namespace: tenant-b, labels: {tenants: ""}}, spec: {servers: [{name: closed-a, namespace: tenant-a}]}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: team-a, namespace: tenant-a, labels: {tenants: ""}}, spec: {subject: {type: Team, team: a}, grants: {servers: [{name: closed-a}]}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: to-b, namespace: tenant-a, labels: {tenants: ""}}, spec: {subject: {type: Key, keys: [{name: k, sha256: KEY-A}]}, grants: {servers: [{name: closed-b, namespace: tenant-b}]}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: to-a, namespace: tenant-b, labels: {tenants: ""}}, spec: {subject: {type: Key, keys: [{name: k, sha256: KEY-B}]}, grants: {servers: [{name: closed-a, namespace: tenant-a}]}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: to-nothing, namespace: tenant-b, labels: {tenants: ""}}, spec: {subject: {type: Team, team: nothing}, grants: {servers: [{name: missing, namespace: tenant-a}]}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: names-group-b, namespace: tenant-a, labels: {tenants: ""}}, spec: {subject: {type: Team, team: names}, grants: {accessGroups: [{name: group-b, namespace: tenant-b}]}}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: child-of-a, namespace: tenant-b, labels: {tenants: ""}}, spec: {subject: {type: Key, keys: [{name: k, sha256: KEY-C}]}, team: a}}
---
{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {name: invited, namespace: tenant-b, labels: {tenants: ""}}, spec: {subject: {type: Key, keys: [{name: k, sha256: KEY-I}]}, grants: {servers: [{name: open-a, namespace: tenant-a}]}}}
"#;
