//! The harness of the tests.

pub mod oracle;
pub mod world;
