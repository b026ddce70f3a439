//! When to compile next.

use std::time::Duration;

use tokio::time::Instant;

/// What is only new waits so long for what comes with it …
const QUIET: Duration = Duration::from_millis(100);
/// … and never longer than this (R42).
const LONGEST: Duration = Duration::from_secs(1);
/// At least so much time is between two beginnings: what changes a hundred times a second is compiled ten times.
const SPACING: Duration = Duration::from_millis(100);

/// When to compile next, and how the last time went.
#[derive(Default)]
pub(super) struct Due {
    at: Option<Instant>,
    /// When the first of what waits came.
    first: Option<Instant>,
    /// It does not wait for more.
    urgent: bool,
    began: Option<Instant>,
    took: Duration,
}

impl Due {
    /// Something is new.
    pub(super) fn soon(&mut self, now: Instant) {
        let first = *self.first.get_or_insert(now);
        if !self.urgent {
            self.at = Some(self.not_before((now + QUIET).min(first + LONGEST)));
        }
    }

    /// Something may have been taken from somebody.
    pub(super) fn now(&mut self, now: Instant) {
        self.urgent = true;
        let at = self.not_before(now);
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }

    /// It was compiled.
    pub(super) fn done(&mut self, began: Instant, took: Duration) {
        *self = Self { began: Some(began), took, ..Self::default() };
    }

    /// When it is due.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Whether it is due.
    pub(super) fn is_at(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// How long it took the last time.
    pub(super) fn last_took(&self) -> Duration {
        self.took
    }

    fn not_before(&self, at: Instant) -> Instant {
        self.began.map_or(at, |began| at.max(began + SPACING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn r42_what_is_new_waits_for_what_comes_with_it_but_not_longer_than_a_second() {
        let start = Instant::now();
        let mut due = Due::default();
        due.soon(start);
        assert_eq!(due.at(), Some(start + 100 * MS));
        for step in 1..30 {
            due.soon(start + step * 50 * MS);
            assert!(due.at() <= Some(start + LONGEST), "step {step}");
        }
        assert!(due.is_at(start + LONGEST));
    }

    #[test]
    fn r42_what_may_be_a_revocation_is_compiled_at_once() {
        let start = Instant::now();
        let mut due = Due::default();
        due.soon(start);
        due.now(start + MS);
        assert!(due.is_at(start + MS));
        // What comes after it does not put it off.
        due.soon(start + 2 * MS);
        assert!(due.is_at(start + 2 * MS));
        due.done(start, 3 * MS);
        assert_eq!((due.at(), due.last_took()), (None, 3 * MS));
        // Many at once are compiled ten times a second.
        due.now(start + 4 * MS);
        assert_eq!(due.at(), Some(start + SPACING));
        due.soon(start + 5 * MS);
        assert_eq!(due.at(), Some(start + SPACING));
    }
}
