//! The API `switchboard.dev/v1alpha1`: one file a kind, and here the parts
//! that kinds share. Doc comments are what `kubectl explain` prints. Bounds and
//! rules stand at the field they are about; `crate::crd` makes CRDs of them, and
//! `crate::schema` checks files by them as the apiserver would.

#![expect(unreachable_pub, reason = "derive(KubeSchema) repeats each struct, `pub` included, inside a function")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod access_group;
mod auth;
mod consent;
mod cost;
mod http;
mod key_binding;
mod oauth;
pub(crate) mod patterns;
mod server;
mod stdio;

pub use access_group::{AccessGroupMember, McpAccessGroup, McpAccessGroupSpec, McpAccessGroupStatus};
pub use auth::{ApiKeyAuth, Auth, AuthType, ClientSide};
pub use consent::{From, NamespaceConsent, Selector, SelectorOperator, SelectorTerm};
pub use cost::{Cost, ToolCost};
pub use http::{Header, Http, HttpTransport, UrlSource};
pub use key_binding::{
    Claim, Grants, Key, McpKeyBinding, McpKeyBindingSpec, McpKeyBindingStatus, ServerGrant, ServiceAccountRef, Subject,
    SubjectType,
};
pub use oauth::{ClientAuthentication, ExchangeFlow, OAuth2ClientCredentials, TokenExchange};
pub use server::{
    Access, Exposure, McpServer, McpServerSpec, McpServerStatus, Naming, NamingType, PromptFilter, ResourceFilter,
    ServerLimits, SessionMode, Timeouts, ToolFilter,
};
pub use stdio::{EnvVar, Stdio};

use patterns::{HEADER_VALUE, NAME, NAMESPACE_OR_OWN, SECRET_KEY};

/// The API group of every kind.
pub const GROUP: &str = "switchboard.dev";

/// `apiVersion` of every kind.
pub const API_VERSION: &str = "switchboard.dev/v1alpha1";

/// The label, with value `credential`, that makes a Secret usable.
pub const USE_LABEL: &str = "switchboard.dev/use";

/// Of two ways to give a value exactly one must be taken.
const ONE_VALUE: &str = "has(self.value) != has(self.valueFrom)";
const ONE_VALUE_MESSAGE: &str = "give exactly one of `value` and `valueFrom`";

/// Names another object. References are by `metadata.name`, never by alias.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// The `metadata.name` of the object.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// The namespace of the object. Empty (default): the namespace of the object that refers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63), regex(pattern = NAMESPACE_OR_OWN), extend("default" = ""))]
    pub namespace: String,
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
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// The key in the Secret's data.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    pub key: String,
}

/// A value, written here or in a Secret. Exactly one of the two.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new(ONE_VALUE).message(ONE_VALUE_MESSAGE))]
pub struct Value {
    /// The value itself, one line of at most 8192 characters. Whoever may read this object may read it; a secret belongs in `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192), regex(pattern = HEADER_VALUE))]
    pub value: Option<String>,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}
