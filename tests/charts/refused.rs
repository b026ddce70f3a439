//! Values that are wrong are refused before anything is made, with words that say which and what to do.

use serde_json::{Value, json};

use crate::helm::{HELMS, Helm, OLDEST_CLUSTER, Release};

fn refusal(helm: Helm, values: &[(&str, Value)]) -> String {
    let release = values.iter().fold(Release::default_values(), |it, (path, value)| it.with(path, value));
    release.text(helm).map(|_| "rendered").expect_err(&format!("{values:?}"))
}

#[test]
fn the_schema_knows_every_value_and_its_bounds() {
    let wrong = [
        ("gateway.replcas", json!(3), "replcas"),
        ("gateway.replicas", json!("3"), "replicas"),
        ("gateway.replicas", json!(-1), "replicas"),
        ("operator.image.digest", json!("sha256:abc"), "digest"),
        ("operator.image.pullPolicy", json!("Sometimes"), "pullPolicy"),
        ("watch.namespaces", json!(["Team_A"]), "namespaces"),
        ("watch.namespaces", json!(["a", "a"]), "namespaces"),
        ("watch.namespaces", json!("a"), "namespaces"),
        ("log.format", json!("xml"), "format"),
        ("gateway.volumes.kept.sizeLimit", json!("64 MB"), "sizeLimit"),
        ("gateway.podLabels", json!({"a": 1}), "podLabels"),
        ("gateway.service.type", json!("ExternalName"), "type"),
        ("fullnameOverride", json!("a-name-of-more-than-forty-characters-is-long"), "fullnameOverride"),
        ("networkPolicy.clients", json!("Everybody"), "clients"),
        ("networkPolicy.clients", json!([{}]), "clients"),
        ("networkPolicy.upstreams", json!([{}]), "upstreams"),
        ("networkPolicy.upstreams", json!([{"to": []}]), "upstreams"),
        ("settings.stdio.namespace", json!("quickstart"), "namespace"),
        ("settings.separator", json!("---"), "separator"),
        ("settings.maxToolNameLength", json!(19), "maxToolNameLength"),
        ("settings.allowedOrigins", json!([]), "allowedOrigins"),
    ];
    for helm in HELMS {
        for (path, value, named) in &wrong {
            let words = refusal(helm, &[(path, value.clone())]);
            assert!(words.contains("schema") && words.contains(named), "{helm:?}: {path}={value}: {words}");
        }
    }
}

#[test]
fn what_cannot_be_together_is_said_in_clear_words() {
    let wrong: [(&[(&str, Value)], &str); 9] = [
        (
            &[("watch.allNamespaces", json!(true)), ("watch.namespaces", json!(["a"]))],
            "keep the list, or allNamespaces",
        ),
        (
            &[("gateway.image.runtimes", json!(true)), ("gateway.image.digest", json!(format!("sha256:{:064}", 0)))],
            "leave runtimes false",
        ),
        (&[("gateway.drain.gracePeriodSeconds", json!(49))], "give it 50"),
        (
            &[("gateway.drain.preStopSeconds", json!(20)), ("gateway.drain.gracePeriodSeconds", json!(69))],
            "give it 70, which is preStopSeconds and 50 more",
        ),
        (
            &[("gateway.autoscaling.enabled", json!(true)), ("gateway.autoscaling.maxReplicas", json!(2))],
            "maxReplicas (2) is below minReplicas (3)",
        ),
        (
            &[
                ("gateway.autoscaling.enabled", json!(true)),
                ("gateway.autoscaling.targetCPUUtilizationPercentage", json!(0)),
            ],
            "nothing to scale by",
        ),
        (&[("gateway.ingress.enabled", json!(true))], "set gateway.ingress.hosts"),
        (&[("gateway.httpRoute.enabled", json!(true))], "set gateway.httpRoute.parentRefs"),
        (
            &[("monitoring.serviceMonitor.enabled", json!(true)), ("monitoring.podMonitor.enabled", json!(true))],
            "counted twice",
        ),
    ];
    for helm in HELMS {
        for (values, says) in &wrong {
            let words = refusal(helm, values);
            assert!(words.contains(says), "{helm:?}: {values:?}: {words}");
        }
        let unheard = [("monitoring.podMonitor.enabled", json!(true)), ("networkPolicy.monitoring", json!([]))];
        assert!(refusal(helm, &unheard).contains("name Prometheus' namespace"));
    }
}

#[test]
fn a_cluster_that_is_too_old_is_refused() {
    let release = Release::default_values();
    assert!(release.of_cluster(Helm::Oldest, "1.29.9").expect_err("rendered").contains(">=1.30.0"));
    assert!(release.of_cluster(Helm::Oldest, OLDEST_CLUSTER).is_ok());
}
