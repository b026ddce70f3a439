//! References between objects: by `metadata.name`, the referrer's namespace
//! where none is given. One without its target is void alone.

use super::faults::Fault;
use crate::diagnostic::{Kind, ObjectKey, Reason};

/// The object that a reference of an object in `own` means.
pub(super) fn target(name: &str, namespace: &str, own: &str) -> ObjectKey {
    ObjectKey::new(if namespace.is_empty() { own } else { namespace }, name)
}

/// The target is missing, not accepted, or does not consent. Across namespaces nobody learns which.
pub(super) fn void(field: String, kind: Kind, target: &ObjectKey, own: &str) -> Fault {
    let kind = kind.as_str();
    if target.namespace == own {
        let message = format!("there is no accepted {kind} `{}` in this namespace", target.name);
        Fault::new(Reason::NotFound, field, message)
    } else {
        let message = format!("there is no accepted {kind} `{target}`, or it does not admit this namespace");
        Fault::new(Reason::NotPermitted, field, message)
    }
}
