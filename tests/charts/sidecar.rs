//! The sidecar's component in the example of an agent: what the apiserver takes, what Pod Security lets in, and what leads
//! to the release that `deploy/kustomize/base` is.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::helm::Release;
use crate::kustomize::{built, text};
use crate::network::Peer::{Own, Pod};
use crate::network::{DNS, PROMETHEUS, STRANGER, TCP, UDP, judge_by};
use crate::objects::{Objects, texts};
use crate::tools::{checkout, scratch};
use crate::valid::{assert_taken, write};

fn example() -> PathBuf {
    checkout("deploy/sidecar/example")
}

/// The pod of the example, its sidecar, and its agent.
fn pod(objects: &Objects) -> (&Value, &Value, &Value) {
    let spec = &objects.get("Deployment", "researcher")["spec"]["template"]["spec"];
    let [sidecar] = &spec["initContainers"].as_array().unwrap()[..] else { panic!("one init container: {spec}") };
    let [agent] = &spec["containers"].as_array().unwrap()[..] else { panic!("one container: {spec}") };
    (spec, sidecar, agent)
}

#[test]
fn r46_schemas_take_every_object_of_the_example() {
    let folder = scratch("sidecar");
    assert_taken(&folder, &[write(&folder, "example", &text(&example()))]);
}

#[test]
fn r46_the_example_is_restricted_and_its_namespace_wants_that() {
    let objects = built(&example());
    let enforce = &objects.get("Namespace", "agents")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(enforce, "restricted");
    let (spec, sidecar, agent) = pod(&objects);
    assert_eq!(
        (&spec["securityContext"]["runAsNonRoot"], &spec["securityContext"]["runAsUser"]),
        (&json!(true), &json!(10001))
    );
    let of_both = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
    });
    assert_eq!(agent["securityContext"], of_both);
    // Whatever the agent's pod is, it stands by itself.
    let mut of_sidecar = of_both;
    let more = json!({
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"},
    });
    of_sidecar.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    assert_eq!(sidecar["securityContext"], of_sidecar);
    assert!(sidecar["resources"]["limits"]["memory"].is_string());
}

#[test]
fn the_token_is_for_the_gateway_and_the_sidecar_alone() {
    let objects = built(&example());
    let (spec, sidecar, agent) = pod(&objects);
    let [volume] = &spec["volumes"].as_array().unwrap()[..] else { panic!("one volume: {spec}") };
    let token = json!({"audience": "switchboard", "expirationSeconds": 3600, "path": "token"});
    assert_eq!(volume["projected"], json!({"sources": [{"serviceAccountToken": token}]}));
    // Where it is looked for by default, which no argument says otherwise.
    let mount = json!({"name": volume["name"], "mountPath": "/var/run/secrets/switchboard", "readOnly": true});
    assert_eq!(sidecar["volumeMounts"], json!([mount]));
    assert!(!texts(&sidecar["args"]).iter().any(|arg| arg.starts_with("--token-file") || arg.starts_with("--listen")));
    assert!(agent["volumeMounts"].is_null(), "{agent}");
    assert_eq!(spec["automountServiceAccountToken"], false);
    let account = objects.get("ServiceAccount", spec["serviceAccountName"].as_str().unwrap());
    assert_eq!(account["automountServiceAccountToken"], false);
    let access = Objects::parse(&std::fs::read_to_string(example().join("access.yaml")).unwrap());
    let subject = &access.get("McpKeyBinding", "researcher")["spec"]["subject"]["serviceAccount"];
    assert_eq!(
        (&subject["name"], &subject["namespace"]),
        (&account["metadata"]["name"], &account["metadata"]["namespace"])
    );
}

#[test]
fn it_is_ready_before_the_agent_begins_and_leads_to_the_service_of_the_release() {
    let objects = built(&example());
    let (_, sidecar, agent) = pod(&objects);
    assert_eq!(sidecar["restartPolicy"], "Always", "a native sidecar");
    for (probe, path) in [("startupProbe", "/readyz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")] {
        assert_eq!(sidecar[probe]["httpGet"], json!({"path": path, "port": sidecar["ports"][0]["name"]}), "{probe}");
    }
    assert_eq!(sidecar["ports"][0]["containerPort"], 6271, "the default of --admin");
    assert_eq!(agent["env"][0]["value"], "http://127.0.0.1:6270/mcp", "the default of --listen");
    let release = built(&checkout("deploy/kustomize/base"));
    let service = release.get("Service", "switchboard-gateway");
    let metadata = |name: &str| service["metadata"][name].as_str().unwrap();
    let url = format!("--gateway=http://{}.{}.svc", metadata("name"), metadata("namespace"));
    assert_eq!((&service["spec"]["ports"][0]["port"], texts(&sidecar["args"])[1]), (&json!(80), &url[..]));
    let gateway = &release.get("Deployment", "switchboard-gateway")["spec"]["template"]["spec"]["containers"][0];
    let (_, tag) = gateway["image"].as_str().unwrap().rsplit_once(':').unwrap();
    assert!(sidecar["image"].as_str().unwrap().ends_with(&format!("/switchboard-gateway:{tag}")), "{sidecar}");
    assert_eq!(sidecar["command"], gateway["command"]);
}

#[test]
fn the_agent_has_no_way_to_servers_but_the_gateway() {
    let release = Release::default_values();
    let mut objects = built(&example());
    objects.0.extend(release.objects().0);
    let agent = Pod("agents", ("app.kubernetes.io/name", "researcher"));
    judge_by(
        "sidecar",
        &release,
        &objects,
        &[
            (agent, Own("gateway"), 8080, TCP, true),
            (agent, DNS, 53, UDP, true),
            (agent, Own("gateway"), 9090, TCP, false),
            (agent, Own("gateway"), 8081, TCP, false),
            (agent, Own("operator"), 8080, TCP, false),
            (agent, STRANGER, 8080, TCP, false),
            (PROMETHEUS, agent, 6271, TCP, true),
            (PROMETHEUS, agent, 6270, TCP, false),
            (STRANGER, agent, 6271, TCP, false),
        ],
    );
}
