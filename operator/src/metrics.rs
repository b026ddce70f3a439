//! Counters of the operator. No name of an object is ever a label.

use crds::diagnostic::Kind;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::release::Own;

/// Buckets of a compilation, in seconds.
const COMPILE_BUCKETS: [f64; 10] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// All counters of an operator.
pub(crate) struct Metrics {
    registry: Registry,
    /// 1 while this process leads.
    pub(crate) leader: IntGauge,
    /// The revision of the pointer that is written.
    pub(crate) revision: IntGauge,
    /// How long it takes from objects to parts.
    pub(crate) compile_seconds: Histogram,
    /// 1 while the snapshot cannot be written, by reason: `too_large`, `refused`, `settings`.
    pub(crate) blocked: IntGaugeVec,
    /// Streams of a kind whose objects cannot be seen, by resource: what was last seen stays in force.
    pub(crate) unknown: IntGaugeVec,
    /// Namespaces that another release serves (R43).
    pub(crate) foreign_namespaces: IntGauge,
    /// Gateway pods that serve.
    pub(crate) pods_serving: IntGauge,
    /// Of those, the ones that run the newest revision.
    pub(crate) pods_propagated: IntGauge,
    /// Of those, the ones that cannot be asked.
    pub(crate) pods_silent: IntGauge,
    /// Gateway pods that do not take the snapshot that they are offered.
    pub(crate) pods_refusing: IntGauge,
    /// Statuses that wait to be written.
    pub(crate) statuses_waiting: IntGauge,
    /// Events that were not told, since too many came at once.
    pub(crate) events_dropped: IntCounter,
    objects: IntGaugeVec,
    writes: IntCounterVec,
    write_errors: IntCounterVec,
    mended: IntCounterVec,
}

impl Metrics {
    /// Counts a write that the apiserver took. `resource`: what was written, a literal.
    pub(crate) fn wrote(&self, resource: &'static str) {
        self.writes.with_label_values(&[resource]).inc();
    }

    /// Counts a write that failed.
    pub(crate) fn failed_to_write(&self, resource: &'static str) {
        self.write_errors.with_label_values(&[resource]).inc();
    }

    /// Counts an object of ours that somebody else had changed and that is as it was.
    pub(crate) fn mended(&self, own: Own) {
        self.mended.with_label_values(&[own.as_str()]).inc();
    }

    /// How many objects of a kind there are.
    pub(crate) fn objects(&self, kind: Kind, count: usize) {
        self.objects.with_label_values(&[kind.as_str()]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// All of it, as Prometheus reads it.
    pub(crate) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        // Encoding into memory fails on nothing but a collector without a name.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let metrics = Self {
            leader: gauge("leader", "1 while this process leads."),
            revision: gauge("revision", "The revision of the snapshot that is written."),
            compile_seconds: histogram(),
            blocked: gauges("blocked", "1 while no snapshot can be written, by reason.", "reason"),
            unknown: gauges("unknown_streams", "Watches that are refused: what was last seen stays.", "resource"),
            foreign_namespaces: gauge("foreign_namespaces", "Namespaces that another release serves."),
            pods_serving: gauge("pods_serving", "Gateway pods that serve."),
            pods_propagated: gauge("pods_propagated", "Gateway pods that run the newest revision."),
            pods_silent: gauge("pods_silent", "Gateway pods that serve and cannot be asked."),
            pods_refusing: gauge("pods_refusing", "Gateway pods that refuse the snapshot that they are offered."),
            statuses_waiting: gauge("statuses_waiting", "Statuses that wait to be written."),
            events_dropped: counter("events_dropped_total", "Events that were not told: too many came at once."),
            objects: gauges("objects", "Objects by kind.", "kind"),
            writes: counters("writes_total", "Writes that the apiserver took, by what was written.", "resource"),
            write_errors: counters("write_errors_total", "Writes that failed, by what was written.", "resource"),
            mended: counters("mended_total", "Objects of the release that somebody else had changed.", "object"),
            registry,
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let all: [Box<dyn Collector>; 16] = [
            Box::new(self.leader.clone()),
            Box::new(self.revision.clone()),
            Box::new(self.compile_seconds.clone()),
            Box::new(self.blocked.clone()),
            Box::new(self.unknown.clone()),
            Box::new(self.foreign_namespaces.clone()),
            Box::new(self.pods_serving.clone()),
            Box::new(self.pods_propagated.clone()),
            Box::new(self.pods_silent.clone()),
            Box::new(self.pods_refusing.clone()),
            Box::new(self.statuses_waiting.clone()),
            Box::new(self.events_dropped.clone()),
            Box::new(self.objects.clone()),
            Box::new(self.writes.clone()),
            Box::new(self.write_errors.clone()),
            Box::new(self.mended.clone()),
        ];
        for collector in all {
            // A registry refuses only what is there twice.
            let _ = self.registry.register(collector);
        }
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("switchboard_operator_{name}"), help)
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::with_opts(opts(name, help)).expect("names are literals of this file")
}

fn gauges(name: &str, help: &str, label: &str) -> IntGaugeVec {
    IntGaugeVec::new(opts(name, help), &[label]).expect("names and labels are literals of this file")
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::with_opts(opts(name, help)).expect("names are literals of this file")
}

fn counters(name: &str, help: &str, label: &str) -> IntCounterVec {
    IntCounterVec::new(opts(name, help), &[label]).expect("names and labels are literals of this file")
}

fn histogram() -> Histogram {
    let help = "How long it takes from all objects to the parts of a snapshot.";
    let opts = HistogramOpts::from(opts("compile_seconds", help)).buckets(COMPILE_BUCKETS.to_vec());
    Histogram::with_opts(opts).expect("names and buckets are literals of this file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_told() {
        let metrics = Metrics::default();
        metrics.wrote("status");
        metrics.failed_to_write("status");
        metrics.mended(Own::Slot(3));
        metrics.objects(Kind::McpServer, 2);
        metrics.blocked.with_label_values(&["settings"]).set(0);
        metrics.unknown.with_label_values(&["mcpservers"]).set(1);
        let text = String::from_utf8(metrics.text()).unwrap();
        let told = text.lines().filter(|line| line.starts_with("# TYPE switchboard_operator_")).count();
        assert_eq!(told, 16, "{text}");
        assert!(text.contains("switchboard_operator_mended_total{object=\"slot\"} 1"), "{text}");
    }
}
