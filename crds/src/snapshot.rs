//! What the gateway runs: plain data, every decision that depends on
//! configuration alone already made, and no secret in it.
//!
//! Lists that repeat (glob lists, filters, access sets) stand once and are
//! named by index, so that fifty thousand keys of ten teams cost ten access
//! sets. Nothing of kube or k8s-openapi is named here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::{from_hex, to_hex};
pub use crate::settings::Algorithm;

mod access;
mod auth;
mod check;
mod cost;
mod effective;
mod item;
mod obstacle;
pub mod stored;

pub use auth::{AuthScheme, ClientAuthentication, ClientSide, ServerAuth, TokenGrant, TokenRequest};
pub use check::Inconsistent;
pub use cost::{Cost, Nanos};
pub use effective::{Beyond, Effective, Rule};
pub use item::{ByKind, Item, ItemKind};
pub use obstacle::Obstacle;
pub use stored::{DecodeError, INFLATED_LIMIT, MacKey, READS, SCHEMA, TooLarge};

/// Position in [`Snapshot::servers`].
pub type ServerIndex = u32;
/// Position in [`Snapshot::patterns`].
pub type PatternsIndex = u32;
/// Position in [`Snapshot::filters`].
pub type FilterIndex = u32;
/// Position in [`Snapshot::access`].
pub type AccessIndex = u32;
/// Position in [`Snapshot::namespaces`].
pub type NamespaceIndex = u32;
/// Seconds since 1970 UTC.
pub type UnixSeconds = i64;

/// 128 bits of an HMAC, written as 32 hex digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest128(pub [u8; 16]);

/// A text that is not a [`Digest128`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("expected 32 lower-case hex digits")]
pub struct NotADigest;

/// HMAC(pepper, SHA-256(key)) cut to 128 bits: how an API key stands in a snapshot.
pub type KeyDigest = Digest128;
/// HMAC over a server's secret values: the key of its [`Secrets`]. Changes when any of them does.
pub type Fingerprint = Digest128;

/// What an access set has of a server: of each kind the items that pass the filter, or none at all. Never thrice none.
pub type Share = ByKind<Option<FilterIndex>>;

/// The compiled state of everything.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The settings that a request meets.
    pub settings: WireSettings,
    /// Accepted servers; the earlier one keeps a published name that two share.
    pub servers: Vec<Server>,
    /// Accepted groups, as filter headers name them.
    pub groups: Vec<Group>,
    /// Distinct lists of globs over native names; a name matches a list if any glob matches. Sorted, no list twice.
    pub patterns: Vec<Vec<String>>,
    /// Distinct conjunctions of pattern lists: a name passes if every list matches. The empty one passes all.
    pub filters: Vec<Vec<PatternsIndex>>,
    /// Distinct access sets: servers in rising order, each with what of it.
    pub access: Vec<Vec<(ServerIndex, Share)>>,
    /// Namespaces of the callers.
    pub namespaces: Vec<String>,
    /// Callers with keys, or known by a token, by id. Of suspended ones those alone are here of whom a token would be
    /// another caller's otherwise: their keys are unknown.
    pub callers: Vec<Caller>,
    /// The caller without a credential, if there is such a binding.
    pub anonymous: Option<Caller>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Settings that a request meets, with defaults filled in.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WireSettings {
    /// Between prefix and native name.
    pub separator: String,
    /// The longest published name, in characters.
    pub max_tool_name_length: u32,
    /// Lower case.
    pub client_side_auth_header: String,
    /// Origins allowed beside the own one, as `scheme://host[:port]` in lower case.
    pub allowed_origins: Vec<String>,
    /// CIDRs that may be connected to although refused by default.
    pub egress_allow: Vec<String>,
    /// How long there may be a newer snapshot before a gateway is not ready any more; none: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_max_age_seconds: Option<u32>,
    /// Whose tokens are taken. Each `iss` once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<Issuer>,
    /// The audience that tokens of the cluster's service accounts must have; none: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_audience: Option<String>,
    /// Where clients reach the gateway, without a path; none: as their requests say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// What prices are in; none: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// CIDRs of proxies that are believed what they say of their clients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<String>,
    /// CIDRs that internal servers are there for; none: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_networks: Option<Vec<String>>,
}

/// Somebody whose tokens are taken (R27).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Issuer {
    /// `iss`, exactly.
    pub issuer: String,
    /// One of these is in `aud`. Never empty.
    pub audiences: Vec<String>,
    /// Where its keys are; none: where its discovery document says.
    pub jwks_uri: Option<String>,
    /// How its tokens may be signed. Never empty.
    pub algorithms: Vec<Algorithm>,
    /// What a token says of its user.
    pub user: Option<ClaimMapping>,
    /// Of the team; seen by Claims bindings as `team`.
    pub team: Option<ClaimMapping>,
    /// Of the organization; seen by Claims bindings as `organization`.
    pub organization: Option<ClaimMapping>,
}

/// Which claim says something, and what is put before what it says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClaimMapping {
    /// The claim.
    pub claim: String,
    /// Before each of its values.
    pub prefix: String,
}

/// An accepted server.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// `namespace/name`.
    pub id: String,
    /// The published name.
    pub alias: String,
    /// What stands before the separator; none: bare names.
    pub prefix: Option<String>,
    /// norm() of the alias and of the prefix: what filter headers and paths resolve by. Sorted, distinct.
    pub names: Vec<String>,
    /// How it is reached.
    pub transport: Transport,
    /// How we authenticate to it.
    pub auth: ServerAuth,
    /// Names its [`Secrets`]; none: the server has no value of any kind.
    pub credential: Option<Fingerprint>,
    /// A Secret that it needs cannot be used: it keeps its name and serves nothing.
    pub off: bool,
    /// Who shares its upstream sessions.
    pub sessions: SessionMode,
    /// Deadlines.
    pub timeouts: ServerTimeouts,
    /// Calls under way at once, in a pod.
    pub max_concurrent_calls: u32,
    /// The largest reply, in bytes.
    pub max_response_bytes: u64,
    /// Which items exist for callers at all.
    pub filters: ByKind<ServerFilter>,
    /// Goes before its URIs as they are published: the beginning of a scheme. None: URIs stay as they are.
    pub uri_prefix: Option<String>,
    /// What calls cost; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// It is there for callers from internal networks alone. Beside access, which knows no addresses.
    #[serde(default, skip_serializing_if = "is_false")]
    pub internal: bool,
}

/// Which items of a kind exist for callers.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerFilter {
    /// Only matching items exist; none: every item.
    pub allow: Option<PatternsIndex>,
    /// Matching items do not exist; wins.
    pub deny: Option<PatternsIndex>,
}

/// Deadlines of a server, in seconds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerTimeouts {
    /// To connect, or for a child to answer `initialize`.
    pub connect: u32,
    /// For a list with all its pages.
    pub list: u32,
    /// For a call.
    pub call: u32,
}

/// How a server is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Transport {
    /// By HTTP; the URL itself is among the secrets.
    #[serde(rename_all = "camelCase")]
    Http {
        /// `scheme://host[:port]`, all of the URL that may be shown. Empty while `off`.
        origin: String,
        /// Which wire.
        wire: HttpWire,
        /// Names of the declared headers, lower case, in order; their values are among the secrets.
        headers: Vec<String>,
        /// Names of the caller's headers that pass, lower case.
        forward_headers: Vec<String>,
    },
    /// As a child process.
    #[serde(rename_all = "camelCase")]
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Where it starts; none: its scratch directory.
        working_dir: Option<String>,
        /// Names of its variables, in order; their values are among the secrets.
        env: Vec<String>,
    },
}

/// The HTTP wire of a server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum HttpWire {
    /// Streamable HTTP, then HTTP+SSE on 400, 404 or 405.
    Auto,
    /// Streamable HTTP.
    Streamable,
    /// HTTP+SSE.
    Sse,
}

/// Who shares the upstream sessions, or the child, of a server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SessionMode {
    /// Each caller has their own.
    PerCaller,
    /// All callers share.
    Shared,
    /// Each client session has its own.
    PerClient,
}

/// An accepted group, as a name in a filter header.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// `namespace/name`.
    pub id: String,
    /// The published name.
    pub name: String,
    /// norm() of it.
    pub norm: String,
    /// Its members with their entries' filters.
    pub members: AccessIndex,
    /// Callers of these namespaces may name it. Rising order.
    pub admits: Vec<NamespaceIndex>,
}

/// A live caller. The default one has no id and no credential.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Caller {
    /// `namespace/name` of the binding: stable over key rotation; sessions and pools are bound to it.
    pub id: String,
    /// The binding's namespace.
    pub namespace: NamespaceIndex,
    /// From then on the caller is unknown.
    pub expires: Option<UnixSeconds>,
    /// From then on the caller is known and has nothing: the first expiry among its parents.
    pub access_until: Option<UnixSeconds>,
    /// What it may use, every ceiling and consent already applied.
    pub access: AccessIndex,
    /// Its keys; none for the anonymous caller and for those known by a token.
    pub keys: Vec<CallerKey>,
    /// Whose token it must be, for those who are known by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenSubject>,
    /// Nobody for now: a user or service account whose token is refused, and not taken for another caller's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspended: bool,
}

/// Whose token it must be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum TokenSubject {
    /// The user of this name.
    User(String),
    /// The service account `namespace/name`.
    ServiceAccount(String),
    /// Anybody's that has one of the values of every claim, and who is none of the two above.
    Claims(BTreeMap<String, Vec<String>>),
}

/// A key of a caller.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallerKey {
    /// How the key is recognised.
    pub digest: KeyDigest,
    /// From then on it is unknown.
    pub expires: Option<UnixSeconds>,
}

/// Secret values of the servers, apart from the snapshot.
pub type Credentials = BTreeMap<Fingerprint, Secrets>;

/// The secret values of one server.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secrets {
    /// The whole URL of an HTTP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Values of [`Transport::Http::headers`], in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Values of [`Transport::Stdio::env`], in the same order, `${…}` not yet filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The value that [`ServerAuth::scheme`] renders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// Where and as whom its token is asked for, if it is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_client: Option<TokenClient>,
}

/// A client of a token endpoint.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenClient {
    /// The whole URL of the endpoint.
    pub url: String,
    /// Who asks.
    pub id: String,
    /// What proves it.
    pub secret: String,
}

// === impl Digest128 ===

impl fmt::Display for Digest128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Digest128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest128 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest128 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for Digest128 {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        from_hex(text).map(Self).ok_or(NotADigest)
    }
}

// === impl Secrets ===

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

// === impl TokenClient ===

impl fmt::Debug for TokenClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenClient(…)")
    }
}
