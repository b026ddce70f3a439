//! Every pod fulfils Pod Security `restricted`, and what is ours to add: a root file system that nobody writes, a user
//! that is not root, and no token where none is needed.

use serde_json::{Value, json};

use crate::helm::{Release, releases, value_sets};
use crate::objects::Objects;

/// What `restricted` lets a pod mount (Pod Security Standards).
const VOLUMES: [&str; 8] =
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

#[test]
fn r46_every_pod_is_restricted() {
    let sets = value_sets();
    for release in releases(&sets).chain([Release::default_values()]) {
        assert_restricted(release.name, &release.objects());
    }
}

fn assert_restricted(release: &str, objects: &Objects) {
    let mut pods = 0;
    for (name, _, spec) in objects.pods() {
        pods += 1;
        let context = format!("{release}: {name}");
        for host in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
            assert!(spec[host].is_null(), "{context}: {host}");
        }
        let security = &spec["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{context}");
        assert_eq!((&security["runAsUser"], &security["runAsGroup"]), (&json!(65532), &json!(65532)), "{context}");
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{context}");
        assert!(spec["initContainers"].is_null(), "{context}: look at them here too");
        for container in spec["containers"].as_array().unwrap() {
            let security = &container["securityContext"];
            let wanted = json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            });
            assert_eq!(security, &wanted, "{context}");
            let ports = container["ports"].as_array().into_iter().flatten();
            assert!(ports.into_iter().all(|port| port["hostPort"].is_null()), "{context}");
        }
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            let kind = volume.as_object().unwrap().keys().find(|key| *key != "name").unwrap();
            assert!(VOLUMES.contains(&kind.as_str()), "{context}: {kind}");
        }
    }
    assert_eq!(pods, 3, "{release}: operator, gateway, test");
}

#[test]
fn what_a_gateway_keeps_and_its_childrens_scratch_are_in_memory_and_bounded() {
    let objects = Release::default_values().objects();
    let (_, _, spec) = objects.pods().find(|(name, ..)| name.ends_with("-gateway")).unwrap();
    let volume = |name: &str| {
        let mut volumes = spec["volumes"].as_array().unwrap().iter();
        volumes.find(|volume| volume["name"] == name).unwrap()["emptyDir"].clone()
    };
    for (name, medium) in [("kept", json!("Memory")), ("scratch", json!("Memory")), ("cache", Value::Null)] {
        assert_eq!(volume(name)["medium"], medium, "{name}");
        assert!(volume(name)["sizeLimit"].is_string(), "{name}: R61 wants it bounded");
    }
}

#[test]
fn only_who_asks_the_apiserver_has_a_token_for_it() {
    let objects = Release::default_values().objects();
    for (name, _, spec) in objects.pods() {
        assert_eq!(spec["automountServiceAccountToken"], !name.ends_with("-test"), "{name}");
    }
    assert_eq!(objects.of("ServiceAccount").count(), 2);
    for account in objects.of("ServiceAccount") {
        assert_eq!(account["automountServiceAccountToken"], false, "{account}");
    }
}
