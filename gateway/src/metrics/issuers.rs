//! Of the keys of those who issue tokens.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::{counters, made};
use crate::clock;

/// How the keys of each issuer come. The labels are issuers of the settings, and the cluster.
#[derive(Clone)]
pub struct IssuerMetrics {
    read: IntGaugeVec,
    failures: IntCounterVec,
}

impl IssuerMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let read = "When the keys of a token issuer were last read, in seconds since 1970; 0: they never were.";
        let read = Opts::new("switchboard_issuer_keys_read_timestamp_seconds", read);
        let failures = "How often the keys of a token issuer were asked for in vain.";
        let metrics = Self {
            read: made(IntGaugeVec::new(read, &["issuer"])),
            failures: counters("switchboard_issuer_keys_failures_total", failures, &["issuer"]),
        };
        let _ = registry.register(Box::new(metrics.read.clone()));
        let _ = registry.register(Box::new(metrics.failures.clone()));
        metrics
    }

    /// An issuer is trusted, and its keys are asked for.
    pub fn begin(&self, issuer: &str) {
        self.read.with_label_values(&[issuer]);
        self.failures.with_label_values(&[issuer]);
    }

    /// Its keys came.
    pub fn came(&self, issuer: &str) {
        self.read.with_label_values(&[issuer]).set(clock::now());
    }

    /// They did not.
    pub fn failed(&self, issuer: &str) {
        self.failures.with_label_values(&[issuer]).inc();
    }

    /// It is not trusted any more.
    pub fn end(&self, issuer: &str) {
        let _ = self.read.remove_label_values(&[issuer]);
        let _ = self.failures.remove_label_values(&[issuer]);
    }
}
