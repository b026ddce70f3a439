//! Why a text was refused: the class, words for a person, and where. Nothing of the text itself is ever in it.

use std::fmt;

/// The class of a fault, which decides the JSON-RPC error code of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not a JSON text in valid UTF-8.
    Parse,
    /// JSON, but not a message that may be acted on (envelope, duplicate or look-alike keys, limits).
    Invalid,
    /// A member of `params` has a type that MCP does not give it.
    Params,
}

/// A refused text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// What is wrong, in words; a constant, so never a part of the text.
    pub message: &'static str,
    /// The known member that is at fault, as a path (`params._meta.progressToken`).
    pub member: Option<&'static str>,
    /// Bytes from the start of the text.
    pub offset: usize,
}

impl Fault {
    /// The JSON-RPC error code: -32700, -32600 or -32602.
    pub const fn code(&self) -> i32 {
        match self.kind {
            FaultKind::Parse => -32700,
            FaultKind::Invalid => -32600,
            FaultKind::Params => -32602,
        }
    }

    pub(super) const fn parse(message: &'static str, offset: usize) -> Self {
        Self { kind: FaultKind::Parse, message, member: None, offset }
    }

    pub(super) const fn invalid(message: &'static str, offset: usize) -> Self {
        Self { kind: FaultKind::Invalid, message, member: None, offset }
    }

    pub(super) const fn of(self, member: &'static str) -> Self {
        Self { member: Some(member), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = self.member {
            write!(f, "{member}: ")?;
        }
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}

impl std::error::Error for Fault {}
