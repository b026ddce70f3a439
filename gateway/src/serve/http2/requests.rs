//! The requests of a connection: how many there are, since when there is none, and whether one was the last.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

/// The requests of one connection.
pub(super) struct Requests {
    state: Mutex<State>,
    last: Notify,
}

struct State {
    open: usize,
    /// When the last one ended, or the connection began.
    since: Instant,
}

/// A request, from its head to the end of its answer, and to the end of what goes on without its client.
pub(super) struct Open(Arc<Requests>);

impl Default for Requests {
    fn default() -> Self {
        Self { state: Mutex::new(State { open: 0, since: Instant::now() }), last: Notify::new() }
    }
}

impl Requests {
    /// Begins one; none if there are as many as there may be.
    pub(super) fn begin(requests: &Arc<Self>, most: usize) -> Option<Open> {
        let mut state = requests.state.lock();
        if state.open >= most {
            return None;
        }
        state.open += 1;
        Some(Open(requests.clone()))
    }

    /// The connection is to end with those that are open.
    pub(super) fn say_last(&self) {
        self.last.notify_one();
    }

    /// Returns when that was said.
    pub(super) async fn said_last(&self) {
        self.last.notified().await;
    }

    /// Returns once no request was open for this long from now on, or a quarter of it later.
    pub(super) async fn idle(&self, long: Duration) {
        let began = Instant::now();
        loop {
            let idle = {
                let state = self.state.lock();
                (state.open == 0).then(|| state.since.max(began) + long)
            };
            match idle {
                Some(until) if until <= Instant::now() => return,
                Some(until) => sleep_until(until).await,
                None => sleep(long / 4).await,
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.open -= 1;
        state.since = Instant::now();
    }
}
