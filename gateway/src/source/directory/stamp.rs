//! By what a change of a file is seen without reading it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// Which file it is and when it changed. Length and modification time alone miss a digest that is replaced by
/// another, where the time is preserved (`cp -p`) or always the same (Nix): nobody can set the time of change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    file: (u64, u64),
    length: u64,
    /// Seconds and nanoseconds since 1970.
    modified: (i64, i64),
    /// Of content, name, owner or mode; seconds and nanoseconds since 1970.
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// How long ago it changed; none for a time to come.
    pub(super) fn age(&self, now: SystemTime) -> Option<Duration> {
        let (seconds, nanoseconds) = self.changed;
        let since_1970 = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        now.duration_since(SystemTime::UNIX_EPOCH + since_1970).ok()
    }
}
