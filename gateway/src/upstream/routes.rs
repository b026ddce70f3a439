//! Who waits for what on a channel that many requests share: one HTTP+SSE
//! stream, or one child's standard output.
//!
//! The channel's reader calls [`Routes::sort`] for each message; requests wait
//! on the [`Routed`] that [`Routes::open`] gave them. A slow caller never holds
//! the reader up: its progress is dropped when its queue is full, its response
//! always has room.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::http::post::UnderWay;
use super::message::{self, Kind};
use super::unasked::Unasked;
use super::{Outcome, Routed, UpstreamError};

/// Messages kept for a caller who does not read; the last place is the response's.
const QUEUE: usize = 64;

/// The requests under way on one channel.
pub(crate) struct Routes {
    /// The error that closed the channel, once it is closed.
    waiting: Mutex<Result<HashMap<u64, Waiting>, UpstreamError>>,
    /// The most bytes of all messages of one request.
    limit: u64,
}

struct Waiting {
    queue: mpsc::Sender<Result<Bytes, UpstreamError>>,
    /// What the limit leaves.
    left: u64,
}

/// Removes a request when nobody waits for it any more.
struct Forget {
    routes: Arc<Routes>,
    id: u64,
    /// Tells the server, where it can be told.
    under_way: Option<UnderWay>,
}

impl Routes {
    /// No requests yet; each may be answered with `limit` bytes in all.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::new(Ok(HashMap::new())), limit })
    }

    /// Begins to wait for the messages of a request; before it is sent. Fails once the channel is closed. What is
    /// `under_way` is cancelled if the caller goes away before the answer.
    pub(crate) fn open(self: &Arc<Self>, id: u64, under_way: Option<UnderWay>) -> Result<Routed, UpstreamError> {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let forget = Forget { routes: Arc::clone(self), id, under_way };
        self.waiting.lock().as_mut().map_err(|closed| closed.clone())?.insert(id, Waiting { queue, left: self.limit });
        Ok(Routed::new(receiver, Box::new(forget)))
    }

    /// Takes a request back that was not sent, or not taken.
    pub(crate) fn forget(&self, id: u64) {
        self.remove(id);
    }

    /// Whether somebody waited for it.
    fn remove(&self, id: u64) -> bool {
        self.waiting.lock().as_mut().is_ok_and(|requests| requests.remove(&id).is_some())
    }

    /// Gives a message to the request that it belongs to, or else to who hears what is said unasked; our own answer, where
    /// the server has to have one.
    pub(crate) fn sort(&self, message: Bytes, unasked: &Unasked) -> Option<Bytes> {
        match message::kind(&message)? {
            Kind::Response { id: Some(id) } => self.deliver(id, message, true),
            Kind::Notification { progress: Some(id), .. } => self.deliver(id, message, false),
            kind => {
                if let Some(id) = self.only().filter(|_| unasked.is_of_call(&kind)) {
                    self.deliver(id, message.clone(), false);
                    return None;
                }
                return unasked.take(&kind, &message);
            }
        }
        None
    }

    /// The one request under way, if there is just one.
    fn only(&self) -> Option<u64> {
        let waiting = self.waiting.lock();
        let mut requests = waiting.as_ref().ok()?.keys();
        requests.next().copied().filter(|_| requests.next().is_none())
    }

    fn deliver(&self, id: u64, message: Bytes, last: bool) {
        let mut waiting = self.waiting.lock();
        let Ok(requests) = waiting.as_mut() else { return };
        let Some(request) = requests.get_mut(&id) else { return };
        let size = message.len() as u64;
        let fits = size <= request.left;
        if fits && !last && request.queue.capacity() <= 1 {
            return;
        }
        request.left = request.left.saturating_sub(size);
        let item = if fits { Ok(message) } else { Err(too_large()) };
        let done = last || item.is_err();
        // Fails only if the caller has just gone; its Forget does the rest.
        let _ = request.queue.try_send(item);
        if done {
            requests.remove(&id);
        }
    }

    /// Closes the channel: every waiting request fails, and every later one.
    pub(crate) fn close(&self, error: &UpstreamError) {
        let mut waiting = self.waiting.lock();
        let Ok(requests) = waiting.as_mut() else { return };
        for request in requests.values() {
            let _ = request.queue.try_send(Err(error.clone()));
        }
        *waiting = Err(error.clone());
    }

    /// Whether the channel is closed.
    pub(crate) fn closed(&self) -> bool {
        self.waiting.lock().is_err()
    }
}

impl Drop for Forget {
    fn drop(&mut self) {
        if let (false, Some(under_way)) = (self.routes.remove(self.id), &mut self.under_way) {
            under_way.answered();
        }
    }
}

/// The failure of an answer beyond the server's limit.
pub(crate) fn too_large() -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, "the answer is larger than maxResponseBytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::Capabilities;
    use crate::upstream::Messages;

    fn response(id: u64) -> Bytes {
        Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#))
    }

    fn progress(id: u64) -> Bytes {
        let method = "notifications/progress";
        Bytes::from(format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"progressToken":{id}}}}}"#))
    }

    fn nobody() -> Unasked {
        Unasked::new(None, Capabilities::default(), tokio::sync::watch::Sender::new(0))
    }

    async fn received(routed: Routed) -> Vec<Result<Bytes, Outcome>> {
        let mut messages = Messages::Routed(routed);
        let mut all = Vec::new();
        while let Some(message) = messages.next().await {
            all.push(message.map_err(|error| error.outcome));
        }
        all
    }

    #[tokio::test]
    async fn r3_each_request_gets_its_own_messages_and_the_response_last() {
        let routes = Routes::new(1000);
        let (one, two) = (routes.open(1, None).unwrap(), routes.open(2, None).unwrap());
        for message in [progress(2), response(2), progress(1), progress(2), response(3), response(1)] {
            assert_eq!(routes.sort(message, &nobody()), None);
        }
        assert_eq!(received(one).await, [Ok(progress(1)), Ok(response(1))]);
        assert_eq!(received(two).await, [Ok(progress(2)), Ok(response(2))]);
    }

    #[tokio::test]
    async fn a_caller_who_does_not_read_loses_progress_and_never_the_response() {
        let routes = Routes::new(1_000_000);
        let slow = routes.open(1, None).unwrap();
        for _ in 0..1000 {
            routes.sort(progress(1), &nobody());
        }
        routes.sort(response(1), &nobody());
        let all = received(slow).await;
        assert_eq!(all.len(), QUEUE);
        assert_eq!(all.last(), Some(&Ok(response(1))));
    }

    #[tokio::test]
    async fn the_sum_of_a_requests_messages_is_bounded() {
        let size = progress(1).len() as u64;
        let routes = Routes::new(size * 2);
        let request = routes.open(1, None).unwrap();
        for _ in 0..3 {
            routes.sort(progress(1), &nobody());
        }
        assert_eq!(received(request).await, [Ok(progress(1)), Ok(progress(1)), Err(Outcome::UpstreamError)]);
    }

    #[tokio::test]
    async fn a_closed_channel_fails_all_who_wait_and_all_who_come() {
        let routes = Routes::new(1000);
        let request = routes.open(1, None).unwrap();
        routes.close(&UpstreamError::new(Outcome::Unreachable, "gone"));
        assert_eq!(received(request).await, [Err(Outcome::Unreachable)]);
        assert!(routes.closed());
        assert!(routes.open(2, None).is_err());
    }

    #[test]
    fn who_no_longer_waits_is_forgotten() {
        let routes = Routes::new(1000);
        drop(routes.open(1, None).unwrap());
        assert!(routes.waiting.lock().as_ref().unwrap().is_empty());
    }
}
