//! What the environment tells the tests: the one place that reads it.

use std::path::PathBuf;

/// Whether every acceptance line runs at full size (R83), as `tests/run --full` asks by `SWITCHBOARD_TESTS_FULL`.
pub fn full() -> bool {
    std::env::var_os("SWITCHBOARD_TESTS_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether files that a test compares with are to be written anew, as `UPDATE=1` asks.
pub fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}

/// The cluster to be used instead of a node of the tests' own.
pub fn kubeconfig() -> Option<PathBuf> {
    std::env::var_os("KUBECONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The folder of a node that runs already: `tests/cluster/node/cluster exec` says it.
pub fn cluster_run() -> Option<PathBuf> {
    std::env::var_os("CLUSTER_RUN").map(PathBuf::from)
}
