//! Where the messages of one session are POSTed, and what is POSTed in the
//! background, where nobody waits for the server to take it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::client::{Client, Repeat};
use super::events::drain;
use crate::upstream::UpstreamError;
use crate::upstream::message::cancelled;

/// Messages of one session under way at once in the background; further ones are dropped.
const MAX_BACKGROUND: usize = 8;

/// Where and with what messages are POSTed.
pub(crate) struct Post {
    client: Arc<Client>,
    endpoint: Uri,
    headers: HeaderMap,
    background: Arc<Semaphore>,
}

/// A request that the server works on. Dropped before its answer, the server is told that nobody waits any more: a
/// connection that ends does not say so (2025-11-25, basic/transports).
pub(crate) struct UnderWay {
    post: Arc<Post>,
    id: u64,
    answered: bool,
}

impl UnderWay {
    /// The request of this id.
    pub(crate) fn new(post: &Arc<Post>, id: u64) -> Self {
        Self { post: Arc::clone(post), id, answered: false }
    }

    /// Where it was POSTed.
    pub(crate) fn post(&self) -> &Arc<Post> {
        &self.post
    }

    /// There is nothing to cancel any more.
    pub(crate) fn answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.answered {
            self.post.notify_in_background(cancelled(self.id));
        }
    }
}

impl Post {
    pub(crate) fn new(client: Arc<Client>, endpoint: Uri, headers: HeaderMap) -> Arc<Self> {
        Arc::new(Self { client, endpoint, headers, background: Arc::new(Semaphore::new(MAX_BACKGROUND)) })
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn endpoint(&self) -> &Uri {
        &self.endpoint
    }

    /// What every message of the session bears.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// One message; the response's head, whatever its status.
    pub(crate) async fn message(&self, message: Bytes, repeat: Repeat) -> Result<Response<Incoming>, UpstreamError> {
        self.client.post(&self.endpoint, &self.headers, message, repeat).await
    }

    /// A notification, or a response to a request of the server; the status of its answer.
    pub(crate) async fn notify(&self, message: Bytes) -> Result<StatusCode, UpstreamError> {
        let response = self.message(message, Repeat::Never).await?;
        let status = response.status();
        drain(response.into_body()).await;
        Ok(status)
    }

    /// The same in the background, best effort: it has the time to connect, and what is too much is dropped.
    pub(crate) fn notify_in_background(self: &Arc<Self>, message: Bytes) {
        let permit = Arc::clone(&self.background).try_acquire_owned();
        let (Ok(permit), Ok(runtime)) = (permit, Handle::try_current()) else { return };
        let post = Arc::clone(self);
        runtime.spawn(async move {
            // A server that does not take it waits in vain, or goes on with what nobody wants.
            let _ = timeout(post.client.connect_timeout, post.notify(message)).await;
            drop(permit);
        });
    }
}
