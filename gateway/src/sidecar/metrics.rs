//! What a sidecar counts. Nothing that an agent chose is a label.

use prometheus::core::Collector;
use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder};

use crate::metrics::{counter, counters, gauge};

/// All counters.
pub(super) struct Metrics {
    registry: Registry,
    /// Requests, by what came of them.
    pub(super) requests: IntCounterVec,
    /// Connections closed at once, by the limit that was reached.
    pub(super) closed_connections: IntCounterVec,
    pub(super) token: TokenMetrics,
}

/// What is counted of the token.
#[derive(Clone)]
pub(super) struct TokenMetrics {
    /// When it expires, in seconds of Unix time; 0 if it does not say.
    pub(super) expires: IntGauge,
    /// How often its file came to hold none.
    pub(super) failures: IntCounter,
}

impl Metrics {
    /// Counters at zero.
    pub(super) fn new() -> Self {
        let requests = "Requests of agents, by what came of them: answered, unauthorized, or why they were refused.";
        let closed = "Connections closed at once, by the limit that was reached: an address's, or that of all.";
        let expires = "When the token expires, in Unix time; 0 if it does not say.";
        let failures = "Times that the token's file came to hold none; the last good one stayed until it expired.";
        let metrics = Self {
            registry: Registry::new(),
            requests: counters("switchboard_sidecar_requests_total", requests, &["outcome"]),
            closed_connections: counters("switchboard_closed_connections_total", closed, &["reason"]),
            token: TokenMetrics {
                expires: gauge("switchboard_sidecar_token_expires_timestamp_seconds", expires),
                failures: counter("switchboard_sidecar_token_read_failures_total", failures),
            },
        };
        let all: [Box<dyn Collector>; 4] = [
            Box::new(metrics.requests.clone()),
            Box::new(metrics.closed_connections.clone()),
            Box::new(metrics.token.expires.clone()),
            Box::new(metrics.token.failures.clone()),
        ];
        for collector in all {
            let _ = metrics.registry.register(collector);
        }
        metrics
    }

    /// All of it, as Prometheus reads it.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Encoding into memory fails on nothing but a collector without a name.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}
