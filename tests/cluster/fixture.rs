//! Scripted MCP servers as pods behind a Service, and a namespace for them.

use std::time::Duration;

use serde_json::{Value, json};
use tests::kube::ApiServer;
use tests::upstream::Script;

/// The port of the pods and the Service.
pub(crate) const PORT: u16 = 8000;

/// How long pods of an image that is there may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Starts so many pods of a scripted server, and waits until they are ready. Gives its URL inside the cluster.
pub(crate) fn deploy(api: &ApiServer, namespace: &str, name: &str, script: &Script, replicas: u32) -> String {
    let labels = json!({ "app": name });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": labels, "ports": [{ "name": "mcp", "port": PORT }] },
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod(script) },
        },
    });
    api.apply_objects(&[service, deployment]);
    api.kubectl(&[
        "rollout",
        "status",
        "deployment",
        name,
        "--namespace",
        namespace,
        &format!("--timeout={}s", READY_WITHIN.as_secs()),
    ]);
    format!("http://{name}.{namespace}.svc.cluster.local:{PORT}/mcp")
}

/// What `restricted` asks of a container.
pub(crate) fn security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "runAsNonRoot": true,
        "capabilities": { "drop": ["ALL"] },
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

fn pod(script: &Script) -> Value {
    json!({
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 5,
        "containers": [{
            "name": "fixture",
            "image": "localhost/switchboard-fixture:test",
            "imagePullPolicy": "IfNotPresent",
            "args": [format!("0.0.0.0:{PORT}"), serde_json::to_string(script).unwrap()],
            "ports": [{ "name": "mcp", "containerPort": PORT }],
            "readinessProbe": { "tcpSocket": { "port": PORT }, "periodSeconds": 1 },
            "securityContext": security(),
        }],
    })
}
