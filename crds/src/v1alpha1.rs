//! The API `switchboard.dev/v1alpha1`: one file a kind, and here the parts
//! that kinds share. Doc comments are what `kubectl explain` prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod access_group;
mod key_binding;
mod server;

pub use access_group::{AccessGroupMember, McpAccessGroup, McpAccessGroupSpec, McpAccessGroupStatus};
pub use key_binding::{
    Grants, Key, McpKeyBinding, McpKeyBindingSpec, McpKeyBindingStatus, ServerGrant, Subject, SubjectType,
};
pub use server::{
    Access, ApiKeyAuth, Auth, AuthType, ClientSide, EnvVar, Header, Http, HttpTransport, McpServer, McpServerSpec,
    McpServerStatus, Naming, NamingType, ServerLimits, SessionMode, Stdio, Timeouts, ToolFilter, UrlSource,
};

/// The API group of every kind.
pub const GROUP: &str = "switchboard.dev";

/// The label, with value `credential`, that makes a Secret usable.
pub const USE_LABEL: &str = "switchboard.dev/use";

/// Names another object. References are by `metadata.name`, never by alias.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// The `metadata.name` of the object.
    pub name: String,
    /// The namespace of the object. Empty: the namespace of the object that refers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// Which namespaces are meant. The own namespace always is.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceConsent {
    /// Same: the own namespace only. All: every namespace. Selector: the namespaces whose labels `selector` matches.
    #[serde(default)]
    pub from: From,
    /// Matches labels of Namespace objects. Required with Selector, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// See [`NamespaceConsent::from`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum From {
    /// The own namespace only.
    #[default]
    Same,
    /// Every namespace.
    All,
    /// The namespaces that the selector matches.
    Selector,
}

/// A label selector. At least one term; all terms must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Labels that must have exactly these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Terms over one label each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_expressions: Option<Vec<SelectorTerm>>,
}

/// A term of a label selector.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectorTerm {
    /// The label's key.
    pub key: String,
    /// How the label's value relates to `values`.
    pub operator: SelectorOperator,
    /// With In and `NotIn` at least one value; with Exists and `DoesNotExist` none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// See [`SelectorTerm::operator`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SelectorOperator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

/// A value that stands elsewhere. Exactly one member.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValueSource {
    /// A key of a Secret of the same namespace that carries the label `switchboard.dev/use: credential`.
    pub secret_key_ref: SecretKeyRef,
}

/// One key of one Secret.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// The Secret's `metadata.name`.
    pub name: String,
    /// The key in the Secret's data.
    pub key: String,
}

/// A value, written here or in a Secret. Exactly one of the two.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Value {
    /// The value itself. Whoever may read this object may read it; a secret belongs in `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}
