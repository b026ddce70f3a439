//! On a node with pods: Switchboard as it is installed, called, upgraded and disturbed. One node serves all tests, so that
//! they run one after the other, each in namespaces of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what fails in a test has to be seen, in its helpers too"
)]

mod fixture;
mod harness;
mod images;
