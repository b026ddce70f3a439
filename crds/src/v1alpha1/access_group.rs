//! `McpAccessGroup`: a named set of servers to grant at once.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{GROUP_NAME, NAME, NAMESPACE_OR_OWN, PRINTABLE};
use super::{NamespaceConsent, Selector};

/// A set of servers that bindings grant, and callers filter by, under one name.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "switchboard.dev",
    version = "v1alpha1",
    kind = "McpAccessGroup",
    namespaced,
    shortname = "mcpag",
    category = "mcp",
    status = "McpAccessGroupStatus",
    derive = "PartialEq",
    doc = "A set of servers that bindings grant, and callers filter by, under one name."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpAccessGroupSpec {
    /// The published name: letters, digits, space, `_` and `-`, with a letter or digit, at most 64. Default: `metadata.name` with `-` and `.` as `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = GROUP_NAME))]
    pub group_name: Option<String>,
    /// Servers in the group, each in whole or in part. At most 512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name", "namespace"]))]
    pub servers: Option<Vec<AccessGroupMember>>,
    /// Servers join by their labels, if `joinFrom` admits their namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Whose servers may join, by `selector` or by their own `accessGroups`. Default: those of the own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_from: Option<NamespaceConsent>,
    /// Whose bindings may name the group. Default: those of the own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<NamespaceConsent>,
}

/// A server in a group.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccessGroupMember {
    /// The server's `metadata.name`.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// The server's namespace. Empty (default): the group's own.
    #[serde(default)]
    #[schemars(length(max = 63), regex(pattern = NAMESPACE_OR_OWN))]
    pub namespace: String,
    /// The tools that the group gives: exact native names or globs, at most 512. Empty: none. Absent: none too, if `prompts` or
    /// `resources` is given; where none of the three is, the whole server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub tools: Option<Vec<String>>,
    /// The prompts that the group gives: exact native names or globs, at most 512. Empty: none. Absent: none too, if `tools` or
    /// `resources` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub prompts: Option<Vec<String>>,
    /// The resources that the group gives: exact native URIs, URI templates or globs, at most 512, each of at most 1024 characters.
    /// Empty: none. Absent: none too, if `tools` or `prompts` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 1024), regex(pattern = PRINTABLE)))]
    pub resources: Option<Vec<String>>,
}

/// What is known of a group. Written by the operator alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpAccessGroupStatus {
    /// The `metadata.generation` that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, ResolvedRefs, Programmed, Propagated and Ready, which is all four. Reconciling while it is on its way, Stalled while somebody has to act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The published name, once the group is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub group_name: Option<String>,
    /// How many servers are in the group, listed or joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub servers: Option<u32>,
}
