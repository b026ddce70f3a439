//! What is wrong with an object, in words for the person who wrote it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds that carry a status.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Kind {
    /// A server.
    McpServer,
    /// An access group.
    McpAccessGroup,
    /// A binding of a key, team, organization or user.
    McpKeyBinding,
}

impl Kind {
    /// The kind as it stands in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::McpServer => "McpServer",
            Kind::McpAccessGroup => "McpAccessGroup",
            Kind::McpKeyBinding => "McpKeyBinding",
        }
    }
}

/// `namespace/name`, the identity of an object among those of its kind.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ObjectKey {
    /// `metadata.namespace`; `default` where a file has none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// The key of `name` in `namespace`.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The condition that a fault makes False.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum ConditionType {
    /// The object itself is right and holds its name.
    Accepted,
    /// What it names exists, consents and can be used.
    ResolvedRefs,
}

impl ConditionType {
    /// The type as it stands in a status.
    pub fn as_str(self) -> &'static str {
        match self {
            ConditionType::Accepted => "Accepted",
            ConditionType::ResolvedRefs => "ResolvedRefs",
        }
    }
}

/// Why. With those that only a cluster has, and what to do: `conditions::CATALOGUE`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Reason {
    /// The schema, or a rule over several fields, refuses the object.
    Invalid,
    /// The default alias or group name is too long: set one.
    NameTooLong,
    /// The name is one of the gateway's own words.
    ReservedName,
    /// An earlier object holds the name.
    NameConflict,
    /// An earlier binding holds the subject or key.
    DuplicateSubject,
    /// Only a platform namespace may have such a subject.
    NotAPlatformNamespace,
    /// The settings do not let this namespace publish bare names.
    BareNotAllowed,
    /// The settings do not let this namespace, or this command, start child processes.
    StdioNotAllowed,
    /// There is no such object in the own namespace.
    NotFound,
    /// There is no such object in the other namespace, or it does not consent.
    NotPermitted,
    /// A parent is missing, does not consent, or is dead itself.
    ParentDead,
    /// The Secret or its key is missing, or without the label `switchboard.dev/use: credential`.
    SecretNotUsable,
}

impl Reason {
    /// Every one.
    pub const ALL: [Reason; 12] = [
        Reason::Invalid,
        Reason::NameTooLong,
        Reason::ReservedName,
        Reason::NameConflict,
        Reason::DuplicateSubject,
        Reason::NotAPlatformNamespace,
        Reason::BareNotAllowed,
        Reason::StdioNotAllowed,
        Reason::NotFound,
        Reason::NotPermitted,
        Reason::ParentDead,
        Reason::SecretNotUsable,
    ];

    /// The reason as it stands in a status.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Invalid => "Invalid",
            Reason::NameTooLong => "NameTooLong",
            Reason::ReservedName => "ReservedName",
            Reason::NameConflict => "NameConflict",
            Reason::DuplicateSubject => "DuplicateSubject",
            Reason::NotAPlatformNamespace => "NotAPlatformNamespace",
            Reason::BareNotAllowed => "BareNotAllowed",
            Reason::StdioNotAllowed => "StdioNotAllowed",
            Reason::NotFound => "NotFound",
            Reason::NotPermitted => "NotPermitted",
            Reason::ParentDead => "ParentDead",
            Reason::SecretNotUsable => "SecretNotUsable",
        }
    }
}

/// One fault of one object.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The object's kind.
    pub kind: Kind,
    /// The object.
    pub object: ObjectKey,
    /// The condition that the fault makes False.
    pub condition: ConditionType,
    /// Why.
    pub reason: Reason,
    /// Where in the object, as a path from its root: `spec.grants.servers[2].name`.
    pub field: String,
    /// What is wrong and what to do. No secret, no value that may be one.
    pub message: String,
}
