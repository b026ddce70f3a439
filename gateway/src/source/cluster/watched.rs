//! One object of the apiserver, by its name, as it is now.
//!
//! The watch begins anew whenever it breaks, with a list, so that it is known
//! to be current from the first answer on. An outage changes nothing of what
//! was seen.

use std::error::Error;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use kube::{Api, Resource};
use kube_runtime::watcher::{self, Event, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::pause::Pause;

/// How long one watch lasts, in seconds. A connection that died without a word is noticed no later than that.
const WATCH: u32 = 30;
/// The first wait after a failure, and the longest: what changed while the apiserver was away is known soon after it is
/// back.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What is known of the object.
#[derive(Clone, Debug)]
pub(super) struct Seen<K> {
    /// The object, as it was when the apiserver last said something of it.
    pub(super) object: Object<K>,
    /// Why the apiserver is not heard at present.
    pub(super) lost: Option<String>,
}

/// An object, if there is one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Object<K> {
    /// The apiserver has not answered yet.
    Unknown,
    /// There is none.
    Absent,
    /// This.
    There(K),
}

/// An object that is watched. Dropped, it is no more.
pub(super) struct Watched<K> {
    seen: watch::Receiver<Seen<K>>,
    task: JoinHandle<()>,
}

impl<K> Watched<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    /// Watches the object of this name.
    pub(super) fn begin(api: Api<K>, name: &str) -> Self {
        let (sender, seen) = watch::channel(Seen { object: Object::Unknown, lost: None });
        let config = watcher::Config::default().fields(&format!("metadata.name={name}")).timeout(WATCH);
        Self { seen, task: tokio::spawn(follow(api, config, sender)) }
    }

    /// What is known of it now; from here on [`Self::changed`] tells of what is new.
    pub(super) fn look(&mut self) -> Seen<K> {
        self.seen.borrow_and_update().clone()
    }

    /// Waits until something else is known of it.
    pub(super) async fn changed(&mut self) {
        if self.seen.changed().await.is_err() {
            // Its task runs for as long as this is here.
            std::future::pending::<()>().await;
        }
    }
}

impl<K: Resource> Object<K> {
    /// Whether both are the same version, or neither is there.
    fn is_of_version(&self, other: &Self) -> bool {
        match (self, other) {
            (Object::There(one), Object::There(other)) => one.meta().resource_version == other.meta().resource_version,
            (Object::Absent, Object::Absent) | (Object::Unknown, Object::Unknown) => true,
            _ => false,
        }
    }
}

impl<K> Drop for Watched<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow<K>(api: Api<K>, config: watcher::Config, seen: watch::Sender<Seen<K>>)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let mut pause = Pause::new(PAUSES.0, PAUSES.1);
    loop {
        let mut events = pin!(watcher(api.clone(), config.clone()));
        let mut listed = None;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed = None,
                Ok(Event::InitApply(object)) => listed = Some(object),
                Ok(Event::InitDone) => {
                    pause.reset();
                    note(&seen, listed.take());
                }
                Ok(Event::Apply(object)) => note(&seen, Some(object)),
                Ok(Event::Delete(_)) => note(&seen, None),
                Err(error) => {
                    lose(&seen, &error);
                    break;
                }
            }
        }
        sleep(pause.failed()).await;
    }
}

fn note<K: Resource>(seen: &watch::Sender<Seen<K>>, object: Option<K>) {
    let object = object.map_or(Object::Absent, Object::There);
    seen.send_if_modified(|seen| {
        let is_news = seen.lost.is_some() || !seen.object.is_of_version(&object);
        *seen = Seen { object, lost: None };
        is_news
    });
}

fn lose<K>(seen: &watch::Sender<Seen<K>>, error: &watcher::Error) {
    let why = innermost(error);
    tracing::debug!("a watch ended: {why}");
    seen.send_if_modified(|seen| {
        let is_news = seen.lost.as_ref() != Some(&why);
        seen.lost = Some(why);
        is_news
    });
}

/// What an error comes down to: of those around it each repeats the next.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// What is said while the apiserver has not answered once.
pub(super) fn away(lost: Option<String>) -> String {
    match lost {
        Some(why) => format!("the apiserver cannot be asked: {why}"),
        None => "waiting for the apiserver".to_owned(),
    }
}
