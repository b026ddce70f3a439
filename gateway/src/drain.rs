//! How a port ends: first it says so, then it takes no more connections, and
//! what it has begun it finishes.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

/// The end of a port, as far as it has come.
pub struct Drain {
    leaving: AtomicBool,
    over: AtomicBool,
    closed: watch::Sender<Option<Instant>>,
}

impl Default for Drain {
    /// Not begun.
    fn default() -> Self {
        Self { leaving: AtomicBool::new(false), over: AtomicBool::new(false), closed: watch::Sender::new(None) }
    }
}

impl Drain {
    /// Requests are still taken, but each answer closes its connection, and whoever asks hears that others should be asked.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the end has begun.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// No more connections. What is held open without a request to answer ends now; requests under way have until then.
    pub fn close(&self, until: Instant) {
        self.leave();
        self.closed.send_replace(Some(until));
    }

    /// What is not answered by now is told so: nothing is waited for any more.
    pub fn give_up(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is waited for any more.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits until no more connections are taken; gives when requests under way end.
    pub async fn closed(&self) -> Instant {
        let mut closed = self.closed.subscribe();
        match closed.wait_for(Option::is_some).await.map(|until| *until) {
            Ok(Some(until)) => until,
            // The sender is here for as long as this is borrowed, and what it sent was just seen.
            _ => Instant::now(),
        }
    }
}
