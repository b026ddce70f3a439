//! Conditions of a status, from diagnostics: Accepted, `ResolvedRefs`, Programmed.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::diagnostic::{ConditionType, Diagnostic, Kind, ObjectKey};

/// The largest message, in bytes; the apiserver takes no more than 32 KiB.
const MESSAGE_LIMIT: usize = 32 << 10;

/// Faults that a message spells out; of further ones it has the count.
const FAULTS_SPELLED_OUT: usize = 10;

/// What is known of an object beside its faults.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Its kind.
    pub kind: Kind,
    /// The object.
    pub key: &'a ObjectKey,
    /// The `metadata.generation` that was compiled.
    pub generation: Option<i64>,
    /// Whether what follows from it is in the snapshot that gateways load.
    pub programmed: bool,
    /// The conditions that its status has now.
    pub previous: &'a [Condition],
}

/// The object's conditions. `diagnostics`: those of all objects, sorted, as `compile` gives them. `now` becomes the
/// transition time of a condition whose status changes; the others keep theirs.
pub fn conditions(object: &Observed, diagnostics: &[Diagnostic], now: &Time) -> Vec<Condition> {
    let faults = of_object(object, diagnostics);
    let (refusals, voids): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        faults.iter().partition(|fault| fault.condition == ConditionType::Accepted);
    let accepted = refusals.is_empty();
    let unlooked = ("Unknown", "NotAccepted", "references are not looked at until the object is accepted".to_owned());
    let programmed = match (accepted, object.programmed) {
        (false, _) => ("False", "NotAccepted", "an object that is not accepted is in no snapshot".to_owned()),
        (true, true) => ("True", "Programmed", String::new()),
        (true, false) => ("False", "Pending", "the object is not in the snapshot yet".to_owned()),
    };
    let settled = [
        (ConditionType::Accepted.as_str(), settle(&refusals, "Accepted")),
        (ConditionType::ResolvedRefs.as_str(), if accepted { settle(&voids, "ResolvedRefs") } else { unlooked }),
        ("Programmed", programmed),
    ];
    let conditions = settled.into_iter().map(|(type_, (status, reason, message))| Condition {
        last_transition_time: since(object.previous, type_, status).unwrap_or(now).clone(),
        message,
        observed_generation: object.generation,
        reason: reason.to_owned(),
        status: status.to_owned(),
        type_: type_.to_owned(),
    });
    conditions.collect()
}

/// The object's own diagnostics, found by search: a look through all for each object would be quadratic.
fn of_object<'d>(object: &Observed, diagnostics: &'d [Diagnostic]) -> &'d [Diagnostic] {
    let own = (object.kind, object.key);
    let start = diagnostics.partition_point(|it| (it.kind, &it.object) < own);
    let end = diagnostics.partition_point(|it| (it.kind, &it.object) <= own);
    &diagnostics[start..end]
}

/// Status, reason and message that follow from the faults.
fn settle(faults: &[&Diagnostic], good: &'static str) -> (&'static str, &'static str, String) {
    match faults.first() {
        None => ("True", good, String::new()),
        Some(first) => ("False", first.reason.as_str(), message(faults)),
    }
}

fn message(faults: &[&Diagnostic]) -> String {
    let lines = faults.iter().take(FAULTS_SPELLED_OUT).map(|fault| format!("{}: {}", fault.field, fault.message));
    let mut message = lines.collect::<Vec<_>>().join("\n");
    let more = match faults.len().saturating_sub(FAULTS_SPELLED_OUT) {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    while message.len() + more.len() > MESSAGE_LIMIT {
        message.pop();
    }
    message + &more
}

/// Since when the condition has this status, if it had it before.
fn since<'p>(previous: &'p [Condition], type_: &str, status: &str) -> Option<&'p Time> {
    let before = previous.iter().find(|condition| condition.type_ == type_ && condition.status == status);
    before.map(|condition| &condition.last_transition_time)
}

#[cfg(test)]
mod tests;
