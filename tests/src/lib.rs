//! The harness of the tests: Switchboard as its own process, scripted MCP
//! servers, a client with every byte in its hand, load, and figures; a real
//! Kubernetes; and the oracle of the access rule with random worlds to ask it
//! about.
//!
//! Nothing here links the gateway: what is tested is the release binary that
//! a person runs, over real sockets and pipes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a harness has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

pub mod args;
pub mod balancer;
pub mod certificates;
pub mod client;
pub mod examples;
pub mod figures;
pub mod fleet;
pub mod http2;
pub mod issuer;
pub mod jobs;
pub mod kube;
pub mod load;
pub mod manifests;
pub mod marks;
pub mod mount;
pub mod oracle;
pub mod process;
pub mod raw;
pub mod raw_proxy;
mod served;
pub mod sidecar;
pub mod sse_client;
pub mod stream;
pub mod token_endpoint;
pub mod toolchain;
pub mod upstream;
pub mod usage;
pub mod wait;
pub mod world;
