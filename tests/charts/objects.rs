//! Kubernetes objects, as a tool printed them.

use serde::Deserialize;
use serde_json::Value;

/// Some objects, in their order.
pub(crate) struct Objects(pub(crate) Vec<Value>);

impl Objects {
    /// Of a stream of YAML documents.
    pub(crate) fn parse(text: &str) -> Self {
        let documents = serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap());
        Self(documents.filter(|document| !document.is_null()).collect())
    }

    /// Those of a kind.
    pub(crate) fn of<'o>(&'o self, kind: &str) -> impl Iterator<Item = &'o Value> {
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    /// The one of a kind and name.
    pub(crate) fn get(&self, kind: &str, name: &str) -> &Value {
        let mut found = self.of(kind).filter(|object| object["metadata"]["name"] == name);
        let first = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
        assert!(found.next().is_none(), "{kind} {name} twice");
        first
    }

    /// By kind, namespace and name: in which order a tool prints them is its own affair.
    pub(crate) fn sorted(mut self) -> Vec<Value> {
        let key = |object: &Value| (name(object), object["metadata"]["namespace"].to_string());
        self.0.sort_by_key(key);
        self.0
    }

    /// Every pod that there is or will be: the name of its object, its metadata and spec.
    pub(crate) fn pods(&self) -> impl Iterator<Item = (String, &Value, &Value)> {
        self.0.iter().filter_map(|object| {
            let pod = match object["kind"].as_str()? {
                "Pod" => object,
                "Deployment" => &object["spec"]["template"],
                _ => return None,
            };
            Some((name(object), &pod["metadata"], &pod["spec"]))
        })
    }
}

/// `Kind/name`.
pub(crate) fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// The texts of a list.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().map(|list| list.iter().map(|text| text.as_str().unwrap()).collect()).unwrap_or_default()
}

/// Whether the labels have all that the selector wants, which is not nothing.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let wanted = selector.as_object().expect("a selector");
    assert!(!wanted.is_empty(), "an empty selector selects everything");
    wanted.iter().all(|(key, value)| &labels[key] == value)
}
