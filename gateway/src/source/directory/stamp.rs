//! By what a change of a file is seen without reading it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// What no look at a directory takes, however large it is.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

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

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether it changed less than `span` ago, or since `now`, when a look at all files began. A time further ahead is
    /// that of a clock which was set back meanwhile.
    pub(super) fn changed_within(&self, span: Duration, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let (Ok(seconds), Ok(nanoseconds)) = (seconds.try_into(), nanoseconds.try_into()) else { return false };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        match now.duration_since(changed) {
            Ok(ago) => ago < span,
            Err(ahead) => ahead.duration() < LONGEST_LOOK,
        }
    }
}
