//! What is wrong in a directory, with file and line: what `validate` prints.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::diagnostic::{ConditionType, Reason};

/// Why a file cannot be used at all. What it held before stays in force.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
pub struct FileFault {
    /// The file, as it was named to [`ParsedFile::parse`](super::ParsedFile::parse).
    pub path: String,
    /// Counts from 1.
    pub line: u32,
    /// Counts from 1.
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
}

/// One thing to tell about a directory. As JSON: `{file, line, kind, namespace, name, condition, reason, message}`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Counts from 1.
    pub line: u32,
    /// The object's kind; empty where there is no object.
    pub kind: String,
    /// The object's namespace; empty where there is no object, or it has none.
    pub namespace: String,
    /// The object's name; empty where there is no object.
    pub name: String,
    /// The condition of the object that is False; null for what has no conditions.
    pub condition: Option<ConditionType>,
    /// Why.
    pub reason: FindingReason,
    /// The field, what is wrong, and what to do.
    pub message: String,
}

/// See [`Finding::reason`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FindingReason {
    /// The file cannot be used: not YAML, or its settings document is wrong.
    Unreadable,
    /// The object is not for us. No fault.
    Ignored,
    /// What the object's status would say.
    Object(Reason),
}

impl FindingReason {
    /// The reason as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingReason::Unreadable => "Unreadable",
            FindingReason::Ignored => "Ignored",
            FindingReason::Object(reason) => reason.as_str(),
        }
    }
}

impl Finding {
    /// Whether something must be done; else it is for information.
    pub fn is_error(&self) -> bool {
        self.reason != FindingReason::Ignored
    }
}

impl From<&FileFault> for Finding {
    fn from(fault: &FileFault) -> Self {
        Self {
            file: fault.path.clone(),
            line: fault.line,
            kind: String::new(),
            namespace: String::new(),
            name: String::new(),
            condition: None,
            reason: FindingReason::Unreadable,
            message: fault.message.clone(),
        }
    }
}

/// `access.yaml:14: spec.grants.servers[0].nmae: unknown field; did you mean name?`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl Serialize for FindingReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// `field: message`, or the message alone where it is about the whole object.
pub(super) fn sentence(field: &str, message: &str) -> String {
    if field.is_empty() { message.to_owned() } else { format!("{field}: {message}") }
}
