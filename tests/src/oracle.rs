//! The access rule once more (R85): written from the rule's text alone, as
//! literally as possible, so that the evaluator can be held against it. Sets of
//! concrete tools, prompts and resources of servers over a small universe of
//! names; obviously right, not fast. It shares no type and no code with the
//! evaluator.
//!
//! In: a [`World`] and a moment. Out: which objects are accepted, which
//! references are void, who a key is, what each caller may use, what a word of
//! a filter header leaves, and under which names tools are published.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{Id, World};

pub use tokens::tokens;

mod acceptance;
mod access;
mod caller;
mod consent;
mod glob;
mod names;
mod publish;
mod reference;
mod schema;
mod tokens;

#[cfg(test)]
mod invariants;
#[cfg(test)]
mod tables;

/// What a caller may be permitted to use, by its native name.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Item {
    /// A tool.
    Tool(String),
    /// A prompt.
    Prompt(String),
    /// A resource by its URI, or a resource template by its URI template.
    Resource(String),
}

/// Items of servers.
pub type Items = BTreeSet<(Id, Item)>;

/// A tool of a server, by the server's id and the tool's native name.
pub type Pair = (Id, String);

/// Tools of servers.
pub type Pairs = BTreeSet<Pair>;

/// The kinds that are accepted or not.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// McpServer.
    Server,
    /// McpAccessGroup.
    Group,
    /// McpKeyBinding.
    Binding,
}

/// An object, by kind and id.
pub type Object = (Kind, Id);

/// Why an object is not accepted, or a reference is void.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names are the rule's own, one for one")]
pub enum Reason {
    Invalid,
    NameTooLong,
    ReservedName,
    BareNotAllowed,
    StdioNotAllowed,
    NameConflict,
    NotAPlatformNamespace,
    DuplicateSubject,
    NotFound,
    NotPermitted,
    ParentDead,
    SecretNotUsable,
}

impl Reason {
    /// The reason as it stands in a status.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Invalid => "Invalid",
            Reason::NameTooLong => "NameTooLong",
            Reason::ReservedName => "ReservedName",
            Reason::BareNotAllowed => "BareNotAllowed",
            Reason::StdioNotAllowed => "StdioNotAllowed",
            Reason::NameConflict => "NameConflict",
            Reason::NotAPlatformNamespace => "NotAPlatformNamespace",
            Reason::DuplicateSubject => "DuplicateSubject",
            Reason::NotFound => "NotFound",
            Reason::NotPermitted => "NotPermitted",
            Reason::ParentDead => "ParentDead",
            Reason::SecretNotUsable => "SecretNotUsable",
        }
    }
}

/// A reference of an accepted object that is void.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Void {
    /// The object that refers.
    pub object: Object,
    /// The list or field that holds the reference: `servers`, `accessGroups`, `team`, `keys`, …
    pub field: &'static str,
    /// Its place in the list; 0 where there is no list.
    pub index: usize,
    /// Why.
    pub reason: Reason,
}

/// What somebody presents.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Credential {
    /// No credential.
    None,
    /// An API key, in plain text.
    Key(String),
    /// A token that holds.
    Token(Token),
}

/// What a token says of who presents it, once it is verified.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token {
    /// The user that it is of.
    pub user: Option<String>,
    /// The service account that it is of; no token is of both.
    pub service_account: Option<Id>,
    /// Its claims, each with its values.
    pub claims: BTreeMap<String, Vec<String>>,
}

/// Who somebody is.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Identity {
    /// Nobody: 401.
    Unauthorized,
    /// The caller of this binding; of several only where a token matches several Claims bindings, which unite.
    Bindings(BTreeSet<Id>),
}

/// The access rule, applied to one world at one moment.
pub struct Oracle<'w> {
    world: &'w World,
    now: i64,
    faults: BTreeMap<Object, Reason>,
}

impl<'w> Oracle<'w> {
    /// Applies the rule to `world` at `now` (Unix seconds).
    pub fn new(world: &'w World, now: i64) -> Self {
        Self { world, now, faults: acceptance::faults(world) }
    }

    /// The objects that are not accepted, each with its first fault.
    pub fn faults(&self) -> &BTreeMap<Object, Reason> {
        &self.faults
    }

    /// Whether the object is there and accepted.
    fn accepted(&self, kind: Kind, id: &Id) -> bool {
        !self.faults.contains_key(&(kind, id.clone()))
    }
}
