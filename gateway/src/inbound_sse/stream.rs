//! One stream to a client: what is queued for it, how many of its requests are
//! answered at once, and its session once there is one.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::body::{Chunk, Stream};
use crate::event;
use crate::networks::Side;
use crate::reject::Reject;
use crate::session::Session;

/// Events that wait for a slow client.
const QUEUE: usize = 8;
/// Requests that are answered at once; a POST that is one more waits for its 202.
const REQUESTS: u32 = 64;
/// How long a POST waits for its turn.
const TURN: Duration = Duration::from_secs(30);
/// How long the queue of a client may stay full, before the stream is cut.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// A stream to a client.
pub struct SseStream {
    path: String,
    side: Side,
    queue: mpsc::Sender<Chunk>,
    requests: Arc<Semaphore>,
    session: OnceLock<Session>,
    over: watch::Sender<bool>,
}

impl SseStream {
    /// A stream that was asked for at a path and from a side, with its first event; and the body that it is.
    pub fn open((path, side): (&str, Side), first: Bytes) -> (Arc<Self>, Stream) {
        let (queue, body) = Stream::channel(QUEUE);
        // A fresh queue has room.
        let _ = queue.try_send(Chunk::Data(first));
        let requests = Arc::new(Semaphore::new(REQUESTS as usize));
        let over = watch::Sender::new(false);
        (Arc::new(Self { path: path.to_owned(), side, queue, requests, session: OnceLock::new(), over }), body)
    }

    /// The path that it was asked for at, which narrows what its client is told of.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// From where it was asked for.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The session, from `initialize` on.
    pub fn session(&self) -> Option<Session> {
        self.session.get().copied()
    }

    /// Begins the session; gives it back if there is one already.
    pub fn begin(&self, session: Session) -> Result<(), Session> {
        self.session.set(session)
    }

    /// A place among the requests that are answered, when it is there.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Reject> {
        tokio::select! {
            biased;
            () = self.over() => Err(Reject::NoSuchSession),
            place = timeout(TURN, self.requests.clone().acquire_owned()) => {
                // The semaphore is never closed, so that only time can fail it.
                place.ok().and_then(Result::ok).ok_or(Reject::Busy)
            }
        }
    }

    /// Returns when no request is being answered; none will be from then on.
    pub async fn is_idle(&self) {
        if let Ok(all) = self.requests.acquire_many(REQUESTS).await {
            all.forget();
        }
    }

    /// Queues an event. A client that takes nothing for too long is cut off.
    pub async fn send(&self, event: Bytes) {
        if timeout(PATIENCE, self.queue.send(Chunk::Data(event))).await.is_err() {
            self.over.send_replace(true);
        }
    }

    /// Returns when the stream is over, and with it all that is done for its client.
    pub async fn over(&self) {
        // The sender is here for as long as this is borrowed.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    /// Keeps the stream alive until the client leaves, is cut off, or `end` says that it is enough: then the client is
    /// told that this is all.
    pub async fn keep(&self, end: impl Future<Output = ()>) {
        let mut keep_alive = interval(KEEP_ALIVE);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        let living = async {
            loop {
                keep_alive.tick().await;
                // A queue that is full is life enough.
                let _ = self.queue.try_send(Chunk::Data(Bytes::from_static(event::COMMENT)));
            }
        };
        tokio::select! {
            () = self.queue.closed() => {}
            () = self.over() => {}
            () = end => drop(self.queue.try_send(Chunk::End)),
            () = living => {}
        }
        self.over.send_replace(true);
    }
}

#[cfg(test)]
mod tests;
