//! An object of a cluster beside its spec: what its status is written by, and
//! how far it has come.

use std::time::Duration;

use crds::diagnostic::{Kind, ObjectKey};
use crds::resources::Observed;
use crds::status::Status;
use serde_json::Value;

use super::{Follows, State, binding};

/// What is known of an object.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// As the watch told it, or as it was last written.
    pub(crate) observed: Observed,
    /// Its labels: groups select servers by them.
    labels: Value,
    /// The status that is being written.
    pub(crate) writing: Option<Status>,
    /// How far what follows from it has come.
    pub(crate) course: Course,
    /// Since when its status is another one than is written, since boot.
    pub(crate) moving: Option<Duration>,
}

/// How far what follows from an object has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Course {
    /// The number of the compilation that first had it as it is; none: it has changed since the last one.
    pub(crate) compiled: Option<u64>,
    /// Whether it is accepted, as of that one.
    pub(crate) accepted: bool,
    /// The revision that was the newest when that was written.
    pub(crate) since: Option<u64>,
}

impl State {
    /// Takes in an object of a kind.
    pub(super) fn put_object(&mut self, kind: Kind, key: ObjectKey, raw: Value) -> Follows {
        let id = (kind, key);
        let text = |name: &str| raw["metadata"][name].as_str().unwrap_or_default();
        let known = self.objects.get(&id).filter(|known| known.observed.uid == text("uid"));
        if known.is_some_and(|known| !newer(text("resourceVersion"), &known.observed.resource_version)) {
            // The echo of what we wrote ourselves, or older.
            return Follows::Nothing;
        }
        let labels = raw["metadata"]["labels"].clone();
        let caller = binding::caller(&self.resources, kind, &id.1);
        let Some(observed) = self.resources.put(kind, raw) else { return Follows::Nothing };
        let fallen = caller.filter(|_| binding::caller(&self.resources, kind, &id.1).is_none());
        let denied = fallen.into_iter().collect();
        match self.objects.get_mut(&id) {
            Some(known) if known.is_still(&observed, &labels) => {
                known.observed = observed;
                Follows::Look(id)
            }
            Some(known) => {
                // What is being written to an object of another uid is refused by the apiserver.
                known.writing.take_if(|_| known.observed.uid != observed.uid);
                *known = Known { labels, course: Course::default(), observed, ..known.clone() };
                Follows::Now { denied }
            }
            None => {
                let known = Known { observed, labels, writing: None, course: Course::default(), moving: None };
                *self.namespaces.entry(id.1.namespace.clone()).or_default() += 1;
                self.objects.insert(id, known);
                Follows::Soon
            }
        }
    }
}

impl Known {
    /// Whether an object is what it was but for its status.
    fn is_still(&self, observed: &Observed, labels: &Value) -> bool {
        let before = &self.observed;
        before.uid == observed.uid && before.generation == observed.generation && self.labels == *labels
    }
}

/// Whether a resourceVersion is later than another one of the same object. They are numbers in every Kubernetes; what is
/// none is taken for news unless it is the same.
pub(crate) fn newer(version: &str, than: &str) -> bool {
    match (version.parse::<u64>(), than.parse::<u64>()) {
        (Ok(version), Ok(than)) => version > than,
        _ => version != than,
    }
}
