//! What Argo CD makes of an object's status: the Lua of `deploy/gitops/argocd/health.yaml`, run by the interpreter that
//! Argo CD embeds.

use std::process::Command;

use serde_json::{Value, json};

use crate::objects::Objects;
use crate::tools::{checkout, installed, run, scratch};

/// The health of an object by each of the three checks, which must agree: status and message.
fn health(object: &Value) -> (String, String) {
    let text = std::fs::read_to_string(checkout("deploy/gitops/argocd/health.yaml")).unwrap();
    let checks = Objects::parse(&text).get("ConfigMap", "argocd-cm")["data"].clone();
    let answers = ["McpServer", "McpAccessGroup", "McpKeyBinding"].map(|kind| {
        let check = &checks[format!("resource.customizations.health.switchboard.dev_{kind}")];
        answer(check.as_str().unwrap_or_else(|| panic!("no check of {kind}")), object)
    });
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    answers[0].clone()
}

fn answer(check: &str, object: &Value) -> (String, String) {
    let script = format!(
        "local obj = {}\nlocal function check()\n{check}\nend\nlocal hs = check()\nprint(hs.status)\nprint(hs.message)\n",
        lua(object)
    );
    let file = scratch(&format!("health-{:?}", std::thread::current().id())).join("check.lua");
    std::fs::write(&file, script).unwrap();
    let printed = run(Command::new(installed("glua")).arg(file)).unwrap();
    let (status, message) = printed.trim_end().split_once('\n').unwrap();
    (status.to_owned(), message.to_owned())
}

/// A value as Lua writes it.
fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Array(items) => format!("{{{}}}", items.iter().map(lua).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| format!("[{}] = {}", json!(key), lua(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// An object of generation 2, whose operator has read `observed` of it.
fn object(observed: u64, conditions: &[(&str, &str, &str)]) -> Value {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|(kind, status, message)| json!({"type": kind, "status": status, "message": message, "reason": "Any"}))
        .collect();
    json!({
        "metadata": {"name": "any", "generation": 2},
        "status": {"observedGeneration": observed, "conditions": conditions},
    })
}

#[test]
fn an_object_progresses_until_it_is_in_force_everywhere() {
    for unread in [json!({"metadata": {"generation": 1}}), json!({"metadata": {"generation": 1}, "status": {}})] {
        assert_eq!(health(&unread).0, "Progressing");
    }
    let ready = [("Accepted", "True", ""), ("Ready", "True", "")];
    assert_eq!(health(&object(1, &ready)).0, "Progressing", "what is ready is the generation before");
    let waits = [
        ("Accepted", "True", ""),
        ("Propagated", "False", "2 of 3 pods have it"),
        ("Ready", "False", "2 of 3 pods have it"),
        ("Reconciling", "True", "2 of 3 pods have it"),
    ];
    assert_eq!(health(&object(2, &waits)), ("Progressing".into(), "2 of 3 pods have it".into()));
    assert_eq!(health(&object(2, &ready)).0, "Healthy");
}

#[test]
fn an_object_that_somebody_has_to_mend_is_degraded_and_says_why() {
    let stalled = [
        ("Accepted", "False", "spec.alias: too long"),
        ("Ready", "False", "spec.alias: too long"),
        ("Stalled", "True", "spec.alias: too long"),
    ];
    assert_eq!(health(&object(2, &stalled)), ("Degraded".into(), "spec.alias: too long".into()));
    assert_eq!(health(&object(1, &stalled)).0, "Progressing", "it may have been mended since");
}

#[test]
fn a_server_that_is_down_is_healthy_as_an_object_and_said_to_be_down() {
    let down = [("Ready", "True", ""), ("Available", "False", "no connection")];
    let (status, message) = health(&object(2, &down));
    assert_eq!(status, "Healthy");
    assert!(message.contains("no connection"), "{message}");
}
