//! The wall clock, for expiries.

use std::time::{SystemTime, UNIX_EPOCH};

use crds::snapshot::UnixSeconds;

/// Seconds since 1970. A clock before that counts as its first second.
pub fn now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixSeconds::try_from(since.as_secs()).unwrap_or(UnixSeconds::MAX)
}
