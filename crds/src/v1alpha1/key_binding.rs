//! `McpKeyBinding`: a subject and what it may use.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamespaceConsent, ObjectRef, ValueSource};

/// Binds a subject (a key, a team, …) to what it may use.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "switchboard.dev",
    version = "v1alpha1",
    kind = "McpKeyBinding",
    namespaced,
    shortname = "mcpkb",
    category = "mcp",
    status = "McpKeyBindingStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpKeyBindingSpec {
    /// Who this is.
    pub subject: Subject,
    /// The user that a key belongs to. Its access is a ceiling, and what is inherited without grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The team that a key or user belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The organization that a key, user or team belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// What the subject may use, within what its parents may. Absent: all that they may. Empty: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
    /// Whose bindings may name this one as a parent (Team, Organization, User). Default: those of the own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_from: Option<NamespaceConsent>,
    /// From then on the subject is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
    /// While true, the subject is nobody and keeps its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Who a binding is about.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subject {
    /// Key: whoever presents one of `keys`. Team, Organization, User: a parent of others. Anonymous: whoever presents nothing.
    #[serde(rename = "type")]
    pub type_: SubjectType,
    /// With type Key: 1 to 4 keys of one caller, for rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Key>>,
    /// With type Team: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// With type Organization: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// With type User: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// See [`Subject::type_`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
pub enum SubjectType {
    /// A caller with an API key.
    #[default]
    Key,
    /// A team.
    Team,
    /// An organization.
    Organization,
    /// A user.
    User,
    /// Callers without a credential.
    Anonymous,
}

/// One API key of a caller.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Key {
    /// Tells the keys of the binding apart.
    pub name: String,
    /// SHA-256 of the key, 64 lower-case hex digits. Exactly one of `sha256` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where the key itself stands. Its bytes count as they are: mind a trailing newline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
    /// From then on the key is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
}

/// What a subject may use.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grants {
    /// Servers, each in whole or in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub servers: Option<Vec<ServerGrant>>,
    /// Access groups, each with all of its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_groups: Option<Vec<ObjectRef>>,
}

/// A granted server.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerGrant {
    /// The server's `metadata.name`.
    pub name: String,
    /// The server's namespace. Empty: the binding's own.
    #[serde(default)]
    pub namespace: String,
    /// The tools that are granted: exact native names or globs. Absent: all of the server. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
}

/// What is known of a binding.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpKeyBindingStatus {
    /// Accepted, `ResolvedRefs`, Programmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
