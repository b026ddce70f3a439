//! A real Kubernetes for the tests: `tests/cluster/node/cluster` makes it, here
//! it is held, asked and disturbed.

mod account;
mod api_server;
mod audit;
mod cluster;
mod leash;
mod node;
mod pod;
mod release;

pub use account::Account;
pub use api_server::{ApiServer, Component, binaries, repository};
pub use audit::Write;
pub use cluster::Cluster;
pub use node::Node;
pub use pod::{Container, Pod};
pub use release::{Part, RESTRICTED, Release};
