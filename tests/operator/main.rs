//! Against a real apiserver and its etcd: what Kubernetes itself says of the
//! API, and later the operator before it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test program: what fails here is a failed test")]

use std::sync::LazyLock;

use tests::kube::ApiServer;

mod columns;
mod cost;
mod explain;
mod harness;
mod schema;

/// One apiserver with the definitions of `charts/switchboard-crds`, for tests that disturb nobody. It ends with the process.
static SHARED: LazyLock<ApiServer> = LazyLock::new(|| {
    let server = ApiServer::start();
    server.apply_crds();
    server
});
