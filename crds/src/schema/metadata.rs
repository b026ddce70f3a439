//! The parts of an object's metadata that anything depends on, checked as the
//! apiserver checks them. Other fields of it are Kubernetes' own and pass.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{Fault, Structure};
use crate::v1alpha1::patterns::{LABEL_KEY, LABEL_VALUE, NAME, NAMESPACE};

/// Where an object without namespace is.
const DEFAULT_NAMESPACE: &str = "default";

/// What metadata say, once they are right.
pub(crate) struct Metadata {
    /// `metadata.namespace`; `default` where there is none.
    pub(crate) namespace: String,
    /// `metadata.name`.
    pub(crate) name: String,
    /// What is wrong beside the identity.
    pub(crate) faults: Vec<Fault>,
    /// `name`, `namespace`, `labels`, `annotations` and `creationTimestamp`, nothing else.
    pub(crate) value: Value,
}

/// Reads the metadata of an object; without a usable name and namespace there is no object to speak of.
pub(crate) fn read(object: &Value) -> Result<Metadata, Vec<Fault>> {
    let mut value = object.get("metadata").cloned().unwrap_or(Value::Null);
    let Some(fields) = value.as_object_mut() else {
        return Err(vec![Fault::new("metadata.name", "is missing: add it")]);
    };
    fields.retain(|name, field| structure().has(name) && !field.is_null());
    fields.entry("namespace").or_insert_with(|| DEFAULT_NAMESPACE.into());
    if fields["namespace"] == "" {
        fields["namespace"] = DEFAULT_NAMESPACE.into();
    }
    let mut faults = structure().check(&mut value, "metadata").faults;
    faults.extend(label_keys(&value));
    let identity = |fault: &Fault| ["metadata", "metadata.name", "metadata.namespace"].contains(&fault.field.as_str());
    if faults.iter().any(identity) {
        return Err(faults);
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    Ok(Metadata { namespace: text("namespace"), name: text("name"), faults, value })
}

/// Keys of a mapping have no pattern in a schema.
fn label_keys(metadata: &Value) -> Vec<Fault> {
    static KEY: OnceLock<regex::Regex> = OnceLock::new();
    let key = KEY.get_or_init(|| regex::Regex::new(LABEL_KEY).expect("a constant"));
    let labels = metadata["labels"].as_object();
    let wrong = labels.into_iter().flat_map(serde_json::Map::keys).filter(|name| !key.is_match(name));
    wrong
        .map(|name| {
            Fault::new(
                format!("metadata.labels.{name}"),
                "is not the key of a label, as in `team` or `example.com/team`",
            )
        })
        .collect()
}

fn structure() -> &'static Structure {
    static STRUCTURE: OnceLock<Structure> = OnceLock::new();
    STRUCTURE.get_or_init(|| Structure::compile(&schema()))
}

fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": { "type": "string", "maxLength": 253, "pattern": NAME },
            "namespace": { "type": "string", "maxLength": 63, "pattern": NAMESPACE },
            "labels": {
                "type": "object",
                "additionalProperties": { "type": "string", "maxLength": 63, "pattern": LABEL_VALUE },
            },
            "annotations": { "type": "object", "additionalProperties": { "type": "string" } },
            "creationTimestamp": { "type": "string", "format": "date-time" },
        },
    })
}
