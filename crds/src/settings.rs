//! The settings document: everything that changes a decision and is not an
//! object. The same text stands in a directory and, in a cluster, in a ConfigMap.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `apiVersion: switchboard.dev/v1alpha1`, `kind: Settings`, and these fields at top level. All are optional.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Namespaces whose objects come first and may speak for the whole company. Default: the release's own; in `run` every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_namespaces: Option<Vec<String>>,
    /// Ties a namespace to an organization: namespace → organization. All of its bindings have it as a parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_of: Option<BTreeMap<String, String>>,
    /// Between prefix and tool name: `-` (default) or `__`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The longest published tool name, 20 to 128. Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tool_name_length: Option<u32>,
    /// The header in which a caller brings a credential for a server. Default `x-mcp-auth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_side_auth_header: Option<String>,
    /// Origins that browsers may call from, beside the gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_origins: Option<Vec<String>>,
    /// Where the gateway may connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// Where servers may publish bare tool names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bare_naming: Option<BareNaming>,
    /// Where, and which, child processes may be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdio: Option<StdioSettings>,
}

/// See [`Settings::egress`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    /// Address ranges (CIDR) that are allowed although they are refused by default: loopback, link-local, multicast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
}

/// See [`Settings::bare_naming`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BareNaming {
    /// The namespaces. Default: none; in `run` all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
}

/// See [`Settings::stdio`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StdioSettings {
    /// The namespaces whose servers may be child processes. Default: none; in `run` all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// The commands that may be started. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
}
