//! The settings document: everything that changes a decision and is not an
//! object. The same text stands in a directory and, in a cluster, in a ConfigMap.

#![expect(unreachable_pub, reason = "derive(KubeSchema) repeats each struct, `pub` included, inside a function")]

use std::collections::BTreeMap;

use kube::KubeSchema;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::AddNullable;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::v1alpha1::patterns::{HEADER_NAME, NAMESPACE, NO_NUL, ORIGIN, PRINTABLE, SEPARATOR};

// `names::may_be_client_side_auth_header` as a rule.
const FREE_CLIENT_SIDE: &str = "!(self.lowerAscii() in ['accept', 'api-key', 'host', 'ocp-apim-subscription-key', 'origin', \
    'x-api-key', 'x-goog-api-key', 'x-litellm-api-key', 'x-mcp-access-groups', 'x-mcp-servers']) \
    && !self.lowerAscii().startsWith('content-') && !self.lowerAscii().startsWith('mcp-')";
const FREE_CLIENT_SIDE_MESSAGE: &str = "the gateway reads this header for itself (Host, Origin, Accept, Content-*, Mcp-*, X-Mcp-Servers, its own key …): \
     choose another, as in x-mcp-auth or authorization";

/// `kind` of the settings document.
pub const KIND: &str = "Settings";

/// `apiVersion: switchboard.dev/v1alpha1`, `kind: Settings`, and these fields at top level. All are optional; a list
/// that is there is not empty.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Namespaces whose objects come first and may speak for the whole company. Default: the release's own; in `run` every namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), inner(length(min = 1, max = 63), regex(pattern = NAMESPACE)))]
    pub platform_namespaces: Option<Vec<String>>,
    /// Ties a namespace to an organization: namespace → organization. All of its bindings have it as a parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 4096, "additionalProperties" = organization()))]
    #[x_kube(validation = Rule::new("self.all(k, k.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'))")
        .message("a key is not the name of a namespace: write `namespace: organization`"))]
    pub organization_of: Option<BTreeMap<String, String>>,
    /// Between prefix and tool name: `-` (default) or `__`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2), regex(pattern = SEPARATOR))]
    pub separator: Option<String>,
    /// The longest published tool name, 20 to 128. Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 20, max = 128))]
    pub max_tool_name_length: Option<u32>,
    /// The header in which a caller brings a credential for a server. Default `x-mcp-auth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = HEADER_NAME))]
    #[x_kube(validation = Rule::new(FREE_CLIENT_SIDE).message(FREE_CLIENT_SIDE_MESSAGE))]
    pub client_side_auth_header: Option<String>,
    /// Origins that browsers may call from, beside the gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 512), regex(pattern = ORIGIN)))]
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
    /// A gateway that has not known for so many seconds whether there is a newer snapshot is not ready, 10 to 604800.
    /// Default: it serves on, however long that takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 604_800))]
    pub snapshot_max_age_seconds: Option<u32>,
}

/// See [`Settings::egress`].
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    /// Address ranges (CIDR) that are allowed although they are refused by default: loopback, link-local, multicast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 64)))]
    #[x_kube(validation = Rule::new("self.all(c, isCIDR(c))")
        .message("not an address range: write it as in 127.0.0.0/8 or ::1/128, without bits behind the prefix"))]
    pub allow: Option<Vec<String>>,
}

/// See [`Settings::bare_naming`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BareNaming {
    /// The namespaces. Default: none; in `run` all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), inner(length(min = 1, max = 63), regex(pattern = NAMESPACE)))]
    pub namespaces: Option<Vec<String>>,
}

/// See [`Settings::stdio`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StdioSettings {
    /// The namespaces whose servers may be child processes. Default: none; in `run` all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), inner(length(min = 1, max = 63), regex(pattern = NAMESPACE)))]
    pub namespaces: Option<Vec<String>>,
    /// The commands that may be started. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), inner(length(min = 1, max = 1024), regex(pattern = NO_NUL)))]
    pub commands: Option<Vec<String>>,
}

/// The schema of the document, without `apiVersion` and `kind`, made as those of the kinds are. The chart has it for its
/// value `settings`.
pub fn schema() -> serde_json::Value {
    let generator = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .with_transform(AddNullable::default())
        .with_transform(StructuralSchemaRewriter)
        .with_transform(OptionalEnum)
        .with_transform(OptionalIntOrString)
        .into_generator();
    let mut schema = generator.into_root_schema_for::<Settings>().to_value();
    crate::crd::settle(&mut schema);
    schema
}

fn organization() -> serde_json::Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 128, "pattern": PRINTABLE })
}
