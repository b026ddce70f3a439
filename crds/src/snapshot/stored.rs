//! How a snapshot is stored and opened again: parts, and a pointer that names them.
//!
//! ```text
//! Snapshot ─ split ─► parts ─ plan ─► slots to write, then the pointer ─ open ─► Snapshot
//! ```
//!
//! A small snapshot is one part and stands in the pointer itself. A larger one
//! is a base (servers, groups, what they need) and buckets of callers, each in
//! a slot of its own, so that a change of one caller rewrites one bucket. The
//! pointer alone carries an authentication code; parts are held to the digest
//! that it has of them. Nothing is inflated before it is authenticated,
//! inflation is bounded (R13), and the result is checked before anybody looks
//! into it.

mod before;
mod bucket;
mod credentials;
mod fault;
mod header;
mod join;
mod narrow;
mod open;
mod packed;
mod plan;
mod pointer;
mod split;

pub use credentials::{CREDENTIAL_SLOTS, credential_slot, verify_secrets};
pub use fault::{DecodeError, TooLarge};
pub use join::join;
pub use open::open;
pub use packed::{INFLATED_LIMIT, Part};
pub use plan::{Plan, plan};
pub use pointer::{DENIED_LIMIT, MacKey, PartRef, Pointer};
pub use split::{Parts, split};

/// The newest schema, written unless somebody reads the one before only.
pub const SCHEMA: u32 = 5;
/// The schemas that are read and can be written: this one and the one before.
#[cfg(not(feature = "schema-before"))]
pub const READS: &[u32] = &[BEFORE, SCHEMA];
/// Those of the release before, which knew the one before as the newest.
#[cfg(feature = "schema-before")]
pub const READS: &[u32] = &[BEFORE];
/// The schema before: it knows no caller by a token, no issuer, no token that is fetched for a server, no server for
/// internal networks, and no cost.
const BEFORE: u32 = 4;

/// How many slots there are for parts; their numbers are below it.
pub const SLOTS: u8 = 32;
/// The largest part, in bytes: a ConfigMap holds 1 MiB.
pub const PART_LIMIT: usize = 700 << 10;

#[cfg(test)]
mod tests;
