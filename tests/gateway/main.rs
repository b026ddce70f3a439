//! `switchboard-gateway` before a real apiserver: what it makes of the objects
//! that an operator writes, of those that nobody should have written, and of
//! an apiserver that is away.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what fails in a test has to be seen, in its helpers too"
)]

mod admin;
mod credentials;
mod drain;
mod harness;
mod outage;
mod refusals;
mod release;
mod revocation;
mod role;
mod slots;
mod start;
mod tokens;
