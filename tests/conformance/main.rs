//! The official conformance suite, unmodified, against the fixture (`baseline`), and against the gateway before it
//! (`through`). Each revision is a test of its own, with a fixture of its own.
//!
//! In: the suite, which `tests/conformance/run` installs. Out: a table of scenarios on stdout, and every check as the
//! suite wrote it below the target folder (`tmp/conformance/`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

mod baseline;
mod compare;
mod fixture_itself;
mod results;
mod server;
mod suite;
mod table;
mod through;
