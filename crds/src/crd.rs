//! The custom resource definitions, made from the types in `v1alpha1`: what
//! `switchboard crds` prints and the chart `switchboard-crds` installs.
//!
//! The derive gives names, descriptions, bounds and rules. Here the rest is
//! settled: a null is an absent field (so nothing is nullable), integers have
//! formats that Kubernetes knows, and `kubectl get` shows what is asked first.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition as Column, CustomResourceDefinition,
};
use kube::CustomResourceExt;
use serde_json::Value;

use crate::diagnostic::Kind;
use crate::v1alpha1::{McpAccessGroup, McpKeyBinding, McpServer};

/// The kinds, in the order in which they are printed.
pub const KINDS: [Kind; 3] = [Kind::McpServer, Kind::McpAccessGroup, Kind::McpKeyBinding];

/// Helm leaves the definition, and so every object of it, where it is when the release goes.
const KEEP: (&str, &str) = ("helm.sh/resource-policy", "keep");

/// The definition of `kind`, as the apiserver gets it.
pub fn definition(kind: Kind) -> CustomResourceDefinition {
    let mut crd = match kind {
        Kind::McpServer => McpServer::crd(),
        Kind::McpAccessGroup => McpAccessGroup::crd(),
        Kind::McpKeyBinding => McpKeyBinding::crd(),
    };
    crd.metadata.annotations.get_or_insert_default().insert(KEEP.0.to_owned(), KEEP.1.to_owned());
    for version in &mut crd.spec.versions {
        version.additional_printer_columns = Some(columns(kind));
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            let mut raw = serde_json::to_value(&*schema).expect("a schema is plain data");
            settle(&mut raw);
            *schema = serde_json::from_value(raw).expect("settling only takes away and renames");
        }
    }
    crd
}

/// The schema of an object of `kind`, `spec` and `status` included, as it stands in [`definition`].
pub(crate) fn schema(kind: Kind) -> Value {
    let crd = definition(kind);
    let schema = crd.spec.versions.into_iter().next().and_then(|version| version.schema);
    serde_json::to_value(schema.and_then(|schema| schema.open_api_v3_schema)).expect("a schema is plain data")
}

/// The definition of `kind` as YAML. Always the same bytes.
pub fn definition_yaml(kind: Kind) -> String {
    serde_yaml::to_string(&definition(kind)).expect("a definition is plain data with string keys")
}

/// All definitions as one YAML stream. Always the same bytes.
pub fn crd_yaml() -> String {
    KINDS.map(|kind| format!("---\n{}", definition_yaml(kind))).concat()
}

/// Makes a derived schema one that the apiserver enforces as meant; see the top of this file.
pub(crate) fn settle(schema: &mut Value) {
    match schema {
        Value::Object(node) => {
            node.remove("nullable");
            if node.get("additionalProperties") == Some(&Value::Bool(false)) {
                node.remove("additionalProperties");
            }
            if node.get("type").is_some_and(|kind| kind == "integer") {
                node.insert("format".to_owned(), "int64".into());
            }
            node.values_mut().for_each(settle);
        }
        Value::Array(items) => items.iter_mut().for_each(settle),
        _ => {}
    }
}

/// What `kubectl get` shows: what the object is, and whether it is in force; `-o wide` shows why not.
fn columns(kind: Kind) -> Vec<Column> {
    let condition = |of: &str, member: &str| format!(".status.conditions[?(@.type=='{of}')].{member}");
    let ready = column("Ready", &condition("Ready", "status"), "Whether it is right, and in force on every pod");
    let propagated = column("Propagated", &condition("Propagated", "status"), "Whether every pod has had it in force");
    let reason = wide(column("Reason", &condition("Ready", "reason"), "Why it is ready or not"));
    let age = Column { type_: "date".to_owned(), ..column("Age", ".metadata.creationTimestamp", "Since it was made") };
    match kind {
        Kind::McpServer => vec![
            column("Alias", ".status.alias", "The published name"),
            column("Transport", ".status.transport", "How the server is reached"),
            number("Tools", ".status.tools", "How many tools are published"),
            ready,
            propagated,
            column("Available", &condition("Available", "status"), "Whether the server works"),
            reason,
            wide(column("Protocol", ".status.protocol", "The revision of MCP that is spoken to the server")),
            wide(column("Last Error", ".status.lastError", "How it failed last")),
            age,
        ],
        Kind::McpAccessGroup => vec![
            column("Group", ".status.groupName", "The published name"),
            number("Servers", ".status.servers", "How many servers are in the group"),
            ready,
            propagated,
            reason,
            age,
        ],
        Kind::McpKeyBinding => vec![
            column("Subject", ".spec.subject.type", "What the binding is about"),
            column("Is", ".spec.subject['team','organization','user']", "The team, organization or user itself"),
            column("User", ".spec.user", "The user that it belongs to"),
            column("Team", ".spec.team", "The team that it belongs to"),
            column("Organization", ".spec.organization", "The organization that it belongs to"),
            wide(number("Keys", ".status.keys", "How many of its keys are known")),
            ready,
            propagated,
            reason,
            wide(column("Expires", ".spec.expirationTime", "When the subject becomes nobody")),
            wide(Column {
                type_: "boolean".to_owned(),
                ..column("Suspended", ".spec.suspend", "Whether the subject is nobody for now")
            }),
            age,
        ],
    }
}

fn column(name: &str, json_path: &str, description: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_: "string".to_owned(),
        json_path: json_path.to_owned(),
        description: Some(description.to_owned()),
        ..Column::default()
    }
}

fn number(name: &str, json_path: &str, description: &str) -> Column {
    Column { type_: "integer".to_owned(), ..column(name, json_path, description) }
}

fn wide(column: Column) -> Column {
    Column { priority: Some(1), ..column }
}

#[cfg(test)]
mod tests;
