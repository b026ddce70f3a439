use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::diagnostic::Reason;

fn key() -> ObjectKey {
    ObjectKey::new("ns", "x")
}

fn fault(condition: ConditionType, reason: Reason, field: &str, message: &str) -> Diagnostic {
    let (field, message) = (field.to_owned(), message.to_owned());
    Diagnostic { kind: Kind::McpServer, object: key(), condition, reason, field, message }
}

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn of(faults: &[Diagnostic], programmed: bool, previous: &[Condition], now: i64) -> Vec<Condition> {
    let object = Observed { kind: Kind::McpServer, key: &key(), generation: Some(3), programmed, previous };
    conditions(&object, faults, &at(now))
}

fn shown(conditions: &[Condition]) -> Vec<(&str, &str, &str)> {
    let shown = conditions.iter().map(|it| (it.type_.as_str(), it.status.as_str(), it.reason.as_str()));
    shown.collect()
}

#[test]
fn a_right_object_is_true_thrice_once_programmed() {
    let found = of(&[], true, &[], 5);
    assert_eq!(
        shown(&found),
        [
            ("Accepted", "True", "Accepted"),
            ("ResolvedRefs", "True", "ResolvedRefs"),
            ("Programmed", "True", "Programmed")
        ]
    );
    assert!(found.iter().all(|it| it.observed_generation == Some(3) && it.last_transition_time == at(5)));
    assert_eq!(shown(&of(&[], false, &[], 5))[2], ("Programmed", "False", "Pending"));
}

#[test]
fn an_object_that_is_not_accepted_is_not_programmed() {
    let faults = [fault(ConditionType::Accepted, Reason::NameConflict, "spec.alias", "taken")];
    let found = of(&faults, true, &[], 5);
    assert_eq!(
        shown(&found),
        [
            ("Accepted", "False", "NameConflict"),
            ("ResolvedRefs", "Unknown", "NotAccepted"),
            ("Programmed", "False", "NotAccepted")
        ]
    );
    assert_eq!(found[0].message, "spec.alias: taken");
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
    let found = of(&faults, true, &[], 5);
    assert_eq!(shown(&found)[1], ("ResolvedRefs", "False", "NotFound"));
    assert_eq!(found[1].message, "spec: x");
}

#[test]
fn the_transition_time_stays_while_the_status_does() {
    let before = of(&[], false, &[], 5);
    let after = of(&[fault(ConditionType::ResolvedRefs, Reason::NotFound, "spec", "m")], false, &before, 9);
    let times: Vec<_> = after.iter().map(|it| it.last_transition_time.clone()).collect();
    assert_eq!(times, [at(5), at(9), at(5)]);
}

#[test]
fn ten_faults_are_spelled_out_and_a_message_is_bounded() {
    let void =
        |n: usize, message: &str| fault(ConditionType::ResolvedRefs, Reason::NotFound, &format!("f{n:02}"), message);
    let many: Vec<_> = (0..13).map(|n| void(n, "m")).collect();
    let message = &of(&many, true, &[], 5)[1].message;
    assert_eq!(message.lines().count(), 11);
    assert!(message.ends_with("f09: m\nand 3 more"), "{message}");

    let long: Vec<_> = (0..13).map(|n| void(n, &"é".repeat(10_000))).collect();
    let message = &of(&long, true, &[], 5)[1].message;
    assert!(message.len() <= 32 << 10 && message.ends_with("é\nand 3 more"));
}
