//! JSON Schemas, as kubeconform wants them, of what the apiserver and CustomResourceDefinitions publish: a file a kind,
//! that knows every field and takes no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::objects::Objects;
use crate::tools::installed;

/// Writes the schemas of all kinds that the objects are of, and gives the place as `-schema-location` takes it.
pub(crate) fn write(folder: &Path, objects: &[Value]) -> String {
    fs::create_dir_all(folder).unwrap();
    let definitions = definitions();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let kinds: BTreeSet<_> =
        objects.iter().map(|object| (text(&object["apiVersion"]), text(&object["kind"]))).collect();
    for (api_version, kind) in kinds {
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let mut schema = published(&definitions, group, version, &kind)
            .unwrap_or_else(|| panic!("no schema of {api_version} {kind}: add its definition to tests/charts/install"));
        close(&mut schema);
        // To kubeconform the group of `v1` is `v1`.
        let first = if group.is_empty() { version } else { group };
        let file = folder.join(format!("{}-{first}-{version}.json", kind.to_lowercase()));
        fs::write(file, schema.to_string()).unwrap();
    }
    format!("{}/{{{{.ResourceKind}}}}-{{{{.Group}}}}-{{{{.ResourceAPIVersion}}}}.json", folder.display())
}

/// All CustomResourceDefinitions that were installed.
fn definitions() -> Vec<Value> {
    let files = fs::read_dir(installed("crds")).unwrap().map(|entry| entry.unwrap().path());
    files.flat_map(|file| Objects::parse(&fs::read_to_string(file).unwrap()).0).collect()
}

fn published(definitions: &[Value], group: &str, version: &str, kind: &str) -> Option<Value> {
    let defined = definitions.iter().find(|it| it["spec"]["group"] == group && it["spec"]["names"]["kind"] == kind);
    if let Some(definition) = defined {
        let versions = definition["spec"]["versions"].as_array()?;
        let version = versions.iter().find(|it| it["name"] == version)?;
        return Some(version["schema"]["openAPIV3Schema"].clone());
    }
    let file = if group.is_empty() { format!("api__{version}") } else { format!("apis__{group}__{version}") };
    let file = installed("openapi").join(format!("{file}_openapi.json"));
    let document: Value = serde_json::from_str(&fs::read_to_string(file).ok()?).unwrap();
    let components = document["components"]["schemas"].as_object()?;
    let is = json!({"group": group, "version": version, "kind": kind});
    let kinds = "x-kubernetes-group-version-kind";
    let found = |schema: &Value| schema[kinds].as_array().is_some_and(|kinds| kinds.contains(&is));
    let (name, _) = components.iter().find(|(_, schema)| found(schema))?;
    Some(json!({"$ref": format!("#/components/schemas/{name}"), "components": {"schemas": components}}))
}

/// Refuses fields that are not named, wherever some are.
pub(crate) fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if is_closed(members) {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn is_closed(members: &Map<String, Value>) -> bool {
    let is_schema = members.get("type").is_some_and(|it| it == "object") && members.contains_key("properties");
    is_schema
        && !members.contains_key("additionalProperties")
        && members.get("x-kubernetes-preserve-unknown-fields") != Some(&json!(true))
}
