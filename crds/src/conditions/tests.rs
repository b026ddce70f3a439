//! Conditions of one object, from facts that are made up here, and the rules of kstatus over all of them.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::diagnostic::{ObjectKey, Reason};
use crate::status::Status;
use crate::v1alpha1::{McpKeyBindingStatus, McpServerStatus};

mod page;

fn fault(condition: ConditionType, reason: Reason, field: &str, message: &str) -> Diagnostic {
    let (field, message) = (field.to_owned(), message.to_owned());
    Diagnostic { kind: Kind::McpServer, object: ObjectKey::new("ns", "x"), condition, reason, field, message }
}

fn refusal() -> Diagnostic {
    fault(ConditionType::Accepted, Reason::NameConflict, "spec.alias", "taken")
}

fn void() -> Diagnostic {
    fault(ConditionType::ResolvedRefs, Reason::NotFound, "spec.accessGroups[0]", "missing")
}

fn off() -> Diagnostic {
    fault(ConditionType::ResolvedRefs, Reason::SecretNotUsable, "spec.auth", "missing")
}

/// A server of generation 3 with these conditions so far.
fn server(conditions: Vec<Condition>) -> Observed {
    let status = Status::Server(McpServerStatus { conditions, ..McpServerStatus::default() });
    let (uid, resource_version) = ("u".to_owned(), "7".to_owned());
    Observed { kind: Kind::McpServer, key: ObjectKey::new("ns", "x"), uid, resource_version, generation: 3, status }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// What holds beside the object, as revision 9 came to three pods.
fn facts<'a>(fleet: &'a Fleet, health: Option<&'a Health>, now: i64) -> Facts<'a> {
    Facts { programmed: Programmed::Since(9), fleet, health, now: at(now) }
}

fn all_pods() -> Fleet {
    Fleet::new([Some(9), Some(9), Some(10)])
}

fn two_of_three() -> Fleet {
    Fleet::new([Some(9), Some(8), Some(9)])
}

fn well() -> Health {
    Health { ready: 3, ..Health::default() }
}

/// `Type=Status Reason` of each.
fn shown(conditions: &[Condition]) -> Vec<String> {
    conditions.iter().map(|it| format!("{}={} {}", it.type_, it.status, it.reason)).collect()
}

fn one<'c>(conditions: &'c [Condition], type_: &str) -> &'c Condition {
    conditions.iter().find(|it| it.type_ == type_).unwrap()
}

fn told(conditions: &[Condition], type_: &str) -> String {
    let Condition { status, reason, message, .. } = one(conditions, type_);
    format!("{status} {reason}: {message}")
}

#[test]
fn a_right_server_is_ready_once_all_pods_have_it() {
    let found = conditions(&server(vec![]), &[], &facts(&all_pods(), Some(&well()), 5));
    assert_eq!(
        shown(&found),
        [
            "Accepted=True Accepted",
            "ResolvedRefs=True ResolvedRefs",
            "Programmed=True Programmed",
            "Propagated=True Propagated",
            "Ready=True Ready",
            "Available=True Available",
        ]
    );
    let fresh = |it: &Condition| it.observed_generation == Some(3) && it.last_transition_time.0 == at(5);
    assert!(found.iter().all(fresh));
}

#[test]
fn what_is_on_its_way_is_reconciling() {
    let fleet = all_pods();
    let pending = Facts { programmed: Programmed::Pending, ..facts(&fleet, None, 5) };
    let found = conditions(&server(vec![]), &[], &pending);
    assert_eq!(
        shown(&found)[2..],
        [
            "Programmed=False Pending",
            "Propagated=False Pending",
            "Ready=False Pending",
            "Available=Unknown Pending",
            "Reconciling=True Pending",
        ]
    );
    let found = conditions(&server(vec![]), &[], &facts(&Fleet::default(), None, 5));
    assert_eq!(shown(&found)[3], "Propagated=False NoPods");
    assert_eq!(shown(&found)[6], "Reconciling=True NoPods");
}

#[test]
fn what_is_not_accepted_is_stalled_and_never_propagated() {
    let found = conditions(&server(vec![]), &[refusal()], &facts(&all_pods(), None, 5));
    assert_eq!(
        shown(&found),
        [
            "Accepted=False NameConflict",
            "ResolvedRefs=Unknown NotAccepted",
            "Programmed=False NotAccepted",
            "Propagated=False NotAccepted",
            "Ready=False NameConflict",
            "Available=Unknown NotAccepted",
            "Stalled=True NameConflict",
        ]
    );
    assert_eq!(one(&found, "Stalled").message, "spec.alias: taken");
    // A refusal that a pod does not know yet says so.
    let found = conditions(&server(vec![]), &[refusal()], &facts(&two_of_three(), None, 5));
    assert_eq!(shown(&found)[3], "Propagated=False Pending");
}

#[test]
fn what_names_something_unusable_is_stalled_and_in_force_all_the_same() {
    let found = conditions(&server(vec![]), &[void()], &facts(&all_pods(), Some(&well()), 5));
    assert_eq!(
        shown(&found),
        [
            "Accepted=True Accepted",
            "ResolvedRefs=False NotFound",
            "Programmed=True Programmed",
            "Propagated=True Propagated",
            "Ready=False NotFound",
            "Available=True Available",
            "Stalled=True NotFound",
        ]
    );
    let found = conditions(&server(vec![]), &[off()], &facts(&all_pods(), Some(&well()), 5));
    assert_eq!(shown(&found)[5], "Available=False Off");
}

#[test]
fn a_snapshot_that_cannot_be_written_needs_somebody() {
    let fleet = all_pods();
    let blocked = Facts { programmed: Programmed::Blocked("it is too large"), ..facts(&fleet, None, 5) };
    let found = conditions(&server(vec![]), &[], &blocked);
    assert_eq!(told(&found, "Programmed"), "False NotWritten: the snapshot cannot be written: it is too large");
    assert_eq!(told(&found, "Stalled"), "True NotWritten: the snapshot cannot be written: it is too large");
}

/// R40: latched for a generation, and a pod that cannot be asked has not got it.
#[test]
fn r40_propagated_is_latched() {
    let first = conditions(&server(vec![]), &[], &facts(&Fleet::new([Some(9), None]), None, 5));
    assert_eq!(shown(&first)[3], "Propagated=False Pending");
    let done = conditions(&server(first), &[], &facts(&all_pods(), None, 6));
    assert_eq!(shown(&done)[3], "Propagated=True Propagated");
    let fewer = two_of_three();
    let behind = facts(&fewer, None, 7);
    let later = conditions(&server(done.clone()), &[], &behind);
    assert_eq!(later, done, "a new pod changes nothing");
    let changed = Observed { generation: 4, ..server(done.clone()) };
    assert_eq!(shown(&conditions(&changed, &[], &behind))[3], "Propagated=False Pending");
    // Refused at the same generation, as when an older object comes with its name: what was latched was something else.
    let refused = conditions(&server(done), &[refusal()], &behind);
    assert_eq!(shown(&refused)[3], "Propagated=False Pending");
    let gone = conditions(&server(refused), &[refusal()], &facts(&all_pods(), None, 8));
    assert_eq!(shown(&gone)[3], "Propagated=False NotAccepted");
    assert_eq!(conditions(&server(gone.clone()), &[refusal()], &behind), gone);
    let again = conditions(&server(gone), &[], &behind);
    assert_eq!(shown(&again)[3], "Propagated=False Pending");
}

/// R40: a rollout that is over soon writes no counts; one that hangs is told once a count.
#[test]
fn r40_pods_are_counted_after_ten_seconds() {
    let fleet = two_of_three();
    let none = Fleet::new([Some(8), Some(8), Some(8)]);
    let first = conditions(&server(vec![]), &[], &facts(&none, None, 100));
    assert_eq!(told(&first, "Propagated"), "False Pending: not every pod has it in force yet");
    for (fleet, now) in [(&none, 101), (&fleet, 109)] {
        assert_eq!(conditions(&server(first.clone()), &[], &facts(fleet, None, now)), first);
    }
    let later = conditions(&server(first), &[], &facts(&fleet, None, 110));
    assert_eq!(told(&later, "Propagated"), "False Pending: 2 of 3 pods have it in force");
    assert_eq!(told(&later, "Reconciling"), "True Pending: 2 of 3 pods have it in force");
    let frozen = Fleet::new([Some(9), Some(9), None]);
    let frozen = conditions(&server(later.clone()), &[], &facts(&frozen, None, 140));
    assert_eq!(told(&frozen, "Propagated"), "False Pending: 2 of 3 pods have it in force; 1 cannot be asked");
    assert_eq!(one(&frozen, "Propagated").last_transition_time.0, at(100));
    assert_eq!(conditions(&server(later.clone()), &[], &facts(&fleet, None, 9999)), later, "time alone writes nothing");
}

#[test]
fn a_server_that_fails_is_ready_and_not_available() {
    let failing = Health { ready: 1, failing: 2, failure: Some(Failure::AuthRequired), ..Health::default() };
    let found = conditions(&server(vec![]), &[], &facts(&all_pods(), Some(&failing), 5));
    assert_eq!(shown(&found)[4..], ["Ready=True Ready", "Available=False AuthRequired"]);
    assert_eq!(one(&found, "Available").message, "it fails for 2 of 3 pods");
    // After a start of the operator nothing is known: what was said stands.
    assert_eq!(conditions(&server(found.clone()), &[], &facts(&all_pods(), None, 9)), found);
    let discovering = Health { ready: 2, ..Health::default() };
    let found = conditions(&server(found), &[], &facts(&all_pods(), Some(&discovering), 9));
    assert_eq!(shown(&found)[5], "Available=True Available");
    let per_caller = Health { per_caller: 2, ..Health::default() };
    let found = conditions(&server(found), &[], &facts(&all_pods(), Some(&per_caller), 9));
    assert_eq!(shown(&found)[4..6], ["Ready=True Ready", "Available=Unknown PerCaller"]);
}

#[test]
fn a_server_that_is_accepted_at_last_is_not_called_refused_for_want_of_news() {
    let refused = conditions(&server(vec![]), &[refusal()], &facts(&all_pods(), None, 5));
    assert_eq!(told(&refused, "Available"), "Unknown NotAccepted: a server that is not accepted is not asked");
    let found = conditions(&server(refused), &[off()], &facts(&all_pods(), None, 9));
    assert_eq!(told(&found, "Available"), "False Off: the server is off: ResolvedRefs says why");
    let found = conditions(&server(found), &[], &facts(&all_pods(), None, 13));
    assert_eq!(told(&found, "Available"), "Unknown Pending: no pod has told yet how it is");
}

#[test]
fn a_credential_under_way_is_waited_for() {
    let waiting = Health { ready: 2, waiting: 1, ..Health::default() };
    let found = conditions(&server(vec![]), &[], &facts(&all_pods(), Some(&waiting), 5));
    assert_eq!(told(&found, "ResolvedRefs"), "False CredentialPending: 1 of 3 pods wait for its credential");
    assert_eq!(shown(&found)[6], "Reconciling=True CredentialPending");
    assert_eq!(conditions(&server(found.clone()), &[], &facts(&all_pods(), None, 9)), found);
    let found = conditions(&server(found), &[], &facts(&all_pods(), Some(&well()), 9));
    assert_eq!(shown(&found)[1], "ResolvedRefs=True ResolvedRefs");
}

#[test]
fn only_the_objects_own_faults_count() {
    let mut faults = Vec::new();
    for name in ["w", "x", "y"] {
        let mut one = fault(ConditionType::ResolvedRefs, Reason::NotFound, "spec", name);
        one.object.name = name.to_owned();
        faults.push(one.clone());
        one.kind = Kind::McpKeyBinding;
        faults.push(one);
    }
    faults.sort();
    let found = conditions(&server(vec![]), &faults, &facts(&all_pods(), None, 5));
    assert_eq!(told(&found, "ResolvedRefs"), "False NotFound: spec: x");
}

#[test]
fn the_transition_time_stays_while_the_status_does() {
    let before = conditions(&server(vec![]), &[], &facts(&all_pods(), None, 5));
    let after = conditions(&server(before), &[void()], &facts(&all_pods(), None, 9));
    let times: Vec<_> = after.iter().map(|it| it.last_transition_time.0.as_second()).collect();
    assert_eq!(times, [5, 9, 5, 5, 9, 5, 9]);
    let fleet = all_pods();
    let precise = Facts { now: Timestamp::from_millisecond(5_900).unwrap(), ..facts(&fleet, None, 0) };
    assert_eq!(conditions(&server(vec![]), &[], &precise)[0].last_transition_time.0, at(5));
}

#[test]
fn ten_faults_are_spelled_out_and_a_message_is_bounded() {
    let void =
        |n: usize, message: &str| fault(ConditionType::ResolvedRefs, Reason::NotFound, &format!("f{n:02}"), message);
    let many: Vec<_> = (0..13).map(|n| void(n, "m")).collect();
    let found = conditions(&server(vec![]), &many, &facts(&all_pods(), None, 5));
    let message = &one(&found, "ResolvedRefs").message;
    assert_eq!(message.lines().count(), 11);
    assert!(message.ends_with("f09: m\nand 3 more"), "{message}");
    assert_eq!(one(&found, "Ready").message, "f00: m");

    let long: Vec<_> = (0..13).map(|n| void(n, &"é".repeat(10_000))).collect();
    let found = conditions(&server(vec![]), &long, &facts(&all_pods(), None, 5));
    let message = &one(&found, "ResolvedRefs").message;
    assert!(message.len() <= 32 << 10 && message.ends_with("é\nand 3 more"));
}

/// What kstatus makes of an object (cli-utils, `pkg/kstatus`): deletion aside, in this order.
fn kstatus(generation: i64, status: &serde_json::Value) -> &'static str {
    if status["observedGeneration"].as_i64().is_some_and(|observed| observed != generation) {
        return "InProgress";
    }
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    for condition in conditions {
        match (condition["type"].as_str().unwrap(), condition["status"].as_str().unwrap()) {
            ("Reconciling", "True") => return "InProgress",
            ("Stalled", "True") => return "Failed",
            _ => {}
        }
    }
    match conditions.iter().find(|condition| condition["type"] == "Ready") {
        Some(ready) if ready["status"] == "True" => "Current",
        Some(_) => "InProgress",
        None => "Current",
    }
}

/// Every combination of facts, one after the other on the same object: what holds of all.
#[test]
fn all_conditions_keep_the_rules_of_kstatus_and_of_the_catalogue() {
    let fleets = [all_pods(), two_of_three(), Fleet::new([None]), Fleet::default()];
    let failing = Health { failing: 1, ready: 1, failure: Some(Failure::Timeout), ..Health::default() };
    let waiting = Health { waiting: 1, ready: 1, ..Health::default() };
    let healths = [None, Some(well()), Some(failing), Some(waiting), Some(Health::default())];
    let programmed = [Programmed::Since(9), Programmed::Pending, Programmed::Blocked("why")];
    let mut previous = vec![];
    let mut outcomes = BTreeSet::new();
    for faults in [vec![], vec![refusal()], vec![void()], vec![off()], vec![refusal(), void()]] {
        for (fleet, health, programmed) in product(&fleets, &healths, &programmed) {
            for generation in [3, 4] {
                let object = Observed { generation, ..server(previous.clone()) };
                let facts = Facts { programmed, ..facts(fleet, health.as_ref(), 100) };
                let found = conditions(&object, &faults, &facts);
                let holds = |type_: &str| found.iter().any(|it| it.type_ == type_ && it.status == "True");
                let four = ["Accepted", "ResolvedRefs", "Programmed", "Propagated"].into_iter().all(holds);
                assert_eq!(holds("Ready"), four);
                assert_eq!(usize::from(holds("Reconciling")) + usize::from(holds("Stalled")), usize::from(!four));
                assert!(found.iter().all(|it| it.observed_generation == Some(generation)));
                for it in found.iter().filter(|it| !["Reconciling", "Stalled"].contains(&it.type_.as_str())) {
                    let entry = known(&it.type_, &it.reason);
                    let of_ready = it.type_ == "Ready" && it.status == "False";
                    assert!(of_ready || entry.is_some_and(|entry| entry.status == it.status), "{it:?}");
                }
                let status = McpServerStatus {
                    observed_generation: Some(generation),
                    conditions: found.clone(),
                    ..McpServerStatus::default()
                };
                let status = serde_json::to_value(status).unwrap();
                let expected = if four {
                    "Current"
                } else if holds("Stalled") {
                    "Failed"
                } else {
                    "InProgress"
                };
                assert_eq!(kstatus(generation, &status), expected);
                assert_eq!(kstatus(generation + 1, &status), "InProgress", "a spec that is newer than its status");
                assert_eq!(conditions(&server_of(generation, &found), &faults, &facts), found, "no second write");
                outcomes.insert(expected);
                previous = found;
            }
        }
    }
    assert_eq!(outcomes.len(), 3);
}

fn server_of(generation: i64, conditions: &[Condition]) -> Observed {
    Observed { generation, ..server(conditions.to_vec()) }
}

fn product<'a, A, B, C: Copy>(a: &'a [A], b: &'a [B], c: &'a [C]) -> impl Iterator<Item = (&'a A, &'a B, C)> {
    a.iter().flat_map(move |a| b.iter().flat_map(move |b| c.iter().map(move |c| (a, b, *c))))
}

#[test]
fn every_reason_is_in_the_catalogue_once() {
    let rows: BTreeSet<_> = CATALOGUE.iter().map(|it| (it.condition, it.reason)).collect();
    assert_eq!(rows.len(), CATALOGUE.len());
    assert!(CATALOGUE.iter().all(|it| TYPES.contains(&it.condition)));
    for failure in Failure::ALL {
        assert_eq!(known("Available", failure.as_str()).unwrap().status, "False");
    }
    for reason in Reason::ALL {
        let of = ["Accepted", "ResolvedRefs"].into_iter().filter(|type_| known(type_, reason.as_str()).is_some());
        assert_eq!(of.count(), 1, "{reason:?}");
    }
    let well = CATALOGUE.iter().filter(|it| it.status == "True");
    assert!(well.clone().all(|it| it.act == Act::Nothing && it.reason == it.condition));
    assert_eq!(well.count(), CATALOGUE.iter().filter(|it| it.act == Act::Nothing).count());
}

#[test]
fn bindings_have_no_available() {
    let status = Status::Binding(McpKeyBindingStatus::default());
    let binding = Observed { kind: Kind::McpKeyBinding, status, ..server(vec![]) };
    let found = conditions(&binding, &[], &facts(&all_pods(), None, 5));
    assert_eq!(found.len(), 5);
    assert_eq!(json!(found[4].status), json!("True"));
}
