//! What was written to the apiserver, by its own audit log: a line a write, there when the write is answered.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// `system:serviceaccount:NAMESPACE:NAME`, or `admin`.
    pub user: String,
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// The plural, as `configmaps`.
    pub resource: String,
    /// As `status`; empty: the object itself.
    pub subresource: String,
    /// Empty for what has none.
    pub namespace: String,
    /// Empty where the apiserver was to choose it, and where a creation was refused before its body was read.
    pub name: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Bytes of what was sent, as JSON; 0 for kinds other than Switchboard's own, ConfigMaps and Secrets.
    pub bytes: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    verb: String,
    user: User,
    object_ref: Option<ObjectRef>,
    response_status: Option<Status>,
    request_object: Option<Value>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Status {
    code: u16,
}

/// The writes of a log.
pub(super) fn read(log: &Path) -> Vec<Write> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    // The last line may still be in the writing.
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| write(serde_json::from_str(line).unwrap())).collect()
}

fn write(event: Event) -> Write {
    let object = event.object_ref.unwrap_or_default();
    Write {
        user: event.user.username,
        verb: event.verb,
        resource: object.resource,
        subresource: object.subresource,
        namespace: object.namespace,
        name: object.name,
        status: event.response_status.map_or(0, |status| status.code),
        bytes: event.request_object.map_or(0, |body| body.to_string().len()),
    }
}
