//! A bucket of leave: so much at once, and a little more after each while. When it is full again says how full it is, so
//! that nothing has to fill it.

use std::time::{Duration, Instant};

/// Takes one out of a bucket that is full at that time, or always was: when it is full then; none if it is empty.
pub fn take(full_at: Option<Instant>, now: Instant, (burst, refill): (u32, Duration)) -> Option<Instant> {
    let next = full_at.filter(|full_at| *full_at > now).unwrap_or(now) + refill;
    (next <= now + refill * burst).then_some(next)
}
