//! When a child that ended may be started again.

use tokio::time::Duration;

/// A child that lived so long counts as healthy again.
pub(super) const STABLE: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(30);
/// So many failures in a row are a crash loop.
const LOOP: u32 = 3;

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure of a child that had answered for so long; how long to wait before the next.
    pub(super) fn failed(&mut self, lived: Duration) -> Duration {
        if lived >= STABLE {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        match self.failures {
            1 => Duration::ZERO,
            more => Duration::from_secs(1).saturating_mul(1 << (more - 2).min(5)).min(LONGEST),
        }
    }

    /// The child has been healthy for [`STABLE`].
    pub(super) fn stable(&mut self) {
        self.failures = 0;
    }

    pub(super) fn crash_looping(&self) -> bool {
        self.failures >= LOOP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_each_further_one_later() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.failed(Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
        assert!(backoff.crash_looping());
        assert_eq!(backoff.failed(STABLE), Duration::ZERO);
        assert!(!backoff.crash_looping());
    }
}
