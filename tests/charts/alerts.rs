//! The alerts fire on what they are about and on nothing less, are told apart by release, and have a runbook each; the
//! dashboard asks what can be asked, of metrics that there are.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::helm::Release;
use crate::tools::{checkout, installed, run, scratch};

/// A series: metric and labels beside namespace and pod, with the pod's name after `RELEASE-`, and its values a minute.
type Series = (&'static str, &'static str, &'static str);

/// What has to happen for an alert to fire.
struct Case {
    alert: &'static str,
    /// The alert fires at the end of these.
    fires: &'static [Series],
    /// And does not at the end of these.
    quiet: &'static [Series],
}

const MINUTES: u32 = 40;

const CASES: &[Case] = &[
    Case {
        alert: "SwitchboardSnapshotOld",
        fires: &[("switchboard_snapshot_age_seconds", "gateway-a", "0x20 60+60x20")],
        quiet: &[("switchboard_snapshot_age_seconds", "gateway-a", "0x20 60+10x20")],
    },
    Case {
        alert: "SwitchboardSnapshotRefused",
        fires: &[("switchboard_snapshots_refused_total", "gateway-a", "0x30 1x10")],
        quiet: &[("switchboard_snapshots_refused_total", "gateway-a", "5x40")],
    },
    Case {
        alert: "SwitchboardCredentialsPending",
        fires: &[("switchboard_pending_credentials", "gateway-a", "0x20 2x20")],
        quiet: &[("switchboard_pending_credentials", "gateway-a", "0x38 2x2")],
    },
    Case {
        alert: "SwitchboardPeersUnreachable",
        fires: &[
            ("switchboard_peers_reachable", "gateway-a", "2x40"),
            ("switchboard_peers_reachable", "gateway-b", "1x40"),
            ("switchboard_peers_reachable", "gateway-c", "2x40"),
        ],
        quiet: &[
            ("switchboard_peers_reachable", "gateway-a", "1x40"),
            ("switchboard_peers_reachable", "gateway-b", "1x40"),
        ],
    },
    Case {
        alert: "SwitchboardServerFailing",
        fires: &[
            ("switchboard_calls_total{server=\"a/b\",outcome=\"ok\"}", "gateway-a", "0+60x40"),
            ("switchboard_calls_total{server=\"a/b\",outcome=\"timeout\"}", "gateway-b", "0+40x40"),
        ],
        quiet: &[
            ("switchboard_calls_total{server=\"a/b\",outcome=\"ok\"}", "gateway-a", "0+60x40"),
            ("switchboard_calls_total{server=\"a/b\",outcome=\"tool_error\"}", "gateway-a", "0+40x40"),
            ("switchboard_calls_total{server=\"a/b\",outcome=\"timeout\"}", "gateway-b", "0+4x40"),
        ],
    },
    Case {
        alert: "SwitchboardIssuerKeysOld",
        fires: &[(
            "switchboard_issuer_keys_read_timestamp_seconds{issuer=\"https://id.example\"}",
            "gateway-a",
            "0x40",
        )],
        quiet: &[(
            "switchboard_issuer_keys_read_timestamp_seconds{issuer=\"https://id.example\"}",
            "gateway-a",
            "0+60x40",
        )],
    },
    Case {
        alert: "SwitchboardCertificateExpires",
        fires: &[("switchboard_certificate_expires_timestamp_seconds", "gateway-a", "500000x40")],
        quiet: &[("switchboard_certificate_expires_timestamp_seconds", "gateway-a", "700000x40")],
    },
    Case {
        alert: "SwitchboardNoLeader",
        fires: &[("switchboard_operator_leader", "operator-a", "1x30 0x10"), (LEADER, "operator-b", "0x40")],
        quiet: &[("switchboard_operator_leader", "operator-a", "1x38 0x2"), (LEADER, "operator-b", "0x38 1x2")],
    },
    // None at all, as when no operator runs.
    Case {
        alert: "SwitchboardNoLeader",
        fires: &[(LEADER, "operator-a", "1x20 stale")],
        quiet: &[(LEADER, "operator-a", "1x40")],
    },
    Case {
        alert: "SwitchboardNotPropagated",
        fires: &[
            (LEADER, "operator-a", "1x40"),
            (SERVING, "operator-a", "3x40"),
            (PROPAGATED, "operator-a", "3x20 2x20"),
        ],
        // Who does not lead has an old number, and a rollout takes a moment.
        quiet: &[
            (LEADER, "operator-a", "1x40"),
            (SERVING, "operator-a", "3x40"),
            (PROPAGATED, "operator-a", "3x20 2x3 3x17"),
            (LEADER, "operator-b", "0x40"),
            (SERVING, "operator-b", "3x40"),
            (PROPAGATED, "operator-b", "1x40"),
        ],
    },
    Case {
        alert: "SwitchboardNoGateway",
        fires: &[(LEADER, "operator-a", "1x40"), (SERVING, "operator-a", "3x30 0x10")],
        quiet: &[
            (LEADER, "operator-a", "1x40"),
            (SERVING, "operator-a", "3x40"),
            (LEADER, "operator-b", "0x40"),
            (SERVING, "operator-b", "0x40"),
        ],
    },
    Case {
        alert: "SwitchboardSnapshotBlocked",
        fires: &[("switchboard_operator_blocked{reason=\"too_large\"}", "operator-a", "0x30 1x10")],
        quiet: &[("switchboard_operator_blocked{reason=\"too_large\"}", "operator-a", "1x20 0x20")],
    },
    Case {
        alert: "SwitchboardWatchRefused",
        fires: &[("switchboard_operator_unknown_streams{resource=\"secrets\"}", "operator-b", "1x40")],
        quiet: &[("switchboard_operator_unknown_streams{resource=\"secrets\"}", "operator-b", "1x3 0x37")],
    },
    Case {
        alert: "SwitchboardForeignNamespace",
        fires: &[("switchboard_operator_foreign_namespaces", "operator-a", "1x40")],
        quiet: &[("switchboard_operator_foreign_namespaces", "operator-a", "0x40")],
    },
    Case {
        alert: "SwitchboardWritesFail",
        fires: &[("switchboard_operator_write_errors_total{resource=\"status\"}", "operator-a", "0x20 1+1x20")],
        quiet: &[("switchboard_operator_write_errors_total{resource=\"status\"}", "operator-a", "0x30 1x10")],
    },
    Case {
        alert: "SwitchboardObjectsAltered",
        fires: &[("switchboard_operator_mended_total{object=\"pointer\"}", "operator-a", "_x35 1x5")],
        quiet: &[("switchboard_operator_mended_total{object=\"pointer\"}", "operator-a", "1x40")],
    },
];

const LEADER: &str = "switchboard_operator_leader";
const SERVING: &str = "switchboard_operator_pods_serving";
const PROPAGATED: &str = "switchboard_operator_pods_propagated";

/// The rules of the release `switchboard` in the namespace `switchboard`.
fn rules() -> Vec<Value> {
    let release = Release::default_values()
        .with("monitoring.prometheusRule.enabled", &json!(true))
        .with("monitoring.prometheusRule.runbookUrl", &json!("https://docs.example.com/runbooks.md#"));
    let objects = release.objects();
    objects.get("PrometheusRule", "switchboard")["spec"]["groups"][0]["rules"].as_array().unwrap().clone()
}

#[test]
fn every_alert_fires_on_what_it_is_about_and_on_nothing_less() {
    let rules = rules();
    let names = |alerts: Vec<&str>| alerts.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let tried = names(CASES.iter().map(|case| case.alert).collect());
    assert_eq!(names(rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect()), tried);
    let folder = scratch("alerts");
    let groups = json!({"groups": [{"name": "switchboard", "rules": rules}]});
    fs::write(folder.join("rules.yaml"), groups.to_string()).unwrap();
    let mut tests = Vec::new();
    for case in CASES {
        tests.push(test(case.alert, case.fires, "switchboard", true));
        tests.push(test(case.alert, case.quiet, "switchboard", false));
        // Of the release in another namespace nothing is said, but that this one's operator is not there.
        tests.push(test(case.alert, case.fires, "another", case.alert == "SwitchboardNoLeader"));
    }
    let file = folder.join("tests.yaml");
    let suite = json!({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests});
    fs::write(&file, suite.to_string()).unwrap();
    run(Command::new(installed("promtool"))
        .args(["check", "rules", "--lint=all", "--lint-fatal"])
        .arg(folder.join("rules.yaml")))
    .unwrap();
    run(Command::new(installed("promtool")).args(["test", "rules"]).arg(file)).unwrap();
}

/// Whether the alert fires, as promtool wants it asked.
fn test(alert: &str, series: &[Series], namespace: &str, fires: bool) -> Value {
    let series: Vec<_> = series
        .iter()
        .map(|(metric, pod, values)| {
            let (metric, labels) = metric.split_once('{').unwrap_or((metric, "}"));
            let pod = format!("namespace=\"{namespace}\",pod=\"switchboard-{pod}\"");
            let comma = if labels == "}" { "" } else { "," };
            json!({"series": format!("{metric}{{{pod}{comma}{labels}"), "values": values})
        })
        .collect();
    let firing = format!("count(ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}})");
    let samples = if fires { json!([{"labels": "{}", "value": 1}]) } else { json!([]) };
    json!({
        "name": format!("{alert} {}", if fires { "fires" } else { "is quiet" }),
        "interval": "1m",
        "input_series": series,
        "promql_expr_test": [{"expr": firing, "eval_time": format!("{MINUTES}m"), "exp_samples": samples}],
    })
}

#[test]
fn every_alert_leads_to_its_runbook() {
    let page = fs::read_to_string(checkout("docs/runbooks.md")).unwrap();
    let written: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let rules = rules();
    let alerts: Vec<_> = rules.iter().map(|rule| rule["alert"].as_str().unwrap()).collect();
    assert_eq!(written, alerts);
    for rule in &rules {
        let anchor = format!("https://docs.example.com/runbooks.md#{}", rule["alert"].as_str().unwrap().to_lowercase());
        assert_eq!(rule["annotations"]["runbook_url"], anchor);
        assert!(rule["annotations"]["summary"].is_string() && rule["annotations"]["description"].is_string());
    }
}

#[test]
fn the_dashboard_asks_what_can_be_asked() {
    let objects = Release::default_values().with("monitoring.dashboard.enabled", &json!(true)).objects();
    let text = objects.get("ConfigMap", "switchboard-dashboard")["data"]["switchboard.json"].as_str().unwrap();
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let questions: Vec<_> = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap()).collect();
    let rules: Vec<_> = questions
        .iter()
        .enumerate()
        .map(|(index, target)| {
            // Grafana fills this in; all else is PromQL as it stands.
            let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
            json!({"record": format!("panel:{index}"), "expr": expression})
        })
        .collect();
    assert!(rules.len() >= panels.len());
    let file = scratch("dashboard").join("rules.yaml");
    fs::write(&file, json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()).unwrap();
    run(Command::new(installed("promtool")).args(["check", "rules"]).arg(file)).unwrap();
}

/// In the sources of gateway and operator: a series that is never made would make an alert that never fires.
#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let mut literals = BTreeSet::new();
    for (folder, prefix) in [("gateway/src", ""), ("operator/src", "switchboard_operator_")] {
        literals.extend(words_in_quotes(&checkout(folder)).into_iter().map(|word| format!("{prefix}{word}")));
    }
    let dashboard = fs::read_to_string(checkout("charts/switchboard/files/dashboard.json")).unwrap();
    let alerts = fs::read_to_string(checkout("charts/switchboard/files/alerts.yaml")).unwrap();
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let text = dashboard + &alerts;
    let named: BTreeSet<_> = text.split(|it| !is_letter(it)).filter(|word| word.starts_with("switchboard_")).collect();
    assert!(named.len() > 20, "{named:?}");
    for metric in named {
        let metric = metric.strip_suffix("_bucket").unwrap_or(metric);
        assert!(literals.contains(metric), "nothing makes {metric}");
    }
}

/// Every literal of the Rust files below a folder that is a word with underscores.
fn words_in_quotes(folder: &std::path::Path) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            words.extend(words_in_quotes(&path));
        } else {
            words.extend(fs::read_to_string(path).unwrap().split('"').map(str::to_owned));
        }
    }
    words
}
