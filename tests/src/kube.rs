//! A real Kubernetes for the tests: `tests/cluster/node/cluster` makes it, here
//! it is held, asked and disturbed.

mod account;
mod api_server;
mod audit;
mod leash;
mod node;

pub use account::Account;
pub use api_server::{ApiServer, Component, binaries, repository};
pub use audit::Write;
pub use node::{Node, Running};
