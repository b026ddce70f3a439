//! `McpServer`: one MCP server and who may be granted it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ALIAS, PREFIX, PRINTABLE, URI_PREFIX};
use super::{Auth, Cost, Http, NamespaceConsent, ObjectRef, Stdio};

const ONE_AUTHORIZATION: &str = "!has(self.auth) || !has(self.http) || !has(self.http.headers) \
    || !(self.auth.type in ['Bearer', 'Basic', 'Token', 'Authorization', 'OAuth2ClientCredentials', 'TokenExchange']) \
    || !self.http.headers.exists(h, h.name.lowerAscii() == 'authorization')";
const ONE_API_KEY: &str = "!has(self.auth) || !has(self.http) || !has(self.http.headers) || !has(self.auth.apiKey) \
    || !self.http.headers.exists(h, h.name.lowerAscii() == \
        (has(self.auth.apiKey.headerName) ? self.auth.apiKey.headerName : 'x-api-key').lowerAscii())";

/// An MCP server that callers reach through the gateway.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "switchboard.dev",
    version = "v1alpha1",
    kind = "McpServer",
    namespaced,
    shortname = "mcps",
    category = "mcp",
    status = "McpServerStatus",
    derive = "PartialEq",
    doc = "An MCP server that callers reach through the gateway."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("has(self.http) != has(self.stdio)")
        .message("give exactly one of `http` (a server behind a URL) and `stdio` (a child process)"),
    validation = Rule::new("!has(self.auth) || has(self.http)")
        .message("`auth` is for servers behind a URL: give a child process its credential in `stdio.env`"),
    validation = Rule::new(ONE_AUTHORIZATION)
        .message("`auth` sends Authorization already: take that header out of `http.headers`"),
    validation = Rule::new(ONE_API_KEY)
        .message("`auth.apiKey` sends this header already: take it out of `http.headers`"),
)]
pub struct McpServerSpec {
    /// The published name: letters, digits and `_`, with a letter or digit, at most 32. Default: `metadata.name` with `-` and `.` as `_`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = ALIAS))]
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
    /// Who shares an upstream session, or a child. PerCaller (default): each caller has its own.
    /// Shared: all callers share one, for a server that keeps nothing between calls.
    /// PerClient: each client session has its own, in which the server may ask the client: sampling, elicitation, roots.
    #[serde(default)]
    pub session_mode: SessionMode,
    /// How long the gateway waits for the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// What the server may use of a gateway pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ServerLimits>,
    /// What calls of its tools cost, as it is counted and shown. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Which tools exist for callers at all. Default: every tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolFilter>,
    /// Which prompts exist for callers at all. Default: every prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PromptFilter>,
    /// Which resources and resource templates exist for callers at all, and under which URIs. Default: every one, under its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceFilter>,
    /// See [`Exposure`]. No default is written: an operator of the release before would not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// Granted (default): needs a grant. AllKeys: every live caller with a credential, in a namespace that may hold the server, has it.
    #[serde(default)]
    pub access: Access,
    /// Access groups that the server joins, if they let it. At most 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name", "namespace"]))]
    pub access_groups: Option<Vec<ObjectRef>>,
    /// Whose bindings and groups may hold the server. Default: those of the own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<NamespaceConsent>,
}

/// What is known of a server. Written by the operator alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpServerStatus {
    /// The `metadata.generation` that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, ResolvedRefs, Programmed, Propagated and Ready, which is all four; Available, whether the gateway reaches the server. Reconciling while it is on its way, Stalled while somebody has to act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// The published name, once the server is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub alias: Option<String>,
    /// How the server is reached, once it is accepted: Auto, StreamableHTTP, SSE or Stdio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub transport: Option<String>,
    /// The revision of MCP that is spoken to the server, as in 2025-11-25, once it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub protocol: Option<String>,
    /// How many tools of the server are published, once it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub tools: Option<u32>,
    /// The class of the last failure of the server that lasted: a reason of Available, as in Unreachable or AuthRequired.
    /// It stays when the server is well again, until its spec changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub last_error: Option<String>,
}

/// How tool names are published.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("!(has(self.prefix) && self.type == 'Bare')")
    .message("bare names have no prefix: take out `prefix`, or set `type: Prefixed`"))]
pub struct Naming {
    /// Prefixed (default): prefix, separator, native name. Bare: the native name, in namespaces where the settings allow it.
    #[serde(rename = "type", default)]
    pub type_: NamingType,
    /// Stands before the separator: letters, digits and `_`, ending with a letter or digit, at most 32. Default: the alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = PREFIX))]
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

/// Who shares an upstream session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SessionMode {
    /// Each caller has upstream sessions, or a child, of their own.
    #[default]
    PerCaller,
    /// All callers share: only for a server that keeps nothing between calls.
    Shared,
    /// Each client session has upstream sessions, or a child, of its own, and can be asked in them.
    PerClient,
}

/// How long the gateway waits, in seconds.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection, or for a child to answer `initialize`: 1 to 300 seconds. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 300))]
    pub connect_seconds: Option<u32>,
    /// For a list, all pages of it: 1 to 3600 seconds. Default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub list_seconds: Option<u32>,
    /// For a call: 1 to 86400 seconds. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub call_seconds: Option<u32>,
}

/// What a server may use of a gateway pod.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerLimits {
    /// Calls under way at once; further ones wait within their deadline. 1 to 10000, default 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub max_concurrent_calls: Option<u32>,
    /// The largest reply, in bytes: 1024 (1 KiB) to 1073741824 (1 GiB). Default 16777216 (16 MiB).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub max_response_bytes: Option<u64>,
}

/// Which tools exist for callers: exact native names or globs (`*`, `?`), case-sensitive. Deny wins.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolFilter {
    /// The tools that exist, at most 512. Absent: all. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub allow: Option<Vec<String>>,
    /// The tools that do not, at most 512. Absent or empty: none is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub deny: Option<Vec<String>>,
}

/// Which prompts exist for callers: exact native names or globs (`*`, `?`), case-sensitive. Deny wins.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromptFilter {
    /// The prompts that exist, at most 512. Absent: all. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub allow: Option<Vec<String>>,
    /// The prompts that do not, at most 512. Absent or empty: none is denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub deny: Option<Vec<String>>,
}

/// Which resources exist for callers, by their native URIs, and under which URIs they are published: exact URIs or
/// globs (`*`, `?`), case-sensitive. Deny wins. A resource template goes by its URI template as it is written.
// A URI is longer than a name: 1024 holds all but the longest, and both lists, full, stay below the 1.5 MiB that etcd
// takes of an object.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceFilter {
    /// The resources that exist, at most 512, each of at most 1024 characters. Absent: all. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 1024), regex(pattern = PRINTABLE)))]
    pub allow: Option<Vec<String>>,
    /// The resources that do not, at most 512, each of at most 1024 characters. Absent or empty: none is denied.
    /// A URI has many spellings, so it is `allow` that keeps callers out for sure; where anything is denied, so is every
    /// URI with a `.` or `..` segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 1024), regex(pattern = PRINTABLE)))]
    pub deny: Option<Vec<String>>,
    /// Goes before each URI of the server as it is published: `docs+` publishes `file:///a.md` as `docs+file:///a.md`.
    /// Lower-case letters, digits, `-` and `.`, starting with a letter, and a `+` at the end, at most 32. A URI with it
    /// is a URI again, whatever the URI, since it only makes the scheme longer. Default: none, URIs stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 32), regex(pattern = URI_PREFIX))]
    pub uri_prefix: Option<String>,
}

/// From where callers reach it, beside what they are granted. Public (default): from everywhere. Internal: from
/// the settings' `internalNetworks` alone; to others the server does not exist.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Exposure {
    /// From everywhere.
    #[default]
    Public,
    /// From internal addresses alone.
    Internal,
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
