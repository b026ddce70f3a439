//! The names, ports and labels by which operator, gateway and people find what the chart makes.

use serde_json::{Value, json};

use crate::helm::{Release, releases, value_sets};
use crate::objects::{Objects, selects, texts};

/// What every selector names, and every pod has.
const LABELS: [&str; 3] = ["app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/name"];

#[test]
fn objects_begin_with_the_releases_full_name() {
    let longest = "a-name-with-as-many-characters-as-helm-lets-it-have-5";
    let cases = [
        ("switchboard", "switchboard"),
        ("my-switchboard", "my-switchboard"),
        ("prod", "prod-switchboard"),
        (longest, "a-name-with-as-many-characte-switchboard"),
    ];
    for (release, full_name) in cases {
        let objects = Release::named(release, "tools").objects();
        for component in ["operator", "gateway"] {
            let name = format!("{full_name}-{component}");
            for kind in ["Deployment", "ServiceAccount", "Role", "RoleBinding", "PodDisruptionBudget", "NetworkPolicy"]
            {
                objects.get(kind, &name);
            }
        }
        objects.get("ConfigMap", &format!("{full_name}-settings"));
        objects.get("Service", &format!("{full_name}-gateway"));
        assert!(format!("{full_name}-gateway-peers").len() <= 63, "a name of a Service is one of a DNS label");
    }
}

#[test]
fn the_services_lead_to_the_gateways_ports() {
    let objects = Release::default_values().objects();
    let service = &objects.get("Service", "switchboard-gateway")["spec"];
    assert_eq!((&service["ports"][0]["name"], &service["ports"][0]["port"]), (&json!("http"), &json!(80)));
    let peers = &objects.get("Service", "switchboard-gateway-peers")["spec"];
    assert_eq!((&peers["clusterIP"], &peers["publishNotReadyAddresses"]), (&json!("None"), &json!(true)));
    assert_eq!((&peers["ports"][0]["name"], &peers["ports"][0]["port"]), (&json!("peers"), &json!(8081)));
    let container = &objects.get("Deployment", "switchboard-gateway")["spec"]["template"]["spec"]["containers"][0];
    for (service, port) in [(service, 8080), (peers, 8081)] {
        let target = &service["ports"][0]["targetPort"];
        let mut ports = container["ports"].as_array().unwrap().iter();
        assert_eq!(ports.find(|it| &it["name"] == target).expect("no such port")["containerPort"], port);
    }
}

#[test]
fn a_selector_selects_the_pods_of_its_component_and_no_others() {
    for release in releases(&value_sets()) {
        let objects = release.objects();
        for kind in ["Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "PodMonitor"] {
            for object in objects.of(kind) {
                let selected: Vec<_> =
                    objects.pods().filter(|(_, pod, _)| selects(selector(object), &pod["labels"])).collect();
                let component = &object["metadata"]["labels"]["app.kubernetes.io/component"];
                let of_it = |(_, pod, _): &(String, &Value, &Value)| &pod["labels"][LABELS[0]] == component;
                if component == "metrics" {
                    assert!(selected.len() >= 2, "{object}");
                } else {
                    assert!(selected.iter().all(of_it) && selected.len() == 1, "{}: {object}", release.name);
                    assert_eq!(selector(object).as_object().unwrap().keys().collect::<Vec<_>>(), LABELS, "{object}");
                }
            }
        }
    }
}

#[test]
fn what_selects_services_finds_the_service_with_metrics_whatever_argo_cd_writes_on_it() {
    let release = Release::default_values().with("monitoring.serviceMonitor.enabled", &json!(true));
    let objects = release.objects();
    let monitor = &objects.get("ServiceMonitor", "switchboard")["spec"];
    let selector = &monitor["selector"]["matchLabels"];
    let selected = |objects: &Objects| -> Vec<Value> {
        let services = objects.of("Service").filter(|it| selects(selector, &it["metadata"]["labels"]));
        services.cloned().collect()
    };
    let [service] = selected(&objects).try_into().expect("one Service");
    assert_eq!(service["spec"]["ports"][0]["name"], monitor["endpoints"][0]["port"]);
    // Argo CD writes the application's name over it, unless it tracks by annotation.
    assert!(selector["app.kubernetes.io/instance"].is_null());
    let other = Release { name: "other", ..release }.objects();
    assert!(selected(&other).is_empty(), "one of another release in the same namespace");
}

#[test]
fn no_value_takes_the_labels_away_by_which_pods_are_found() {
    let wrong = json!({"app.kubernetes.io/name": "x", "app.kubernetes.io/component": "y", "team": "z"});
    let release = Release::default_values().with("commonLabels", &wrong).with("gateway.podLabels", &wrong);
    let objects = release.objects();
    let deployment = objects.get("Deployment", "switchboard-gateway");
    for labels in [&deployment["metadata"]["labels"], &deployment["spec"]["template"]["metadata"]["labels"]] {
        assert!(selects(selector(deployment), labels) && labels["team"] == "z", "{labels}");
    }
}

#[test]
fn operator_and_gateway_are_told_what_to_do() {
    let objects = Release::named("prod", "tools").objects();
    let arguments = |component: &str| -> Vec<String> {
        let deployment = objects.get("Deployment", &format!("prod-switchboard-{component}"));
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["name"], component);
        texts(&container["args"]).into_iter().map(str::to_owned).collect()
    };
    let operator = arguments("operator");
    for flag in [
        "--release=prod-switchboard",
        "--namespace=$(POD_NAMESPACE)",
        "--instance=prod",
        "--watch-namespaces=$(POD_NAMESPACE)",
        "--identity=$(POD_NAME)",
    ] {
        assert!(operator.iter().any(|it| it == flag), "{flag}: {operator:?}");
    }
    let gateway = arguments("gateway");
    for flag in [
        "--release=prod-switchboard",
        "--peer-listen=$(POD_IP):8081",
        "--peers=prod-switchboard-gateway-peers.$(POD_NAMESPACE).svc:8081",
        "--kept=/run/switchboard",
    ] {
        assert!(gateway.iter().any(|it| it == flag), "{flag}: {gateway:?}");
    }
}

#[test]
fn the_settings_are_a_settings_document() {
    let values = json!({"stdio": {"namespaces": ["quickstart"]}, "maxToolNameLength": 100});
    let objects = Release::default_values().with("settings", &values).objects();
    let text = objects.get("ConfigMap", "switchboard-settings")["data"]["settings.yaml"].as_str().unwrap().to_owned();
    let mut wanted = values;
    wanted["apiVersion"] = json!("switchboard.dev/v1alpha1");
    wanted["kind"] = json!("Settings");
    assert_eq!(serde_yaml::from_str::<Value>(&text).unwrap(), wanted);
}

#[test]
fn the_notes_say_what_to_do_next() {
    let notes = Release::named("prod", "tools").notes();
    for words in [
        "http://prod-switchboard-gateway.tools.svc/mcp",
        "helm test prod --namespace tools",
        "kubectl get mcp --namespace tools",
        "settings.stdio.namespaces names those that may",
    ] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
    for release in releases(&value_sets()) {
        assert!(!release.notes().contains("<no value>"), "{}", release.name);
    }
}

/// By what an object finds pods.
fn selector(object: &Value) -> &Value {
    let spec = &object["spec"];
    match object["kind"].as_str().unwrap() {
        "Service" => &spec["selector"],
        "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
        _ => &spec["selector"]["matchLabels"],
    }
}
