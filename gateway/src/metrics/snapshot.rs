//! What is counted of snapshots, whatever they come from.

use std::time::Instant;

use parking_lot::Mutex;
use prometheus::{IntCounter, IntGauge, Registry};

use super::{counter, gauge};

/// Of the snapshot in force, and of those that are not.
pub struct SnapshotMetrics {
    /// The revision in force.
    pub revision: IntGauge,
    /// Snapshots or files refused since start; the last good state served on.
    pub refused: IntCounter,
    /// Servers whose secret values have not arrived.
    pub pending_credentials: IntGauge,
    age: IntGauge,
    /// Since when there may be a newer one than that in force; none while there is none.
    doubted: Mutex<Option<Instant>>,
}

impl SnapshotMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let metrics = Self {
            revision: gauge("switchboard_snapshot_revision", "The revision in force."),
            refused: counter("switchboard_snapshots_refused_total", "Snapshots or files that were refused."),
            pending_credentials: gauge(
                "switchboard_pending_credentials",
                "Servers that are off because their secret values have not arrived.",
            ),
            age: gauge(
                "switchboard_snapshot_age_seconds",
                "How long there may have been a newer snapshot than that in force: since its source was last heard, or since it offered one that was refused. 0: that in force is the newest.",
            ),
            doubted: Mutex::default(),
        };
        for gauge in [&metrics.revision, &metrics.pending_credentials, &metrics.age] {
            let _ = registry.register(Box::new(gauge.clone()));
        }
        let _ = registry.register(Box::new(metrics.refused.clone()));
        metrics
    }

    /// What is in force is the newest there is (R42).
    pub fn is_newest(&self) {
        *self.doubted.lock() = None;
    }

    /// From now on there may be a newer one, unless that began before.
    pub fn may_be_old(&self) {
        self.doubted.lock().get_or_insert_with(Instant::now);
    }

    /// How long there may have been a newer one, in seconds.
    pub fn age(&self) -> u64 {
        self.doubted.lock().map_or(0, |since| since.elapsed().as_secs())
    }

    /// Brings the age up to date.
    pub(super) fn look(&self) {
        self.age.set(i64::try_from(self.age()).unwrap_or(i64::MAX));
    }
}
