//! Counters. No key, caller or client-chosen text is ever a label.

use crds::snapshot::Nanos;
use prometheus::core::Collector;
use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::certificates::CertificateMetrics;
use crate::forward::Method;
use crate::peers::PeerMetrics;

mod issuers;
mod snapshot;

pub use issuers::IssuerMetrics;
pub use snapshot::SnapshotMetrics;

/// All counters of a gateway.
pub struct Metrics {
    registry: Registry,
    calls: IntCounterVec,
    costs: IntCounterVec,
    rejects: IntCounterVec,
    denials: IntCounterVec,
    permits: [IntCounter; Method::ALL.len()],
    /// Connections closed at once, by which limit was reached: `peer`, that of an address, or `all`.
    pub closed_connections: IntCounterVec,
    /// Of issuers of tokens.
    pub issuers: IssuerMetrics,
    /// Of snapshots.
    pub snapshots: SnapshotMetrics,
    /// Of peers.
    pub peers: PeerMetrics,
}

/// The counters of one server, looked up once.
#[derive(Clone)]
pub struct ServerMetrics {
    calls: IntCounterVec,
    costs: IntCounterVec,
    server: String,
    ok: IntCounter,
    tool_error: IntCounter,
}

impl Metrics {
    /// Counters at zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let calls = counters("switchboard_calls_total", "Tool calls by server and outcome.", &["server", "outcome"]);
        let costs = "What answered calls of tools cost, in billionths of the currency, by server.";
        let costs = counters("switchboard_cost_nanos_total", costs, &["server", "currency"]);
        let rejects = counters("switchboard_rejected_requests_total", "HTTP requests refused, by reason.", &["reason"]);
        let denials = "Requests denied, by the rule: as the log's `reason`, which `switchboard explain` reads.";
        let denials = counters("switchboard_denials_total", denials, &["reason"]);
        let permits = permits(&registry);
        let closed = "Connections closed at once, by the limit that was reached: an address's, or that of all.";
        let closed_connections = counters("switchboard_closed_connections_total", closed, &["reason"]);
        let (issuers, snapshots) = (IssuerMetrics::new(&registry), SnapshotMetrics::new(&registry));
        let reachable = gauge("switchboard_peers_reachable", "Peers that answered when last asked.");
        let forwarded = "Requests for other processes, by what came of them: answered, gone, broken.";
        let forwarded = counters("switchboard_forwarded_requests_total", forwarded, &["outcome"]);
        let peers = PeerMetrics { reachable, forwarded };
        let metrics =
            Self { registry, calls, costs, rejects, denials, permits, closed_connections, issuers, snapshots, peers };
        let all: [Box<dyn Collector>; 7] = [
            Box::new(metrics.calls.clone()),
            Box::new(metrics.costs.clone()),
            Box::new(metrics.rejects.clone()),
            Box::new(metrics.denials.clone()),
            Box::new(metrics.closed_connections.clone()),
            Box::new(metrics.peers.reachable.clone()),
            Box::new(metrics.peers.forwarded.clone()),
        ];
        for collector in all {
            let _ = metrics.registry.register(collector);
        }
        metrics
    }

    /// The counters of a server.
    pub fn of_server(&self, id: &str) -> ServerMetrics {
        ServerMetrics {
            calls: self.calls.clone(),
            costs: self.costs.clone(),
            server: id.to_owned(),
            ok: self.calls.with_label_values(&[id, "ok"]),
            tool_error: self.calls.with_label_values(&[id, "tool_error"]),
        }
    }

    /// Those of the certificate for clients. Who serves in clear text does not ask for them, and shows no date.
    pub fn of_certificates(&self) -> CertificateMetrics {
        let expires = "When the first certificate of the chain that clients are shown expires, in Unix time.";
        let expires = gauge("switchboard_certificate_expires_timestamp_seconds", expires);
        let failures = "New certificates that could not be used; the last good one stayed.";
        let failures = counter("switchboard_certificate_reload_failures_total", failures);
        let _ = self.registry.register(Box::new(expires.clone()));
        let _ = self.registry.register(Box::new(failures.clone()));
        CertificateMetrics { expires, failures }
    }

    /// Counts a refused request.
    pub fn reject(&self, reason: &str) {
        self.rejects.with_label_values(&[reason]).inc();
    }

    /// Counts a denial.
    pub fn denied(&self, reason: &str) {
        self.denials.with_label_values(&[reason]).inc();
    }

    /// Counts a request that is sent to a server: every permit that is used is used for one.
    pub fn permit_used(&self, method: Method) {
        self.permits[method as usize].inc();
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> Vec<u8> {
        self.snapshots.look();
        let mut text = Vec::new();
        // Encoding into memory fails on nothing but a collector without a name.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerMetrics {
    /// Counts a call that was answered; `is_error`: by a tool error.
    pub fn answered(&self, is_error: bool) {
        if is_error { self.tool_error.inc() } else { self.ok.inc() }
    }

    /// Adds what an answered call costs.
    pub fn costs(&self, price: Nanos, currency: &str) {
        self.costs.with_label_values(&[self.server.as_str(), currency]).inc_by(price.0);
    }

    /// Counts a call that was not.
    pub fn failed(&self, outcome: &str) {
        self.calls.with_label_values(&[self.server.as_str(), outcome]).inc();
    }
}

/// A counter a method, so that none is looked up while a request waits.
fn permits(registry: &Registry) -> [IntCounter; Method::ALL.len()] {
    let help = "Requests sent to servers, each by a permit, by method.";
    let permits = counters("switchboard_permits_total", help, &["method"]);
    let _ = registry.register(Box::new(permits.clone()));
    Method::ALL.map(|method| permits.with_label_values(&[method.as_str()]))
}

/// Counters of one name, by labels.
pub(crate) fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    made(IntCounterVec::new(Opts::new(name, help), labels))
}

/// One counter.
pub(crate) fn counter(name: &str, help: &str) -> IntCounter {
    made(IntCounter::new(name, help))
}

/// One gauge.
pub(crate) fn gauge(name: &str, help: &str) -> IntGauge {
    made(IntGauge::new(name, help))
}

/// Names, help and labels are literals of these files; a registry refuses only what is there twice.
fn made<T>(collector: prometheus::Result<T>) -> T {
    match collector {
        Ok(collector) => collector,
        Err(_) => unreachable!("literal names"),
    }
}
