//! The official SDKs, unmodified, through the release binary: Python, TypeScript and Rust clients on the reference
//! server over each upstream transport.
//!
//! In: the release build, and what `tests/run clients` installed (see [`toolchain`]). Out: `clients.json`.

mod driver;
mod eras;
mod everything;
mod figures;
mod gateway;
mod matrix;
mod process;

mod toolchain;
