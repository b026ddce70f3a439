//! Objects in, snapshot out: pure, total, deterministic.

use crate::diagnostic::Diagnostic;
use crate::resources::Resources;
use crate::snapshot::{Credentials, Snapshot};

/// What holds where the settings are silent; the one difference between a laptop and a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// `switchboard run`: every namespace is a platform namespace, may start children and publish bare names.
    Local,
    /// A cluster: this namespace is the platform namespace, and none may start children or publish bare names.
    Cluster {
        /// The release's own namespace.
        namespace: String,
    },
}

/// The key under which API keys and credentials are fingerprinted. Never a default; made once and kept.
#[derive(Clone)]
pub struct Pepper(pub [u8; 32]);

/// Everything that follows from the objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// What the gateway runs.
    pub snapshot: Snapshot,
    /// Secret values, apart from it, by fingerprint.
    pub credentials: Credentials,
    /// Every fault, sorted.
    pub diagnostics: Vec<Diagnostic>,
}
