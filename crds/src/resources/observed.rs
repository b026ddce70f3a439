//! What stays of an object of a cluster beside its spec: what its status is written by.

use serde_json::{Map, Value};

use crate::diagnostic::{Kind, ObjectKey};
use crate::status::Status;

/// An object as a watch delivered it, without its spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its kind.
    pub kind: Kind,
    /// The object.
    pub key: ObjectKey,
    /// `metadata.uid`: another one under the same name is another object.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`: grows with each change of the spec, and with nothing else.
    pub generation: i64,
    /// The status that it has now, as far as it is ours.
    pub status: Status,
}

impl Observed {
    /// Takes the status out of the object, and reads what is asked of its metadata.
    pub(super) fn take(kind: Kind, fields: &mut Map<String, Value>) -> Self {
        let status = Status::read(kind, fields.remove("status").unwrap_or_default());
        let metadata = fields.get("metadata").unwrap_or(&Value::Null);
        let text = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
        Self {
            kind,
            key: ObjectKey::new(text("namespace"), text("name")),
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            generation: metadata["generation"].as_i64().unwrap_or_default(),
            status,
        }
    }
}
