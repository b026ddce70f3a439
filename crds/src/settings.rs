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

use crate::v1alpha1::patterns::{CURRENCY, HEADER_NAME, HTTPS, NAMESPACE, NO_NUL, ORIGIN, PRINTABLE, SEPARATOR};

// `names::may_be_client_side_auth_header` as a rule.
const FREE_CLIENT_SIDE: &str = "!(self.lowerAscii() in ['accept', 'api-key', 'host', 'ocp-apim-subscription-key', 'origin', \
    'x-api-key', 'x-goog-api-key', 'x-litellm-api-key', 'x-mcp-access-groups', 'x-mcp-servers']) \
    && !self.lowerAscii().startsWith('content-') && !self.lowerAscii().startsWith('mcp-')";
const FREE_CLIENT_SIDE_MESSAGE: &str = "the gateway reads this header for itself (Host, Origin, Accept, Content-*, Mcp-*, X-Mcp-Servers, its own key …): \
     choose another, as in x-mcp-auth or authorization";

const ALL_CIDRS: &str = "self.all(c, isCIDR(c))";
const ALL_CIDRS_MESSAGE: &str =
    "not an address range: write it as in 127.0.0.0/8 or ::1/128, without bits behind the prefix";

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
    /// The address ranges (CIDR) of the proxies before the gateway, the last one and those before it: what they say in
    /// X-Forwarded-For of their clients' addresses is believed, and X-Forwarded-Proto and X-Forwarded-Host of where they were
    /// reached. Default: none is. Each of them must write X-Forwarded-For itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 64)))]
    #[x_kube(validation = Rule::new(ALL_CIDRS).message(ALL_CIDRS_MESSAGE))]
    pub trusted_proxies: Option<Vec<String>>,
    /// From where servers with `exposure: Internal` can be reached, as address ranges (CIDR). Default: 10.0.0.0/8,
    /// 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8, ::1/128 and fc00::/7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 64)))]
    #[x_kube(validation = Rule::new(ALL_CIDRS).message(ALL_CIDRS_MESSAGE))]
    pub internal_networks: Option<Vec<String>>,
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
    /// What the prices of servers are in (ISO 4217). Default: USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 3), regex(pattern = CURRENCY))]
    pub currency: Option<String>,
    /// Whose tokens (JWT) are taken as credentials. At most 16. Tokens of the cluster's own service accounts need no entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["issuer"]))]
    pub issuers: Option<Vec<IssuerSettings>>,
    /// Tokens of the cluster's service accounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<ServiceAccountSettings>,
    /// Where clients reach the gateway, as in `https://mcp.example.com`, without a path. It stands in the protected-resource
    /// metadata. Default: what each request says in Host, or a trusted proxy of it; set it behind another one that ends TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = ORIGIN))]
    pub public_url: Option<String>,
}

/// See [`Settings::issuers`].
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerSettings {
    /// The token's `iss`, exactly, an https URL.
    #[schemars(length(min = 1, max = 512), regex(pattern = HTTPS))]
    pub issuer: String,
    /// A token must have one of these in its `aud`. 1 to 16: the gateway's own names at this issuer.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 512), regex(pattern = PRINTABLE)))]
    pub audiences: Vec<String>,
    /// Where the issuer's keys (JWKS) are, https. Default: where ISSUER/.well-known/openid-configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = HTTPS))]
    pub jwks_uri: Option<String>,
    /// How tokens may be signed. Default: RS256 and ES256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 9))]
    pub algorithms: Option<Vec<Algorithm>>,
    /// Which claims say who the holder is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<IssuerClaims>,
}

/// See [`IssuerSettings::claims`]. What is not given is said by no claim.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IssuerClaims {
    /// The user: the token is that user's, if there is a binding with this subject. Of `email` it must not be said that it is
    /// unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ClaimName>,
    /// The team, or a list of teams, that subjects of type Claims know as `team`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<ClaimName>,
    /// The organization, or a list, that subjects of type Claims know as `organization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<ClaimName>,
}

/// A claim, and what tells its values from those of other issuers.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimName {
    /// The claim's name at the top level of the token.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub claim: String,
    /// Goes before each value, as in `corp:`. Default: nothing. Give each issuer another, or one can speak of the other's users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = PRINTABLE))]
    pub prefix: Option<String>,
}

/// How a token is signed (RFC 7518, section 3.1). Nothing that a public key could be taken for a secret of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[expect(missing_docs, reason = "the names are the specification's own")]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// See [`Settings::service_accounts`].
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountSettings {
    /// The audience that a token must be for. Default: switchboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = PRINTABLE))]
    pub audience: Option<String>,
}

/// See [`Settings::egress`].
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Egress {
    /// Address ranges (CIDR) that are allowed although they are refused by default: loopback, link-local, multicast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 64)))]
    #[x_kube(validation = Rule::new(ALL_CIDRS).message(ALL_CIDRS_MESSAGE))]
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
