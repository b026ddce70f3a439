//! Why the operator does not run.

use std::net::SocketAddr;

/// Why the operator ends, or does not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no way to the apiserver.
    #[error("no way to an apiserver: {0}; run in a pod with a service account, or set KUBECONFIG")]
    Client(#[source] Box<kube::Error>),
    /// Neither in a pod nor a kubeconfig.
    #[error("no way to an apiserver: {0}; run in a pod with a service account, or set KUBECONFIG")]
    Config(#[from] kube::config::InferConfigError),
    /// The admin port is taken.
    #[error("the admin port {address} cannot be listened on: {source}")]
    Listen {
        /// As it was given.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
    /// The keys of the fleet cannot be used.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeysError),
    /// A part of the operator has ended, which none does by itself.
    #[error("{0} has ended by itself; its last words are in the log")]
    Ended(&'static str),
}
