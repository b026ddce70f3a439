//! Secrets of a directory: only those that are marked as credentials are read.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::schema::Fault;
use crate::v1alpha1::USE_LABEL;

/// The value of [`USE_LABEL`] that makes a Secret usable.
const CREDENTIAL: &str = "credential";

/// Whether the label is there that makes a Secret with these metadata usable.
pub(super) fn is_credential(metadata: &Value) -> bool {
    metadata["labels"][USE_LABEL] == CREDENTIAL
}

/// The data of a Secret: `data`, with `stringData` over it, as the apiserver does. `fields` are all but
/// apiVersion, kind and metadata. No message quotes a value.
pub(super) fn data(fields: &Map<String, Value>) -> Result<BTreeMap<String, Vec<u8>>, Vec<Fault>> {
    let mut data = BTreeMap::new();
    let mut faults = Vec::new();
    for name in fields.keys().filter(|name| !["data", "stringData", "type", "immutable"].contains(&name.as_str())) {
        faults.push(Fault::new(name, "unknown field: take it out; known here are data, stringData, type, immutable"));
    }
    for (field, decode) in [("data", decode as Decode), ("stringData", verbatim)] {
        match fields.get(field).unwrap_or(&Value::Null) {
            Value::Null => {}
            Value::Object(entries) => {
                for (key, value) in entries {
                    match value.as_str().map_or(Err("must be a text: put it in quotes"), decode) {
                        Ok(bytes) => drop(data.insert(key.clone(), bytes)),
                        Err(message) => faults.push(Fault::new(format!("{field}.{key}"), message)),
                    }
                }
            }
            _ => faults.push(Fault::new(field, "must be a mapping of keys to texts")),
        }
    }
    if faults.is_empty() { Ok(data) } else { Err(faults) }
}

/// A text of a Secret to its bytes.
type Decode = fn(&str) -> Result<Vec<u8>, &'static str>;

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let text: String = text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    BASE64_STANDARD.decode(text).map_err(|_| "not base64: encode the value, or write it as it is under stringData")
}

#[expect(clippy::unnecessary_wraps, reason = "a Decode that never fails")]
fn verbatim(text: &str) -> Result<Vec<u8>, &'static str> {
    Ok(text.as_bytes().to_vec())
}
