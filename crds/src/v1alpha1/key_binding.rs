//! `McpKeyBinding`: a subject and what it may use.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{ENTRY_NAME, NAME, NAMESPACE_OR_OWN, PRINTABLE, SHA256};
use super::{NamespaceConsent, ObjectRef, ValueSource};

const EACH_KEY_ONCE: &str = "self.all(a, !has(a.sha256) || self.exists_one(b, has(b.sha256) && a.sha256 == b.sha256))";

/// Binds a subject (a key, a team, …) to what it may use.
#[derive(Clone, CustomResource, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[kube(
    group = "switchboard.dev",
    version = "v1alpha1",
    kind = "McpKeyBinding",
    namespaced,
    shortname = "mcpkb",
    category = "mcp",
    status = "McpKeyBindingStatus",
    derive = "PartialEq",
    doc = "Binds a subject (a key, a team, an organization, a user, a service account) to what it may use."
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("!has(self.user) || self.subject.type == 'Key'")
        .message("only a key has a `user` as parent: take it out, or name the user in `subject`"),
    validation = Rule::new("!has(self.team) || self.subject.type in ['Key', 'User', 'ServiceAccount', 'Claims']")
        .message("only a key, a user, a service account or claims have a `team` as parent: take it out, or name the team in `subject`"),
    validation = Rule::new("!has(self.organization) || self.subject.type in ['Key', 'User', 'ServiceAccount', 'Claims', 'Team']")
        .message("only a key, a user, a service account, claims or a team have an `organization` as parent: take it out, or name the organization in `subject`"),
    validation = Rule::new("!has(self.joinFrom) || self.subject.type in ['Team', 'Organization', 'User']")
        .message("`joinFrom` is for teams, organizations and users, whom other bindings name as parents: take it out"),
)]
pub struct McpKeyBindingSpec {
    /// Who this is.
    pub subject: Subject,
    /// The user that a key belongs to. Its access is a ceiling, and what is inherited without grants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub user: Option<String>,
    /// The team that a key, user, service account or holder of a token belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub team: Option<String>,
    /// The organization that a key, user, service account, holder of a token or team belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub organization: Option<String>,
    /// What the subject may use, within what its parents may. Absent: all that they may. Empty: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Grants>,
    /// Whose bindings may name this one as a parent (Team, Organization, User). Default: those of the own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_from: Option<NamespaceConsent>,
    /// From this time on (RFC 3339, as in 2027-01-31T00:00:00Z) the subject is nobody and keeps its name. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
    /// While true, the subject is nobody and keeps its name. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
}

/// Who a binding is about: a type and the member of that type, no other.
#[derive(Clone, Debug, Default, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("(self.type == 'Key') == has(self.keys)")
        .message("`keys` go with `type: Key` and only with it"),
    validation = Rule::new("(self.type == 'Team') == has(self.team)")
        .message("`team` goes with `type: Team` and only with it; the team that a key belongs to is named in `spec.team`"),
    validation = Rule::new("(self.type == 'Organization') == has(self.organization)")
        .message("`organization` goes with `type: Organization` and only with it; a parent is named in `spec.organization`"),
    validation = Rule::new("(self.type == 'User') == has(self.user)")
        .message("`user` goes with `type: User` and only with it; the user that a key belongs to is named in `spec.user`"),
    validation = Rule::new("(self.type == 'ServiceAccount') == has(self.serviceAccount)")
        .message("`serviceAccount` goes with `type: ServiceAccount` and only with it"),
    validation = Rule::new("(self.type == 'Claims') == has(self.claims)")
        .message("`claims` go with `type: Claims` and only with it"),
)]
pub struct Subject {
    /// Key: whoever presents one of `keys`. User: whoever presents a token of the user, and a parent of keys. ServiceAccount:
    /// whoever presents a token of the service account. Claims: whoever presents a token with these claims and has no
    /// binding of their own. Team, Organization: a parent of others. Anonymous: whoever presents nothing.
    #[serde(rename = "type")]
    pub type_: SubjectType,
    /// With type Key: 1 to 4 keys of one caller, for rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[x_kube(validation = Rule::new(EACH_KEY_ONCE).message("the same sha256 stands twice: keep one of the two entries"))]
    pub keys: Option<Vec<Key>>,
    /// With type Team: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub team: Option<String>,
    /// With type Organization: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub organization: Option<String>,
    /// With type User: its name, as the issuer's `claims.user` in the settings makes it of a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub user: Option<String>,
    /// With type ServiceAccount: which one. Of another namespace only a platform namespace may name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccountRef>,
    /// With type Claims: 1 to 16 claims, all of which a token must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["claim"]))]
    pub claims: Option<Vec<Claim>>,
}

/// Names a ServiceAccount.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceAccountRef {
    /// The account's `metadata.name`.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// The account's namespace. Empty (default): the binding's own.
    #[serde(default)]
    #[schemars(length(max = 63), regex(pattern = NAMESPACE_OR_OWN))]
    pub namespace: String,
}

/// A claim that a token must have.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// The claim's name at the top level of the token, compared exactly. `user`, `team` and `organization` are what the
    /// issuer's `claims` in the settings make of the token, and nothing where they make nothing.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub claim: String,
    /// The values, compared exactly: the claim must be one of them, or a list that has one of them. 1 to 64.
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 256), regex(pattern = PRINTABLE)))]
    pub values: Vec<String>,
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
    /// A user: a caller with a token of theirs.
    User,
    /// A Kubernetes service account: a caller with a token of it.
    ServiceAccount,
    /// Callers with a token that has certain claims.
    Claims,
    /// Callers without a credential.
    Anonymous,
}

impl SubjectType {
    /// Whether somebody can be this subject, and is not only below it.
    pub fn calls(self) -> bool {
        !matches!(self, SubjectType::Team | SubjectType::Organization)
    }

    /// As in a sentence: the team `blue`.
    pub fn word(self) -> &'static str {
        match self {
            SubjectType::Key => "key",
            SubjectType::Team => "team",
            SubjectType::Organization => "organization",
            SubjectType::User => "user",
            SubjectType::ServiceAccount => "service account",
            SubjectType::Claims => "holder of a token",
            SubjectType::Anonymous => "caller without a credential",
        }
    }
}

/// One API key of a caller.
#[derive(Clone, Debug, Deserialize, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.sha256) != has(self.valueFrom)")
    .message("give exactly one of `sha256` and `valueFrom`"))]
pub struct Key {
    /// Tells the keys of the binding apart. At most 63 characters.
    #[schemars(length(min = 1, max = 63), regex(pattern = ENTRY_NAME))]
    pub name: String,
    /// SHA-256 of the key, 64 lower-case hex digits. Exactly one of `sha256` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64), regex(pattern = SHA256))]
    pub sha256: Option<String>,
    /// Where the key itself stands. Its bytes count as they are: mind a trailing newline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
    /// From this time on (RFC 3339) the key is unknown. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Time>,
}

/// What a subject may use.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grants {
    /// Servers, each in whole or in part. At most 512; more belong in a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name", "namespace"]))]
    pub servers: Option<Vec<ServerGrant>>,
    /// Access groups, each with all of its members. At most 128.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name", "namespace"]))]
    pub access_groups: Option<Vec<ObjectRef>>,
}

/// A granted server.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerGrant {
    /// The server's `metadata.name`.
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME))]
    pub name: String,
    /// The server's namespace. Empty (default): the binding's own.
    #[serde(default)]
    #[schemars(length(max = 63), regex(pattern = NAMESPACE_OR_OWN))]
    pub namespace: String,
    /// The tools that are granted: exact native names or globs, at most 512. Empty: none. Absent: none too, if `prompts` or
    /// `resources` is given; where none of the three is, the whole server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub tools: Option<Vec<String>>,
    /// The prompts that are granted: exact native names or globs, at most 512. Empty: none. Absent: none too, if `tools` or
    /// `resources` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 128), regex(pattern = PRINTABLE)))]
    pub prompts: Option<Vec<String>>,
    /// The resources that are granted: exact native URIs, URI templates or globs, at most 512, each of at most 1024 characters.
    /// Empty: none. Absent: none too, if `tools` or `prompts` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), inner(length(min = 1, max = 1024), regex(pattern = PRINTABLE)))]
    pub resources: Option<Vec<String>>,
}

/// What is known of a binding. Written by the operator alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct McpKeyBindingStatus {
    /// The `metadata.generation` that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, ResolvedRefs, Programmed, Propagated and Ready, which is all four. Reconciling while it is on its way, Stalled while somebody has to act.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
    /// With a subject Key: how many of its keys the gateway knows. None of a suspended one; an expired one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4))]
    pub keys: Option<u32>,
}
