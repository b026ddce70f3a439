//! Whole statuses of objects that were compiled together.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::compile::{Pepper, Scope, compile};
use crate::conditions::{Failure, Fleet, Programmed};

/// A namespace `tools` with one object of each kind, and one that is not accepted.
fn company() -> (Resources, BTreeMap<ObjectKey, Observed>) {
    let spec = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "switchboard.dev/v1alpha1", "kind": kind, "spec": spec,
            "metadata": { "name": name, "namespace": "tools", "uid": name, "resourceVersion": "5", "generation": 2 },
        })
    };
    let key = |n: u32| json!({ "name": format!("k{n}"), "sha256": format!("{n:064}") });
    let grants = json!({ "accessGroups": [{ "name": "all-tools" }] });
    let objects = [
        (Kind::McpServer, spec("McpServer", "time-zone", json!({ "http": { "url": "https://a.example/secret" } }))),
        (Kind::McpServer, spec("McpServer", "mcp", json!({ "http": { "url": "https://a.example" } }))),
        (
            Kind::McpAccessGroup,
            spec("McpAccessGroup", "all-tools", json!({ "servers": [{ "name": "time-zone" }, { "name": "gone" }] })),
        ),
        (
            Kind::McpKeyBinding,
            spec(
                "McpKeyBinding",
                "ci",
                json!({ "subject": { "type": "Key", "keys": [key(1), key(2)] }, "grants": grants }),
            ),
        ),
        (
            Kind::McpKeyBinding,
            spec("McpKeyBinding", "left", json!({ "subject": { "type": "Key", "keys": [key(3)] }, "suspend": true })),
        ),
        (Kind::McpKeyBinding, spec("McpKeyBinding", "blue", json!({ "subject": { "type": "Team", "team": "blue" } }))),
    ];
    let mut resources = Resources::default();
    let observed = objects.map(|(kind, raw)| resources.put(kind, raw).unwrap());
    (resources, observed.into_iter().map(|it| (it.key.clone(), it)).collect())
}

fn written(resources: &Resources, object: &Observed, health: Option<&Health>) -> Value {
    serde_json::to_value(of(resources, object, health)).unwrap()
}

fn of(resources: &Resources, object: &Observed, health: Option<&Health>) -> Status {
    let scope = Scope::Cluster { namespace: "tools".to_owned() };
    let compiled = compile(resources, &scope, &Pepper([7; 32]));
    let fleet = Fleet::new([Some(1)]);
    let now = Timestamp::from_second(5).unwrap();
    let facts = Facts { programmed: Programmed::Since(1), fleet: &fleet, health, now };
    let statuses = Statuses::new(resources, &compiled);
    let status = statuses.of(object, &facts);
    let accepted = status.conditions().iter().any(|it| it.type_ == "Accepted" && it.status == "True");
    assert_eq!(statuses.is_accepted(object.kind, &object.key), accepted);
    status
}

fn at(name: &str) -> ObjectKey {
    ObjectKey::new("tools", name)
}

#[test]
fn a_status_has_what_is_asked_first() {
    let (resources, observed) = company();
    let health = Health { ready: 1, tools: Some(3), protocol: Some("2025-11-25".to_owned()), ..Health::default() };
    let server = written(&resources, &observed[&at("time-zone")], Some(&health));
    let mut shown = server.clone();
    let conditions = shown.as_object_mut().unwrap().remove("conditions").unwrap();
    assert_eq!(
        shown,
        json!({ "observedGeneration": 2, "alias": "time_zone", "transport": "Auto", "protocol": "2025-11-25", "tools": 3 })
    );
    assert_eq!(conditions[4]["type"], "Ready");
    assert!(!server.to_string().contains("secret") && !server.to_string().contains("a.example"));
    let group = written(&resources, &observed[&at("all-tools")], None);
    assert_eq!((&group["groupName"], &group["servers"]), (&json!("all_tools"), &json!(1)));
    assert_eq!(written(&resources, &observed[&at("ci")], None)["keys"], 2);
    assert_eq!(written(&resources, &observed[&at("left")], None)["keys"], 0, "a suspended binding's keys are unknown");
    assert_eq!(written(&resources, &observed[&at("blue")], None)["keys"], Value::Null);
    let refused = written(&resources, &observed[&at("mcp")], None);
    assert_eq!((&refused["alias"], &refused["conditions"][0]["reason"]), (&Value::Null, &json!("ReservedName")));
}

/// R41: a status that was written and read again is the one that would be written.
#[test]
fn r41_a_written_status_is_not_written_again() {
    let (resources, observed) = company();
    let failing = Health { failing: 1, failure: Some(Failure::Timeout), tools: Some(3), ..Health::default() };
    for object in observed.values() {
        let first = of(&resources, object, Some(&failing));
        let mut raw = serde_json::to_value(&first).unwrap();
        // The apiserver keeps what others write beside it, in any order.
        let conditions = raw["conditions"].as_array_mut().unwrap();
        conditions.reverse();
        conditions.push(json!({
            "type": "example.com/Audited", "status": "True", "reason": "Audited", "message": "",
            "lastTransitionTime": "2027-01-01T00:00:00Z",
        }));
        let again = Observed { status: Status::read(object.kind, raw), ..object.clone() };
        assert_eq!(again.status, first);
        for health in [Some(&failing), None] {
            assert_eq!(of(&resources, &again, health), first, "{}", object.key);
        }
    }
}

#[test]
fn the_last_error_outlives_its_end_but_no_other_spec() {
    let (resources, observed) = company();
    let failing = Health { failing: 1, failure: Some(Failure::Timeout), ..Health::default() };
    let well = Health { ready: 1, ..Health::default() };
    let error = |object: &Observed, health| {
        let status = of(&resources, object, Some(health));
        let raw = serde_json::to_value(&status).unwrap();
        (raw["lastError"].clone(), Observed { status, ..object.clone() })
    };
    let (first, object) = error(&observed[&at("time-zone")], &failing);
    let (kept, object) = error(&object, &well);
    let (dropped, _) = error(&Observed { generation: 3, ..object }, &well);
    assert_eq!((first, kept, dropped), (json!("Timeout"), json!("Timeout"), Value::Null));
}

/// R40: what is unrelated changes no status.
#[test]
fn r40_a_change_of_one_object_is_in_no_other_status() {
    let (mut resources, observed) = company();
    let before: Vec<_> = observed.values().map(|object| of(&resources, object, None)).collect();
    let raw = json!({
        "metadata": { "name": "new", "namespace": "elsewhere", "generation": 1 },
        "spec": { "subject": { "type": "Key", "keys": [{ "name": "k", "sha256": format!("{:064}", 9) }] } },
    });
    resources.put(Kind::McpKeyBinding, raw).unwrap();
    resources.remove(Kind::McpKeyBinding, &at("left"));
    let others = observed.values().zip(before).filter(|(object, _)| object.key != at("left"));
    for (object, before) in others {
        assert_eq!(of(&resources, object, None), before, "{}", object.key);
    }
}

/// R40: of many bindings, the one that is suspended has another status, and no other.
#[test]
fn r40_suspending_one_of_a_thousand_bindings_changes_one_status() {
    let binding = |number: u32, suspend: bool| {
        json!({
            "metadata": { "name": format!("key-{number}"), "namespace": "tools", "generation": 1 + i64::from(suspend) },
            "spec": {
                "subject": { "type": "Key", "keys": [{ "name": "k", "sha256": format!("{number:064}") }] },
                "team": "blue", "suspend": suspend,
            },
        })
    };
    let mut resources = company().0;
    let fleet = Fleet::new([Some(1)]);
    let now = Timestamp::from_second(5).unwrap();
    let facts = Facts { programmed: Programmed::Since(1), fleet: &fleet, health: None, now };
    let scope = Scope::Cluster { namespace: "tools".to_owned() };
    let mut objects: Vec<Observed> =
        (10..1010).map(|number| resources.put(Kind::McpKeyBinding, binding(number, false)).unwrap()).collect();
    let compiled = compile(&resources, &scope, &Pepper([7; 32]));
    let statuses = Statuses::new(&resources, &compiled);
    let before: Vec<Status> = objects.iter().map(|object| statuses.of(object, &facts)).collect();
    objects[500] = resources.put(Kind::McpKeyBinding, binding(510, true)).unwrap();
    let compiled = compile(&resources, &scope, &Pepper([7; 32]));
    let statuses = Statuses::new(&resources, &compiled);
    let changed = objects.iter().zip(before).filter(|(object, before)| statuses.of(object, &facts) != *before);
    let changed: Vec<_> = changed.map(|(object, _)| object.key.to_string()).collect();
    assert_eq!(changed, ["tools/key-510"]);
}

#[test]
fn a_server_that_is_refused_has_nothing_that_pods_told() {
    let (resources, observed) = company();
    let told = json!({ "tools": 3, "protocol": "2025-11-25", "lastError": "Timeout", "observedGeneration": 2 });
    let server = &observed[&at("mcp")];
    let server = Observed { status: Status::read(Kind::McpServer, told), ..server.clone() };
    let fields = written(&resources, &server, None);
    assert_eq!(fields.as_object().unwrap().keys().collect::<Vec<_>>(), ["conditions", "observedGeneration"]);
}

#[test]
fn a_status_that_cannot_be_read_is_none() {
    let broken = json!({ "conditions": [{ "type": "Ready" }], "tools": "many" });
    assert_eq!(Status::read(Kind::McpServer, broken), Status::Server(McpServerStatus::default()));
    assert_eq!(Status::read(Kind::McpKeyBinding, Value::Null).observed_generation(), None);
}
