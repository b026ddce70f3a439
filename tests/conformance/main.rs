//! The official conformance suite, unmodified, against the fixture (`baseline`), and against the gateway before it
//! (`through`), also as three processes (`round_robin`), of which one ends again and again (`rolling`); and with the gateway as the client that it judges (`client_scenarios`). Each revision is a test of its own, and every run has a fixture of its own.
//!
//! In: the suite, which `tests/conformance/run` installs. Out: a table of scenarios on stdout, and every check as the
//! suite wrote it below the target folder (`tmp/conformance/`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

mod baseline;
mod client_scenarios;
mod compare;
mod direct;
mod fixture_itself;
mod forged;
mod processes;
mod results;
mod rolling;
mod round_robin;
mod server;
mod setup;
mod shim;
mod suite;
mod table;
mod through;
