//! What is in the images, tried in pods of a restricted namespace.

use serde_json::json;
use tests::kube::{Cluster, RESTRICTED};

use crate::fixture::security;

const WITHIN: &str = "--timeout=60s";

/// Runs a command in a pod of an image, and gives what it printed. Not as the pod's own command: where a container ends as
/// soon as it has printed much, containerd may lose what its log should have had (containerd issue 12289).
fn run(cluster: &Cluster, name: &str, image: &str, command: &[&str]) -> String {
    let namespace = "images";
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": false,
            "containers": [{
                "name": "main", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"],
                "securityContext": security(),
                "env": [{ "name": "HOME", "value": "/tmp" }],
                "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp" }],
            }],
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
        },
    });
    cluster.api().apply_objects(&[pod]);
    cluster.api().kubectl(&["wait", "--for=condition=Ready", WITHIN, "--namespace", namespace, &format!("pod/{name}")]);
    cluster.api().kubectl(&[&["exec", name, "--namespace", namespace, "--"], command].concat())
}

#[tokio::test]
async fn the_image_with_runtimes_runs_npx_and_uvx_as_nobody_on_a_root_that_cannot_be_written() {
    let cluster = Cluster::enter();
    cluster.load("gateway-runtimes");
    cluster.api().namespace("images", &RESTRICTED).await;
    let image = concat!("localhost/switchboard-gateway:", env!("CARGO_PKG_VERSION"), "-runtimes");
    let script = "set -e; id -u; node --version; npx --version; python3 -c 'import ssl, sqlite3; print(ssl.OPENSSL_VERSION)'; \
                  uvx --version; touch /usr/local/x 2>&1 || true; uv python list --offline; cat /usr/share/doc/switchboard/sbom.cdx.json";
    let printed = run(cluster, "runtimes", image, &["/bin/sh", "-c", script]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "65532");
    assert!(lines[1].starts_with("v22."), "{}", lines[1]);
    assert!(lines[3].starts_with("OpenSSL 3"), "{}", lines[3]);
    assert!(lines[4].starts_with("uvx 0."), "{}", lines[4]);
    assert!(lines[5].contains("Read-only file system"), "{}", lines[5]);
    assert!(lines[6].contains("/usr/bin/python3"), "{}", lines[6]);
    for component in ["pkg:cargo/gateway@", "pkg:cargo/hyper@", "pkg:deb/debian/libc6@", "pkg:npm/npm@", "pkg:pypi/uv@"]
    {
        assert!(printed.contains(component), "the bill of materials lacks {component}");
    }
    cluster.api().kubectl(&["delete", "namespace", "images"]);
}
