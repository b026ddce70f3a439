//! Why a snapshot cannot be stored, and why bytes are not taken for one.

use thiserror::Error;

use super::{BEFORE, INFLATED_LIMIT, PART_LIMIT, SCHEMA, SLOTS};
use crate::snapshot::Inconsistent;

/// The snapshot is larger than can be stored. The last good one serves on.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TooLarge {
    /// More than any gateway would inflate.
    #[error(
        "the snapshot has more than the {INFLATED_LIMIT} bytes that a gateway reads: spread servers and keys over \
         several releases"
    )]
    Inflated,
    /// Servers and groups are in one part, whatever their number.
    #[error(
        "servers, groups and settings take more than {PART_LIMIT} bytes of the snapshot, compressed: spread servers \
         over several releases, or write shorter lists of tools"
    )]
    Servers,
    /// The callers of one bucket.
    #[error(
        "a bucket of keys takes more than {PART_LIMIT} bytes of the snapshot, compressed: spread keys over several \
         releases, or grant by teams and groups instead of key by key"
    )]
    Callers,
    /// The pointer in force leaves too few slots.
    #[error(
        "the snapshot needs {needed} slots, and the pointer in force leaves {free} of {SLOTS}: delete the pointer; \
         gateways serve on until the next is there"
    )]
    Slots {
        /// How many parts have no slot yet.
        needed: usize,
        /// How many slots are not named.
        free: usize,
    },
}

/// Why bytes are not taken for a snapshot. The last good one serves on.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// They do not start like one.
    #[error("these bytes are not a snapshot")]
    NotASnapshot,
    /// They come from another release.
    #[error(
        "the snapshot has schema {0}, this build reads schemas {BEFORE} and {SCHEMA}: bring both to the same release"
    )]
    UnknownSchema(u32),
    /// They were changed, cut, or made under another key.
    #[error("the snapshot's authentication code is wrong: it was changed, cut, or made under another key")]
    Forged,
    /// A slot does not hold the part that the pointer names. So it is for a moment while a snapshot is written.
    #[error("slot {slot:02} does not hold the part that the snapshot's pointer names")]
    PartMissing {
        /// The first such slot.
        slot: u8,
    },
    /// They inflate to more than the limit.
    #[error("the snapshot inflates to more than {INFLATED_LIMIT} bytes")]
    TooLarge,
    /// They do not inflate, although authentic.
    #[error("the snapshot does not inflate")]
    Inflate(#[source] std::io::Error),
    /// They do not parse, although authentic.
    #[error("the snapshot does not parse")]
    Parse(#[source] serde_json::Error),
    /// They contradict themselves, although authentic.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
}
