//! Time that goes on while the process, or the machine, is asleep.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Since the machine was started, time in suspension included. Never goes back.
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
