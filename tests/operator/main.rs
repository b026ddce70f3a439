//! Against a real apiserver and its etcd: what Kubernetes itself says of the
//! API, and the operator as its own process before it, under the rights that
//! the chart gives it. Pods are no containers here: each is an object of the
//! apiserver and an admin port of this process, which reads what is in force as
//! a gateway does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test program: what fails here is a failed test, and says so at once"
)]

use std::sync::LazyLock;

use tests::kube::ApiServer;

mod address;
mod columns;
mod cost;
mod explain;
mod fleet;
mod harness;
mod large;
mod leader;
mod lifecycle;
mod mended;
mod objects;
mod operator;
mod outage;
mod planted;
mod pods;
mod questions;
mod reader;
mod release;
mod rest;
mod rights;
mod schema;
mod tenants;

/// One apiserver with the definitions of `charts/switchboard-crds`, for tests that disturb nobody. It ends with the process.
static SHARED: LazyLock<ApiServer> = LazyLock::new(|| {
    let server = ApiServer::start();
    server.apply_crds();
    server
});
