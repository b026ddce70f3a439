//! What a pod says it has in force: `/revision` of its admin port.

use serde::Deserialize;

/// The answer to `/revision`. Members that a newer gateway adds are not asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The revision in force; 0: none.
    pub(crate) revision: u64,
    /// The schemas that the pod reads.
    pub(crate) reads: Vec<u32>,
    /// What it was offered and does not take.
    pub(crate) refused: Option<Refused>,
}

/// A snapshot that a pod does not take.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(crate) struct Refused {
    /// Why, for people.
    pub(crate) reason: String,
}

#[cfg(test)]
impl Report {
    /// Of a pod that runs this.
    pub(crate) fn of_revision(revision: u64) -> Self {
        Self { revision, reads: vec![4, 5], refused: None }
    }
}
