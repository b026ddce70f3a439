//! Manifests as text to [`Resources`], for tests of the compiler alone: typed parsing without the API's schema.

use std::collections::BTreeMap;

use base64::Engine;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml::{Mapping, Value};

use crate::compile::Scope;
use crate::diagnostic::{ConditionType, Diagnostic, Kind, ObjectKey, Reason};
use crate::resources::Resources;

/// What the documents hold. A document `{kind: Cluster, namespace: X}` makes it a cluster with the release in X.
pub(crate) fn load(text: &str) -> (Resources, Scope) {
    let mut resources = Resources::default();
    let mut scope = Scope::Local;
    for document in serde_yaml::Deserializer::from_str(text) {
        let mut document = Value::deserialize(document).unwrap();
        if document.is_null() {
            continue;
        }
        match text_at(&document, "kind").as_str() {
            "Cluster" => scope = Scope::Cluster { namespace: text_at(&document, "namespace") },
            "Settings" => {
                document.as_mapping_mut().unwrap().remove("kind");
                resources.settings = serde_yaml::from_value(document).unwrap();
            }
            "Namespace" => {
                let labels = document["metadata"].get("labels").cloned().unwrap_or(Value::Mapping(Mapping::default()));
                let labels = serde_yaml::from_value(labels).unwrap();
                resources.namespaces.insert(text_at(&document["metadata"], "name"), labels);
            }
            "Secret" => {
                resources.secrets.insert(key(&document), secret(&document));
            }
            "McpServer" => {
                let Resources { servers, refused, .. } = &mut resources;
                insert(servers, refused, Kind::McpServer, document);
            }
            "McpAccessGroup" => {
                let Resources { groups, refused, .. } = &mut resources;
                insert(groups, refused, Kind::McpAccessGroup, document);
            }
            "McpKeyBinding" => {
                let Resources { bindings, refused, .. } = &mut resources;
                insert(bindings, refused, Kind::McpKeyBinding, document);
            }
            other => panic!("no such kind here: {other}"),
        }
    }
    (resources, scope)
}

type Refused = BTreeMap<(Kind, ObjectKey), Vec<Diagnostic>>;

fn insert<T: DeserializeOwned>(
    objects: &mut BTreeMap<ObjectKey, T>,
    refused: &mut Refused,
    kind: Kind,
    mut document: Value,
) {
    let key = key(&document);
    let version = Value::String("switchboard.dev/v1alpha1".to_owned());
    document.as_mapping_mut().unwrap().insert("apiVersion".into(), version);
    match serde_yaml::from_value(document) {
        Ok(object) => assert!(objects.insert(key.clone(), object).is_none(), "twice: {key}"),
        Err(error) => {
            let fault = Diagnostic {
                kind,
                object: key.clone(),
                condition: ConditionType::Accepted,
                reason: Reason::Invalid,
                field: "spec".to_owned(),
                message: error.to_string(),
            };
            refused.insert((kind, key), vec![fault]);
        }
    }
}

fn key(document: &Value) -> ObjectKey {
    let metadata = &document["metadata"];
    let namespace = metadata.get("namespace").and_then(Value::as_str).unwrap_or("default");
    ObjectKey::new(namespace, text_at(metadata, "name"))
}

fn secret(document: &Value) -> BTreeMap<String, Vec<u8>> {
    let texts: BTreeMap<String, String> = member(document, "stringData");
    let coded: BTreeMap<String, String> = member(document, "data");
    let decode = |text: String| base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let texts = texts.into_iter().map(|(name, text)| (name, text.into_bytes()));
    texts.chain(coded.into_iter().map(|(name, text)| (name, decode(text)))).collect()
}

fn member<T: DeserializeOwned + Default>(document: &Value, name: &str) -> T {
    document.get(name).map(|value| serde_yaml::from_value(value.clone()).unwrap()).unwrap_or_default()
}

fn text_at(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} is missing")).to_owned()
}
