//! The pure core of Switchboard: what people write, how it is compiled, what
//! the gateway runs. No IO, no clock, no randomness, no client.
//!
//! ```text
//! manifests ─► v1alpha1 ─► Resources ─► compile() ─► Compiled { snapshot, credentials, diagnostics }
//!                                                       │ snapshot::stored ─► parts, and a pointer with a MAC
//!                                                       └ Statuses::of ─► .status
//! ```
//!
//! `compile` is total and deterministic: a bad object costs that object only,
//! and the same objects in any order give the same bytes. It is the only maker
//! of snapshots.
#![deny(missing_docs)]

pub mod admission;
pub mod compile;
pub mod conditions;
pub mod crd;
pub mod diagnostic;
pub mod digest;
mod document;
pub mod names;
pub mod patterns;
pub mod plan;
pub mod resources;
pub mod rollout;
mod schema;
pub mod settings;
pub mod snapshot;
pub mod status;
pub mod v1alpha1;
