//! A server behind a URL.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{HEADER_NAME, HEADER_VALUE, URL};
use super::{ONE_VALUE, ONE_VALUE_MESSAGE, ValueSource};

/// Headers that the gateway itself writes, or that belong to one connection (R22).
pub(super) const FREE_HEADER: &str = "!(self.lowerAscii() in ['accept', 'accept-encoding', 'connection', 'cookie', \
    'expect', 'host', 'keep-alive', 'last-event-id', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', \
    'te', 'trailer', 'transfer-encoding', 'upgrade']) \
    && !self.lowerAscii().startsWith('content-') && !self.lowerAscii().startsWith('mcp-')";
pub(super) const FREE_HEADER_MESSAGE: &str = "this header is the gateway's own, or belongs to one connection (Host, Accept, Cookie, Connection, Content-*, Mcp-* …): \
     leave it out";

const FREE_FORWARDED: &str = "self.all(h, !(h.lowerAscii() in ['accept', 'accept-encoding', 'connection', 'cookie', \
    'expect', 'forwarded', 'host', 'keep-alive', 'last-event-id', 'proxy-authenticate', 'proxy-authorization', \
    'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade']) && !h.lowerAscii().startsWith('content-') \
    && !h.lowerAscii().startsWith('mcp-') && !h.lowerAscii().startsWith('x-forwarded-'))";
const FREE_FORWARDED_MESSAGE: &str = "a caller may not bring this header (Host, Accept, Cookie, Connection, Forwarded, X-Forwarded-*, Content-*, Mcp-* …): \
     leave it out";

// A server that asked for these would be handed what is meant for another server, or for the gateway itself.
const NO_CREDENTIAL: &str = "self.all(h, !h.lowerAscii().startsWith('x-mcp-') && !(h.lowerAscii() in ['api-key', \
    'ocp-apim-subscription-key', 'x-api-key', 'x-goog-api-key', 'x-litellm-api-key']))";
const NO_CREDENTIAL_MESSAGE: &str = "this header carries a credential for another server or for the gateway (X-Mcp-*, X-Api-Key …): leave it out; \
     callers send `x-mcp-ALIAS-HEADER` to set a header of this server";

// What stands between `//` and the next `/`, `?` or `#` has no `@`. Not by a regular expression: offline each evaluation
// would compile it anew.
pub(super) const NO_USER: &str =
    "self.split('/').size() < 3 || !self.split('/')[2].split('?')[0].split('#')[0].contains('@')";

pub(super) const NO_FRAGMENT: &str = "!self.contains('#')";
pub(super) const NO_FRAGMENT_MESSAGE: &str = "a fragment (#…) is never sent: take it out of the URL";

const EACH_HEADER_ONCE: &str = "self.all(a, self.exists_one(b, a.name.lowerAscii() == b.name.lowerAscii()))";

/// A server behind a URL.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.url) != has(self.urlFrom)").message("give exactly one of `url` and `urlFrom`"))]
pub struct Http {
    /// The server's address, http or https, at most 2048 characters, without user name, password or fragment.
    /// Exactly one of `url` and `urlFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048), regex(pattern = URL))]
    #[x_kube(validation = Rule::new(NO_USER)
        .message("a URL holds no user name or password here: take them out and set `auth` with type Basic"))]
    #[x_kube(validation = Rule::new(NO_FRAGMENT).message(NO_FRAGMENT_MESSAGE))]
    pub url: Option<String>,
    /// Where the address stands, if it is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_from: Option<UrlSource>,
    /// Auto (default): Streamable HTTP, and HTTP+SSE if the server answers 400, 404 or 405 to it.
    /// StreamableHTTP, SSE: that one only.
    #[serde(default)]
    pub transport: HttpTransport,
    /// Headers that every request to the server carries. At most 32, each name once whatever its case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[x_kube(validation = Rule::new(EACH_HEADER_ONCE)
        .message("a header stands twice, names are compared without case: keep one of them"))]
    pub headers: Option<Vec<Header>>,
    /// Names of the caller's headers that are passed to the server. At most 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128), regex(pattern = HEADER_NAME)))]
    #[x_kube(validation = Rule::new(FREE_FORWARDED).message(FREE_FORWARDED_MESSAGE))]
    #[x_kube(validation = Rule::new(NO_CREDENTIAL).message(NO_CREDENTIAL_MESSAGE))]
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
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new(ONE_VALUE).message(ONE_VALUE_MESSAGE))]
pub struct Header {
    /// The header's name. Not one that the gateway writes itself: Host, Accept, Cookie, Content-*, Mcp-*, nor one of a connection.
    #[schemars(length(min = 1, max = 128), regex(pattern = HEADER_NAME))]
    #[x_kube(validation = Rule::new(FREE_HEADER).message(FREE_HEADER_MESSAGE))]
    pub name: String,
    /// The value itself, one line of at most 8192 characters. Exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8192), regex(pattern = HEADER_VALUE))]
    pub value: Option<String>,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}
