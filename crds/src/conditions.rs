//! Conditions of a status: from the faults of the object, from what is written
//! and what the pods run, from how a server is for them, and from what the
//! conditions were.
//!
//! | type | True |
//! |---|---|
//! | Accepted | the object is right and holds its name or subject |
//! | ResolvedRefs | what it names exists, consents and can be used |
//! | Programmed | what follows from this generation is in the snapshot that gateways load |
//! | Propagated | every serving pod has that in force, or had once: it is latched (R40) |
//! | Ready | all four |
//! | Available | of servers: no pod says that it fails. Never part of Ready |
//! | Reconciling | only ever True: it is on its way |
//! | Stalled | only ever True: somebody has to act |
//!
//! An object that is not accepted gives nothing, and is never Propagated, so
//! that whoever waits for Propagated does not take a refusal for a success. The
//! reason tells how far its refusal is: Pending while a pod still has what the
//! object gave before, then NotAccepted.
//!
//! Reconciling and Stalled follow kstatus, which `kubectl`, Flux and Argo CD
//! know: never both, and neither once the object is Ready.
//! The reasons are those of [`CATALOGUE`]; `docs/conditions.md` is made of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::diagnostic::{ConditionType, Diagnostic, Kind, Reason};
use crate::resources::Observed;

mod available;
mod catalogue;
mod facts;
mod propagated;

pub use catalogue::{Act, CATALOGUE, Meaning};
pub use facts::{Failure, Fleet, Health, Programmed};
pub use propagated::COUNTS_AFTER;

use available::{available, credential_pending};
use catalogue::known;
use propagated::propagated;

/// Every type of condition, in the order in which they stand in a status.
pub const TYPES: [&str; 8] =
    ["Accepted", "ResolvedRefs", "Programmed", "Propagated", "Ready", "Available", "Reconciling", "Stalled"];

/// The largest message, in bytes; the apiserver takes no more than 32 KiB.
const MESSAGE_LIMIT: usize = 32 << 10;

/// Faults that a message spells out; of further ones it has the count.
const FAULTS_SPELLED_OUT: usize = 10;

/// What is known beside the object and its faults. None of it is about other objects, so that a change of one object
/// writes the status of no other (R40).
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Whether it is in the snapshot that gateways load.
    pub programmed: Programmed<'a>,
    /// What the pods run.
    pub fleet: &'a Fleet,
    /// Of a server, how it is for the pods. None: not known, as just after a start; what the status says of it stays.
    pub health: Option<&'a Health>,
    /// The time. It becomes the transition time of a condition whose status changes; the others keep theirs.
    pub now: Timestamp,
}

/// Status, reason and message of a condition.
type Settled = (&'static str, &'static str, String);

/// The object's conditions, in the order of [`TYPES`]. `diagnostics`: those of all objects, sorted, as `compile` gives
/// them, of which those of this object count.
pub fn conditions(object: &Observed, diagnostics: &[Diagnostic], facts: &Facts) -> Vec<Condition> {
    let faults = of_object(object, diagnostics);
    let (refusals, voids): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
        faults.iter().partition(|fault| fault.condition == ConditionType::Accepted);
    let accepted = refusals.is_empty();
    let resolved = if !accepted {
        ("Unknown", "NotAccepted", "references are not looked at until the object is accepted".to_owned())
    } else if voids.is_empty() {
        credential_pending(object, facts).unwrap_or_else(|| good("ResolvedRefs"))
    } else {
        settle(&voids, "ResolvedRefs")
    };
    let mut settled = vec![
        ("Accepted", settle(&refusals, "Accepted")),
        ("ResolvedRefs", resolved),
        ("Programmed", programmed(accepted, facts.programmed)),
        ("Propagated", propagated(object, accepted, facts)),
    ];
    let fault = settled.iter().find(|(_, (status, ..))| *status != "True");
    let fault = fault.map(|(type_, (_, reason, message))| (*type_, *reason, first_line(message)));
    settled.push(("Ready", fault.clone().map_or_else(|| good("Ready"), |(_, reason, why)| ("False", reason, why))));
    if object.kind == Kind::McpServer {
        let off = voids.iter().any(|void| void.reason == Reason::SecretNotUsable);
        settled.push(("Available", available(object, accepted, off, facts)));
    }
    if let Some((type_, reason, why)) = fault {
        let waits = known(type_, reason).is_some_and(|meaning| matches!(meaning.act, Act::Wait(_)));
        settled.push((if waits { "Reconciling" } else { "Stalled" }, ("True", reason, why)));
    }
    // Whole seconds, as everywhere in Kubernetes.
    let now = Time(Timestamp::from_second(facts.now.as_second()).unwrap_or(facts.now));
    let conditions = settled.into_iter().map(|(type_, (status, reason, message))| Condition {
        last_transition_time: since(object, type_, status).unwrap_or(&now).clone(),
        message,
        observed_generation: Some(object.generation),
        reason: reason.to_owned(),
        status: status.to_owned(),
        type_: type_.to_owned(),
    });
    conditions.collect()
}

/// The object's own diagnostics, found by search: a look through all for each object would be quadratic.
fn of_object<'d>(object: &Observed, diagnostics: &'d [Diagnostic]) -> &'d [Diagnostic] {
    let own = (object.kind, &object.key);
    let start = diagnostics.partition_point(|it| (it.kind, &it.object) < own);
    let end = diagnostics.partition_point(|it| (it.kind, &it.object) <= own);
    &diagnostics[start..end]
}

fn programmed(accepted: bool, programmed: Programmed) -> Settled {
    match programmed {
        Programmed::Blocked(why) => ("False", "NotWritten", format!("the snapshot cannot be written: {why}")),
        _ if !accepted => ("False", "NotAccepted", "an object that is not accepted is in no snapshot".to_owned()),
        Programmed::Since(_) => good("Programmed"),
        Programmed::Pending => ("False", "Pending", "the snapshot that has it is not written yet".to_owned()),
    }
}

/// A condition that is as it should be: its type is the reason.
fn good(type_: &'static str) -> Settled {
    ("True", type_, String::new())
}

/// Status, reason and message that follow from the faults.
fn settle(faults: &[&Diagnostic], type_: &'static str) -> Settled {
    match faults.first() {
        None => good(type_),
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

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

/// The condition that the status has now.
fn before<'o>(object: &'o Observed, type_: &str) -> Option<&'o Condition> {
    object.status.conditions().iter().find(|condition| condition.type_ == type_)
}

/// Since when the condition has this status, if it had it before.
fn since<'o>(object: &'o Observed, type_: &str, status: &str) -> Option<&'o Time> {
    let before = before(object, type_).filter(|condition| condition.status == status);
    before.map(|condition| &condition.last_transition_time)
}

#[cfg(test)]
mod tests;
