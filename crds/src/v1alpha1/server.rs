//! `McpServer`: one MCP server and who may be granted it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NamespaceConsent, ObjectRef, Value, ValueSource};

/// An MCP server that callers reach through the gateway.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[kube(
    group = "switchboard.dev",
    version = "v1alpha1",
    kind = "McpServer",
    namespaced,
    shortname = "mcps",
    category = "mcp",
    status = "McpServerStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpServerSpec {
    /// The published name: letters, digits and `_`, at most 32. Default: `metadata.name` with `-` and `.` as `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How tools are published. Default: prefixed with the alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naming: Option<Naming>,
    /// A server that is reached by HTTP. Exactly one of `http` and `stdio`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// A server that the gateway starts as a child process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdio: Option<Stdio>,
    /// How the gateway authenticates to the server. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Who shares an upstream session. Default: `PerCaller`.
    #[serde(default)]
    pub session_mode: SessionMode,
    /// How long the gateway waits for the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// What the server may use of a gateway pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ServerLimits>,
    /// Which tools exist for callers at all. Default: every tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolFilter>,
    /// Granted: needs a grant. `AllKeys`: every live caller with a credential, in a namespace that may hold the server, has it.
    #[serde(default)]
    pub access: Access,
    /// Access groups that the server joins, if they let it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_groups: Option<Vec<ObjectRef>>,
    /// Whose bindings and groups may hold the server. Default: those of the own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<NamespaceConsent>,
}

/// What is known of a server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpServerStatus {
    /// Accepted, `ResolvedRefs`, Programmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// How tool names are published.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Naming {
    /// Prefixed: prefix, separator, native name. Bare: the native name, in namespaces where the settings allow it.
    #[serde(rename = "type", default)]
    pub type_: NamingType,
    /// Stands before the separator. Default: the alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// See [`Naming::type_`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum NamingType {
    /// Prefix, separator, native name.
    #[default]
    Prefixed,
    /// The native name alone.
    Bare,
}

/// A server behind a URL.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// The server's address, http or https. Exactly one of `url` and `urlFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where the address stands, if it is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_from: Option<UrlSource>,
    /// Auto: Streamable HTTP, and HTTP+SSE if the server answers 400, 404 or 405 to it.
    #[serde(default)]
    pub transport: HttpTransport,
    /// Headers that every request to the server carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<Header>>,
    /// Names of the caller's headers that are passed to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_headers: Option<Vec<String>>,
}

/// Where a URL stands.
pub type UrlSource = ValueSource;

/// See [`Http::transport`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum HttpTransport {
    /// Streamable HTTP, then HTTP+SSE.
    #[default]
    Auto,
    /// Streamable HTTP only.
    StreamableHTTP,
    /// HTTP+SSE only.
    SSE,
}

/// A header of every request to the server.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// The header's name.
    pub name: String,
    /// The value itself. Exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// A server that runs as a child process of the gateway.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stdio {
    /// The program, looked up in the gateway's PATH. `switchboard` is the running binary itself.
    pub command: String,
    /// Its arguments. They are public: any process list shows them. A secret belongs in `env`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// The directory it starts in. Default: its private scratch directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Its environment. `${X-Header}` in a value is the caller's header, `${SCRATCH}` the private directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
}

/// A variable of a child's environment.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvVar {
    /// The variable's name.
    pub name: String,
    /// The value itself. Exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// How the gateway authenticates to the server.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// Which of the members is used. None: no credential is sent.
    #[serde(rename = "type", default)]
    pub type_: AuthType,
    /// Sent as a header of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyAuth>,
    /// Sent as `Authorization: Bearer VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<Value>,
    /// Sent as `Authorization: Basic VALUE`; the value is `user:password` and is base64-encoded for you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Value>,
    /// Sent as `Authorization: token VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Value>,
    /// Sent as `Authorization: VALUE`, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Value>,
    /// What a caller's `x-mcp-auth` does. `OneServer`: replaces the value if path or header leave exactly this
    /// server. Replace: also on the aggregate. Forward (type None only): sent as Authorization, verbatim. Deny: nothing.
    #[serde(default)]
    pub client_side: ClientSide,
}

/// See [`Auth::type_`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AuthType {
    /// No credential.
    #[default]
    None,
    /// A header of its own.
    ApiKey,
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// `Authorization: token`.
    Token,
    /// `Authorization`, verbatim.
    Authorization,
}

/// See [`Auth::client_side`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ClientSide {
    /// Used if path or header leave exactly one server.
    #[default]
    OneServer,
    /// Used on the aggregate too.
    Replace,
    /// Sent as Authorization, verbatim.
    Forward,
    /// Ignored.
    Deny,
}

/// An API key in a header of its own.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKeyAuth {
    /// The header. Default: `X-API-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_name: Option<String>,
    /// The key itself. Exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where the key stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}

/// Who shares an upstream session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SessionMode {
    /// Each caller has upstream sessions, or a child, of their own.
    #[default]
    PerCaller,
    /// All callers share: only for a server that keeps nothing between calls.
    Shared,
}

/// How long the gateway waits, in seconds.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, or for a child to answer `initialize`. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_seconds: Option<u32>,
    /// For a list, all pages of it. Default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_seconds: Option<u32>,
    /// For a call. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_seconds: Option<u32>,
}

/// What a server may use of a gateway pod.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerLimits {
    /// Calls under way at once; further ones wait within their deadline. Default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent_calls: Option<u32>,
    /// The largest reply, in bytes. Default 16777216.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_response_bytes: Option<u64>,
}

/// Which tools exist for callers: exact native names or globs (`*`, `?`), case-sensitive. Deny wins.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolFilter {
    /// The tools that exist. Absent: all. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<String>>,
    /// The tools that do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deny: Option<Vec<String>>,
}

/// Who has the server.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Access {
    /// Whoever a binding grants it.
    #[default]
    Granted,
    /// Every live caller with a credential, in a namespace that may hold the server.
    AllKeys,
}
