//! The streams of a connection, each a task, and the end of one whose client does not take what it is sent (R13).
//!
//! That a connection stands still is seen where it is written to ([`crate::steady`]). Here a client may take from some
//! streams and let others wait: such a stream alone is reset.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::rt::Executor;
use parking_lot::Mutex;
use tokio::time::{Instant, interval};

use super::STALL;
use super::requests::Open;
use crate::body::{Aborted, Body};

/// The largest part of a body that is given to hyper at once, in bytes: that much it keeps, whether the client takes it or
/// not. The largest frame that a client has to take (RFC 9113, 6.5.2).
const PART: usize = 16 * 1024;

/// Runs the streams of a connection.
#[derive(Clone, Default)]
pub(super) struct Streams {
    /// Of the stream that is run next: hyper calls the service and then, before anything else, this.
    next: Arc<Mutex<Option<Arc<Taken>>>>,
}

/// Since when a part of a stream's body waits for its client.
#[derive(Default)]
pub(super) struct Taken(Mutex<Option<Instant>>);

/// The body of an answer, part by part.
pub(super) struct Parts {
    body: Body,
    /// Of what the body gave, what has not been given yet.
    rest: Bytes,
    taken: Arc<Taken>,
    /// Held for what it counts.
    _open: Option<Arc<Open>>,
}

impl Streams {
    /// The next stream.
    pub(super) fn begin(&self) -> Arc<Taken> {
        self.next.lock().insert(Arc::default()).clone()
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let taken = self.next.lock().take().unwrap_or_default();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stream => {}
                // Dropped before its end, the stream is reset.
                () = taken.waits_too_long() => {}
            }
        });
    }
}

impl Taken {
    async fn waits_too_long(&self) {
        let mut look = interval(STALL / 4);
        loop {
            look.tick().await;
            if self.0.lock().is_some_and(|since| since.elapsed() >= STALL) {
                return;
            }
        }
    }
}

impl Parts {
    pub(super) fn new(body: Body, taken: Arc<Taken>, open: Option<Arc<Open>>) -> Self {
        Self { body, rest: Bytes::new(), taken, _open: open }
    }
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let this = self.get_mut();
        // Who asks for more has sent what it had.
        *this.taken.0.lock() = None;
        while this.rest.is_empty() {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    // Trailers, which end it.
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        *this.taken.0.lock() = Some(Instant::now());
        let part = this.rest.split_to(this.rest.len().min(PART));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, hint) = (self.rest.len() as u64, self.body.size_hint());
        match hint.exact() {
            Some(exact) => SizeHint::with_exact(exact + rest),
            None => SizeHint::default(),
        }
    }
}
