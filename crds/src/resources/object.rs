//! One object, of a file or a cluster: told by its kind, checked as the apiserver would, and made typed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::secret;
use crate::diagnostic::{Kind, ObjectKey};
use crate::document::Lines;
use crate::schema::{Fault, Schema, metadata};
use crate::v1alpha1::{API_VERSION, McpAccessGroup, McpKeyBinding, McpServer};

/// The kinds that are read from files.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Read {
    Ours(Kind),
    Secret,
    Namespace,
}

/// An object of a file with an identity, right or wrong.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) kind: Read,
    pub(super) key: ObjectKey,
    pub(super) lines: Arc<Lines>,
    pub(super) content: Checked,
}

/// The content of an object, or what is wrong with it.
pub(super) type Checked = Result<Content, Vec<Fault>>;

/// An object that is right.
#[derive(Clone)]
pub(super) enum Content {
    Server(Box<McpServer>),
    Group(Box<McpAccessGroup>),
    Binding(Box<McpKeyBinding>),
    /// None: not marked as a credential.
    Secret(Option<BTreeMap<String, Vec<u8>>>),
    /// Its labels.
    Namespace(BTreeMap<String, String>),
}

impl Read {
    /// What `apiVersion` and `kind` name, if it is read here.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Self> {
        match (api_version, kind) {
            ("v1", "Secret") => Some(Read::Secret),
            ("v1", "Namespace") => Some(Read::Namespace),
            (API_VERSION, _) => crate::crd::KINDS.into_iter().find(|known| known.as_str() == kind).map(Read::Ours),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Read::Ours(kind) => kind.as_str(),
            Read::Secret => "Secret",
            Read::Namespace => "Namespace",
        }
    }
}

impl Object {
    /// Reads an object of `kind`; without an identity there is none, only what is wrong with it.
    pub(super) fn read(kind: Read, fields: Map<String, Value>, lines: Lines) -> Result<Self, Vec<Fault>> {
        let (key, content) = read(kind, fields)?;
        Ok(Self { kind, key, lines: Arc::new(lines), content })
    }
}

/// The identity and the content of an object of `kind`; without an identity there is only what is wrong with it.
pub(super) fn read(kind: Read, mut fields: Map<String, Value>) -> Result<(ObjectKey, Checked), Vec<Fault>> {
    let named =
        Value::Object(fields.remove("metadata").map(|field| ("metadata".to_owned(), field)).into_iter().collect());
    let metadata = metadata::read(&named)?;
    for known in ["apiVersion", "kind", "status"] {
        fields.remove(known);
    }
    let content = match kind {
        Read::Ours(kind) => ours(kind, fields, metadata.value, metadata.faults),
        Read::Secret | Read::Namespace if !metadata.faults.is_empty() => Err(metadata.faults),
        Read::Secret if !secret::is_credential(&metadata.value) => Ok(Content::Secret(None)),
        Read::Secret => secret::data(&fields).map(|data| Content::Secret(Some(data))),
        Read::Namespace => Ok(Content::Namespace(labels(&metadata.value))),
    };
    let namespace = if kind == Read::Namespace { String::new() } else { metadata.namespace };
    Ok((ObjectKey { namespace, name: metadata.name }, content))
}

/// An object of one of our kinds. `fields` are all but apiVersion, kind, metadata and status.
fn ours(kind: Kind, fields: Map<String, Value>, metadata: Value, mut faults: Vec<Fault>) -> Checked {
    let mut value = Value::Object(fields);
    faults.extend(Schema::of(kind).check(&mut value));
    if !faults.is_empty() {
        return Err(faults);
    }
    let object = Value::Object(Map::from_iter([
        ("apiVersion".to_owned(), API_VERSION.into()),
        ("kind".to_owned(), kind.as_str().into()),
        ("metadata".to_owned(), metadata),
        ("spec".to_owned(), value["spec"].take()),
    ]));
    match kind {
        Kind::McpServer => typed(object).map(Content::Server),
        Kind::McpAccessGroup => typed(object).map(Content::Group),
        Kind::McpKeyBinding => typed(object).map(Content::Binding),
    }
}

/// What the schema accepts has its type; if ever not, the object is refused rather than guessed at.
fn typed<T: DeserializeOwned>(object: Value) -> Result<Box<T>, Vec<Fault>> {
    // The error would quote the value, which may be a secret.
    serde_json::from_value(object)
        .map(Box::new)
        .map_err(|_| vec![Fault::new("spec", "a value has a form that is not understood")])
}

fn labels(metadata: &Value) -> BTreeMap<String, String> {
    let labels = metadata["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
