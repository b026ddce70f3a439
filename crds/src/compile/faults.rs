//! Faults as the passes find them, made into sorted diagnostics at the end.

use crate::diagnostic::{ConditionType, Diagnostic, Kind, ObjectKey, Reason};
use crate::resources::Resources;

/// What is wrong at one place of an object.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    pub(super) field: String,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(reason: Reason, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { reason, field: field.into(), message: message.into() }
    }

    /// The object contradicts the API's rules over several fields.
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, field, message)
    }
}

/// All faults of all objects.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Diagnostic>);

impl Faults {
    /// Starts with those that the schema found.
    pub(super) fn of_refused(resources: &Resources) -> Self {
        Self(resources.refused.values().flatten().cloned().collect())
    }

    /// The object is not accepted.
    pub(super) fn refuse(&mut self, kind: Kind, object: &ObjectKey, fault: Fault) {
        self.add(kind, object, ConditionType::Accepted, fault);
    }

    /// Something that the accepted object names cannot be used.
    pub(super) fn void(&mut self, kind: Kind, object: &ObjectKey, fault: Fault) {
        self.add(kind, object, ConditionType::ResolvedRefs, fault);
    }

    fn add(&mut self, kind: Kind, object: &ObjectKey, condition: ConditionType, fault: Fault) {
        let Fault { reason, field, message } = fault;
        self.0.push(Diagnostic { kind, object: object.clone(), condition, reason, field, message });
    }

    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.0.sort();
        self.0.dedup();
        self.0
    }
}
