//! A request whose client has gone: dropped with its connection, or heard out to its end where that is what the protocol
//! wants.
//!
//! The place of a connection's requests is made once, so that none of them costs an allocation.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::Response;
use parking_lot::Mutex;

use crate::body::Body;

/// Whether the request at hand goes on without its client. It does not before somebody says so.
#[derive(Clone, Default)]
pub struct GoesOn(Arc<AtomicBool>);

/// Where a connection's requests are handled, one after the other.
pub(super) struct Place<F> {
    goes_on: GoesOn,
    idle: Arc<Mutex<Option<Room<F>>>>,
}

type Room<F> = Pin<Box<Option<F>>>;

/// One request.
pub(super) struct Handling<F: Future<Output = Response<Body>> + Send + 'static> {
    room: Option<Room<F>>,
    goes_on: GoesOn,
    idle: Arc<Mutex<Option<Room<F>>>>,
}

impl GoesOn {
    /// The request goes on.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<F> Default for Place<F> {
    fn default() -> Self {
        Self { goes_on: GoesOn::default(), idle: Arc::default() }
    }
}

impl<F: Future<Output = Response<Body>> + Send + 'static> Place<F> {
    /// Begins a request.
    pub(super) fn begin(&self, handler: impl FnOnce(GoesOn) -> F) -> Handling<F> {
        self.goes_on.0.store(false, Ordering::Release);
        let mut room = self.idle.lock().take().unwrap_or_else(|| Box::pin(None));
        room.set(Some(handler(self.goes_on.clone())));
        Handling { room: Some(room), goes_on: self.goes_on.clone(), idle: self.idle.clone() }
    }
}

impl<F: Future<Output = Response<Body>> + Send + 'static> Future for Handling<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.room.as_mut().and_then(|room| room.as_mut().as_pin_mut()) else {
            return Poll::Pending;
        };
        let Poll::Ready(response) = future.poll(context) else { return Poll::Pending };
        if let Some(mut room) = self.room.take() {
            room.set(None);
            *self.idle.lock() = Some(room);
        }
        Poll::Ready(Ok(response))
    }
}

impl<F: Future<Output = Response<Body>> + Send + 'static> Drop for Handling<F> {
    fn drop(&mut self) {
        let Some(mut room) = self.room.take().filter(|_| self.goes_on.0.load(Ordering::Acquire)) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let rest = std::future::poll_fn(|context| match room.as_mut().as_pin_mut() {
                    Some(future) => future.poll(context).map(Some),
                    None => Poll::Ready(None),
                });
                // A body that is streamed sees to itself.
                drop(rest.await);
            });
        }
    }
}
