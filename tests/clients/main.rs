//! The official SDKs, unmodified, through the release binary: Python, TypeScript and Rust clients on the reference
//! server over each upstream transport and on servers of 2026-07-28, and the examples of `deploy/examples`.
//!
//! In: the release build, and what `tests/run clients` installed (see [`tests::toolchain`]). Out: `clients.json`, and whether
//! `docs/clients.md` is what the run gave.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

mod driver;
mod eras;
mod everything;
mod examples;
mod figures;
mod gateway;
mod interop;
mod matrix;
mod mirrored_arguments;
mod offerings;
mod process;
mod recorder;
mod sidecar;
mod toolchain;
