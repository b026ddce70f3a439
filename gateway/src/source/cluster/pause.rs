//! How long to wait before something that failed is tried again: twice as
//! long each time, up to a bound.

use std::time::Duration;

/// Waits that grow.
#[derive(Debug)]
pub(super) struct Pause {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Pause {
    /// The first wait and the longest.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Counts a failure; how long to wait now.
    pub(super) fn failed(&mut self) -> Duration {
        let pause = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// How often it failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_begin_anew_after_a_success() {
        let mut pause = Pause::new(Duration::from_millis(100), Duration::from_secs(2));
        let waits: Vec<_> = (0..40).map(|_| pause.failed().as_millis()).collect();
        assert_eq!(waits[..6], [100, 200, 400, 800, 1600, 2000]);
        assert_eq!(waits[39], 2000);
        pause.reset();
        assert_eq!((pause.failures(), pause.failed().as_millis()), (0, 100));
    }
}
