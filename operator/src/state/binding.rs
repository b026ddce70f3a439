//! Bindings as callers: who has nothing any more (R42).

use crds::diagnostic::{Kind, ObjectKey};
use crds::resources::Resources;

/// The id that the caller of a binding has in a snapshot, if it is one there: it has keys, or none are asked for, and it
/// is not suspended.
pub(super) fn caller(resources: &Resources, kind: Kind, key: &ObjectKey) -> Option<String> {
    let binding = resources.bindings.get(key).filter(|_| kind == Kind::McpKeyBinding)?;
    (binding.spec.subject.type_.calls() && binding.spec.suspend != Some(true)).then(|| key.to_string())
}
