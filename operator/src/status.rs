//! Statuses on their way to the apiserver: the latest of each object, a few at
//! once, and no faster than an apiserver that has other things to do may like.
//!
//! ```text
//! compiler ─► Statuses (the latest of each object) ─► 8 writers ─► Written ─► compiler
//! ```

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crds::status::Status;
use crds::v1alpha1::API_VERSION;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::api::{self, MANAGER, WriteError};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::state::Id;
use crate::watch::resource;

/// How many are written at once.
const WRITERS: usize = 8;
/// The least time between two: twenty thousand new objects take 80 s, and what is revoked meanwhile goes past them.
const SPACING: Duration = Duration::from_millis(4);
/// The pause of a writer after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How many answers may wait to be heard.
const QUEUE: usize = 64;

/// Statuses that wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StatusQueue(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    more: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Queue {
    order: VecDeque<Id>,
    waiting: HashMap<Id, Write>,
    /// Being written: what comes for them waits, so that the last one stays.
    busy: BTreeSet<Id>,
}

/// A status to be written.
#[derive(Clone)]
pub(crate) struct Write {
    /// The object's uid: another object of the same name is not meant.
    pub(crate) uid: String,
    /// Its status.
    pub(crate) status: Status,
}

/// What came of a write.
#[derive(Debug)]
pub(crate) struct Written {
    /// The object.
    pub(crate) id: Id,
    /// Its uid.
    pub(crate) uid: String,
    /// The status, and the object's resourceVersion with it; none: it was not written, and will not be.
    pub(crate) outcome: Option<(Status, String)>,
}

impl StatusQueue {
    /// An empty one.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared { queue: Mutex::default(), more: Notify::new(), metrics }))
    }

    /// Takes the place of what waits for the same object.
    pub(crate) fn put(&self, id: Id, write: Write) {
        let mut queue = self.0.queue.lock();
        if queue.waiting.insert(id.clone(), write).is_none() {
            queue.order.push_back(id);
        }
        self.tell(&queue);
        drop(queue);
        self.0.more.notify_one();
    }

    /// Nothing that waits is to be written any more.
    pub(crate) fn clear(&self) {
        let mut queue = self.0.queue.lock();
        queue.order.clear();
        queue.waiting.clear();
        self.tell(&queue);
    }

    fn tell(&self, queue: &Queue) {
        self.0.metrics.statuses_waiting.set(i64::try_from(queue.waiting.len()).unwrap_or(i64::MAX));
    }

    /// The next one, of an object of which none is being written.
    async fn next(&self) -> (Id, Write) {
        loop {
            let more = self.0.more.notified();
            if let Some(next) = self.try_next() {
                return next;
            }
            more.await;
        }
    }

    fn try_next(&self) -> Option<(Id, Write)> {
        let mut queue = self.0.queue.lock();
        let place = queue.order.iter().position(|id| !queue.busy.contains(id))?;
        let id = queue.order.remove(place)?;
        let write = queue.waiting.remove(&id)?;
        queue.busy.insert(id.clone());
        self.tell(&queue);
        if !queue.order.is_empty() {
            self.0.more.notify_one();
        }
        Some((id, write))
    }

    /// It is not being written any more; `again`: it was not written, and is tried again unless a later one waits.
    fn done(&self, id: &Id, again: Option<Write>) {
        let mut queue = self.0.queue.lock();
        queue.busy.remove(id);
        if let Some(write) = again
            && !queue.waiting.contains_key(id)
        {
            queue.waiting.insert(id.clone(), write);
            queue.order.push_back(id.clone());
        }
        self.tell(&queue);
        drop(queue);
        self.0.more.notify_one();
    }
}

/// Writes what waits, in tasks that end when nobody hears what came of it.
pub(crate) fn start(
    client: &Client,
    queue: &StatusQueue,
    leadership: &Leadership,
    tasks: &mut JoinSet<&'static str>,
) -> mpsc::Receiver<Written> {
    let (tell, told) = mpsc::channel(QUEUE);
    let mut pace = interval(SPACING);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pace = Arc::new(tokio::sync::Mutex::new(pace));
    for _ in 0..WRITERS {
        let writer = Writer {
            client: client.clone(),
            queue: queue.clone(),
            leadership: leadership.clone(),
            pace: pace.clone(),
            tell: tell.clone(),
        };
        tasks.spawn(writer.run());
    }
    told
}

struct Writer {
    client: Client,
    queue: StatusQueue,
    leadership: Leadership,
    pace: Arc<tokio::sync::Mutex<Interval>>,
    tell: mpsc::Sender<Written>,
}

impl Writer {
    async fn run(self) -> &'static str {
        loop {
            self.pace.lock().await.tick().await;
            let (id, write) = tokio::select! {
                next = self.queue.next() => next,
                () = self.tell.closed() => return "a writer of statuses",
            };
            let (outcome, again) = match self.write(&id, &write).await {
                Ok(version) => {
                    self.queue.0.metrics.wrote("status");
                    (Some((write.status.clone(), version)), None)
                }
                // The object is gone or another one, or another process leads: the watch, or that process, knows.
                Err(WriteError::Conflict | WriteError::NotLeading) => (None, None),
                Err(WriteError::Refused(why)) => {
                    self.queue.0.metrics.failed_to_write("status");
                    tracing::error!("the status of {} {} is not written: {why}", id.0.as_str(), id.1);
                    (None, None)
                }
                Err(error) => {
                    self.queue.0.metrics.failed_to_write("status");
                    tracing::debug!("the status of {} {} is not written yet: {error}", id.0.as_str(), id.1);
                    sleep(PAUSE).await;
                    self.queue.done(&id, Some(write));
                    continue;
                }
            };
            self.queue.done(&id, again);
            let written = Written { id, uid: write.uid, outcome };
            if self.tell.send(written).await.is_err() {
                return "a writer of statuses";
            }
        }
    }

    /// The object's resourceVersion after it.
    async fn write(&self, (kind, key): &Id, write: &Write) -> Result<String, WriteError> {
        let objects: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &key.namespace, &resource(*kind));
        let fields = json!({
            "apiVersion": API_VERSION,
            "kind": kind.as_str(),
            // Without its resourceVersion: a change of its spec in between is none of the status, and says so by its
            // generation.
            "metadata": { "name": key.name, "namespace": key.namespace, "uid": write.uid },
            "status": write.status,
        });
        let (params, patch) = (PatchParams::apply(MANAGER).force(), Patch::Apply(fields));
        let request = objects.patch_status(&key.name, &params, &patch);
        let object = api::write(&self.leadership, request).await?;
        Ok(object.metadata.resource_version.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use crds::diagnostic::{Kind, ObjectKey};
    use crds::v1alpha1::McpAccessGroupStatus;

    use super::*;

    fn id(name: &str) -> Id {
        (Kind::McpAccessGroup, ObjectKey::new("a", name))
    }

    fn write(servers: u32) -> Write {
        let status = McpAccessGroupStatus { servers: Some(servers), ..McpAccessGroupStatus::default() };
        Write { uid: "u".to_owned(), status: Status::Group(status) }
    }

    fn next(queue: &StatusQueue) -> Option<(String, u32)> {
        let (id, write) = queue.try_next()?;
        let Status::Group(status) = write.status else { panic!("only groups were put") };
        Some((id.1.name, status.servers.unwrap_or_default()))
    }

    #[test]
    fn the_latest_status_of_an_object_is_written_in_the_place_of_the_first() {
        let queue = StatusQueue::new(Arc::default());
        queue.put(id("x"), write(1));
        queue.put(id("y"), write(2));
        queue.put(id("x"), write(3));
        assert_eq!(next(&queue), Some(("x".to_owned(), 3)));
        assert_eq!(next(&queue), Some(("y".to_owned(), 2)));
        assert_eq!(next(&queue), None);
    }

    #[test]
    fn two_statuses_of_an_object_are_never_on_their_way_at_once() {
        let queue = StatusQueue::new(Arc::default());
        queue.put(id("x"), write(1));
        assert_eq!(next(&queue), Some(("x".to_owned(), 1)));
        queue.put(id("x"), write(2));
        assert_eq!(next(&queue), None);
        // The first one failed: what came since is the one to try.
        queue.done(&id("x"), Some(write(1)));
        assert_eq!(next(&queue), Some(("x".to_owned(), 2)));
        queue.done(&id("x"), Some(write(2)));
        assert_eq!(next(&queue), Some(("x".to_owned(), 2)));
        queue.done(&id("x"), None);
        queue.clear();
        assert_eq!(next(&queue), None);
    }
}
