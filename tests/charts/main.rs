//! The charts, the kustomize base, the sidecar and the examples for GitOps, without a cluster: rendered by the oldest and the newest
//! Helm, and judged by the tools that a platform team would use.
//!
//! In: what `tests/run charts` installed (see [`tools`]). Out: nothing but the verdict. `UPDATE=1` writes anew what is
//! derived: the kustomize base, the list of roles, and the settings in `values.schema.json`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

mod admission;
mod alerts;
mod derived;
mod health;
mod helm;
mod kustomize;
mod names;
mod network;
mod objects;
mod refused;
mod roles;
mod schemas;
mod security;
mod settings;
mod sidecar;
mod tools;
mod valid;
