//! The harness of the tests.

pub mod args;
pub mod oracle;
pub mod world;
