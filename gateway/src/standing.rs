//! How it stands with the snapshot: what it came from, what was refused in
//! its place, and what is waited for as long as there is none.

use std::sync::Arc;

use parking_lot::RwLock;
use serde::Serialize;

use crate::metrics::Metrics;

/// How it stands now. Written by the source of snapshots, read by the admin port.
pub struct Standing {
    now: RwLock<Now>,
    metrics: Arc<Metrics>,
}

#[derive(Clone, Default)]
struct Now {
    source: Option<Source>,
    refused: Option<Refused>,
    waiting: String,
}

/// What the snapshot in force came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// A directory of manifests.
    Directory,
    /// The apiserver.
    Api,
    /// What this pod last had in force, since the apiserver has not answered since the start.
    Kept,
}

/// What was offered and is not in force: the last good one serves on.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// The revision that it says it has; none if that cannot be read or trusted.
    pub revision: Option<u64>,
    /// Why, for people. No secret is in it.
    pub reason: String,
    /// Tells it from another that is refused for the same reason.
    #[serde(skip)]
    pub version: Option<String>,
}

impl Refused {
    /// Something without a revision that can be trusted.
    pub fn of_nobody(reason: String) -> Self {
        Self { revision: None, reason, version: None }
    }

    /// What says that it has this revision.
    pub fn of(revision: u64, reason: String) -> Self {
        Self { revision: Some(revision), reason, version: None }
    }
}

impl Standing {
    /// Nothing is in force. `metrics` counts what is refused.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let now = Now { waiting: "this process has just begun".to_owned(), ..Now::default() };
        Self { now: RwLock::new(now), metrics }
    }

    /// What the snapshot in force came from.
    pub fn source(&self) -> Option<Source> {
        self.now.read().source
    }

    /// What was last refused, unless a good one came since.
    pub fn refused(&self) -> Option<Refused> {
        self.now.read().refused.clone()
    }

    /// What is waited for while nothing is in force.
    pub fn waiting(&self) -> String {
        self.now.read().waiting.clone()
    }

    /// A snapshot is in force that came from there.
    pub fn is_from(&self, source: Source) {
        self.now.write().source = Some(source);
    }

    /// What its source offers is in force.
    pub fn is_good(&self) {
        self.now.write().refused = None;
        self.metrics.snapshots.is_newest();
    }

    /// Something is refused. The same again is no news.
    pub fn refuse(&self, refused: Refused) {
        self.metrics.snapshots.may_be_old();
        let mut now = self.now.write();
        if now.refused.as_ref() != Some(&refused) {
            self.metrics.snapshots.refused.inc();
            tracing::error!("{}; the last good state serves on", refused.reason);
            now.refused = Some(refused);
        }
    }

    /// Nothing can be in force before this has come. The same again is no news.
    pub fn wait_for(&self, what: String) {
        let mut now = self.now.write();
        if now.waiting != what {
            tracing::info!("not ready: {what}");
            now.waiting = what;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_counted_once_and_ends_with_the_next_good_snapshot() {
        let metrics = Arc::<Metrics>::default();
        let standing = Standing::new(metrics.clone());
        let refused = |revision| Refused::of(revision, "it is older".to_owned());
        standing.refuse(refused(3));
        standing.refuse(refused(3));
        assert_eq!(metrics.snapshots.refused.get(), 1);
        standing.refuse(refused(4));
        assert_eq!((metrics.snapshots.refused.get(), standing.refused()), (2, Some(refused(4))));
        let another = Refused { version: Some("2".to_owned()), ..refused(4) };
        standing.refuse(another.clone());
        standing.refuse(another);
        assert_eq!(metrics.snapshots.refused.get(), 3, "it is another one");
        standing.is_good();
        assert_eq!(standing.refused(), None);
        standing.refuse(refused(4));
        assert_eq!(metrics.snapshots.refused.get(), 4, "after a good one it is news again");
    }
}
