//! What a server lists to a caller whose own values may change that: one list
//! at a time, which goes on when the request that asked for it does not wait.

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::catalogue::Catalogue;

/// The list of one session.
#[derive(Default)]
pub struct OwnList {
    /// As it was read last.
    pub catalogue: ArcSwap<Catalogue>,
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    ended: bool,
    /// The list under way, or the last one. The channel closes when it is over.
    last: Option<(watch::Receiver<()>, AbortHandle)>,
}

impl OwnList {
    /// Joins the list under way, or begins `read` if there is none and the catalogue is not fresh by now. What is
    /// returned closes when the list is over; none if there is nothing to wait for.
    pub fn read<F>(
        &self,
        is_fresh: impl FnOnce(&Catalogue) -> bool,
        read: impl FnOnce() -> F,
    ) -> Option<watch::Receiver<()>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut reading = self.reading.lock();
        if let Some((over, _)) = &reading.last
            && over.has_changed().is_ok()
        {
            return Some(over.clone());
        }
        if reading.ended || is_fresh(&self.catalogue.load()) {
            return None;
        }
        let (under_way, over) = watch::channel(());
        let read = read();
        let task = tokio::spawn(async move {
            read.await;
            drop(under_way);
        });
        reading.last = Some((over.clone(), task.abort_handle()));
        Some(over)
    }

    /// Has the list read again when it is next asked for; until then it is known as it is.
    pub fn outdate(&self) {
        self.catalogue.rcu(|known| {
            let mut known = Catalogue::clone(known);
            known.read = None;
            Arc::new(known)
        });
    }

    /// Ends the list under way, and lets none begin; returns when it is over.
    pub async fn stop(self: Arc<Self>) {
        let last = {
            let mut reading = self.reading.lock();
            reading.ended = true;
            reading.last.take()
        };
        if let Some((over, task)) = last {
            task.abort();
            closed(over).await;
        }
    }
}

/// Returns when the list is over.
pub async fn closed(mut over: watch::Receiver<()>) {
    while over.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn requests_share_one_list_which_outlives_them() {
        let list = Arc::new(OwnList::default());
        let begun = Arc::new(AtomicUsize::new(0));
        let (go, gate) = watch::channel(false);
        let read = || {
            let (begun, mut gate) = (begun.clone(), gate.clone());
            move || async move {
                begun.fetch_add(1, Ordering::SeqCst);
                gate.wait_for(|open| *open).await.unwrap();
            }
        };
        let first = list.read(|_| false, read()).unwrap();
        let second = list.read(|_| false, read()).unwrap();
        drop(first);
        go.send(true).unwrap();
        closed(second).await;
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        assert!(list.read(|_| true, read()).is_none(), "a fresh list is not read again");
        closed(list.read(|_| false, read()).unwrap()).await;
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_list_ends_with_its_session_and_none_begins_after() {
        let list = Arc::new(OwnList::default());
        let over = list.read(|_| false, std::future::pending).unwrap();
        list.clone().stop().await;
        closed(over).await;
        assert!(list.read(|_| false, std::future::pending).is_none());
    }
}
