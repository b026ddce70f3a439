//! One HTTP+SSE session with an upstream (revision 2024-11-05).
//!
//! A GET opens the one stream. Its first event names the endpoint to POST
//! messages to; all that the server says comes on the stream, where a reader
//! task sorts it. When the stream ends the session is lost, and whoever waits
//! for an answer fails.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use tokio::task::AbortHandle;

use super::handshake::{self, Hello};
use super::http::client::{Client, Repeat};
use super::http::drain;
use super::http::event_body::EventBody;
use super::http::headers::for_events;
use super::http::post::{Post, UnderWay};
use super::http::reply::{Media, Refusal, media};
use super::http::session::{Failure, add_version, last};
use super::routes::Routes;
use super::unasked::Unasked;
use super::{Era, Messages, Outcome, Reply, ReplyBody, UpstreamError};

/// An initialized session.
pub(crate) struct SseSession {
    post: Arc<Post>,
    routes: Arc<Routes>,
    reader: AbortHandle,
    /// None before it is initialized.
    hello: Option<Hello>,
}

impl SseSession {
    /// Opens the stream, learns the endpoint, initializes.
    pub(crate) async fn begin(client: &Arc<Client>, id: u64, unasked: &Unasked) -> Result<Self, UpstreamError> {
        let opened = tokio::time::timeout(client.connect_timeout, open(client));
        let late = || UpstreamError::new(Outcome::Unreachable, "the server did not open its event stream in time");
        let (stream, endpoint) = opened.await.unwrap_or_else(|_| Err(late()))?;
        let routes = Routes::new(client.max_response);
        let plain = Post::new(Arc::clone(client), endpoint, client.headers.clone());
        let reader = tokio::spawn(read(stream, Arc::clone(&routes), Arc::clone(&plain), unasked.clone()));
        let mut session = Self { post: plain, routes, reader: reader.abort_handle(), hello: None };
        let initialize = handshake::initialize(id, unasked.capabilities());
        let reply = session.exchange(id, initialize, Repeat::Never, None).await.map_err(Failure::into_error)?;
        let ReplyBody::Messages(mut messages) = reply.body else {
            return Err(wrong("the server answered elsewhere than on its event stream"));
        };
        let hello = handshake::hello(&last(&mut messages).await?, id)?;
        let mut headers = client.headers.clone();
        add_version(&mut headers, &hello);
        session.hello = Some(hello);
        session.post = Post::new(Arc::clone(client), session.post.endpoint().clone(), headers);
        session.notify(Bytes::from_static(handshake::INITIALIZED.as_bytes())).await?;
        Ok(session)
    }

    /// What the server said of itself.
    pub(crate) fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// One request in one POST; its messages come on the stream.
    pub(crate) async fn send(&self, id: u64, request: Bytes, repeat: Repeat) -> Result<Reply, Failure> {
        self.exchange(id, request, repeat, Some(UnderWay::new(&self.post, id))).await
    }

    async fn exchange(
        &self,
        id: u64,
        request: Bytes,
        repeat: Repeat,
        under_way: Option<UnderWay>,
    ) -> Result<Reply, Failure> {
        let routed = self.routes.open(id, under_way)?;
        let posted = self.post.message(request, repeat).await;
        let response = posted.inspect_err(|_| self.routes.forget(id))?;
        let status = response.status();
        if !status.is_success() {
            self.routes.forget(id);
            let media = media(response.headers());
            // A 400 is about this message: to begin again for it would end the stream that others wait on.
            let session_unknown = status == StatusCode::NOT_FOUND;
            return Failure::of(Refusal::read(response, &media, id).await, id, session_unknown);
        }
        drain(response.into_body()).await;
        Ok(Reply { id, era: Era::Legacy, body: ReplyBody::Messages(Messages::Routed(routed)) })
    }

    /// A notification, or a response to a request of the server; the status of its answer.
    pub(crate) async fn notify(&self, message: Bytes) -> Result<StatusCode, UpstreamError> {
        self.post.notify(message).await
    }

    /// Whether the stream has ended.
    pub(crate) fn lost(&self) -> bool {
        self.routes.closed()
    }
}

impl Drop for SseSession {
    fn drop(&mut self) {
        self.reader.abort();
        self.routes.close(&UpstreamError::new(Outcome::Unreachable, "the session with the server was ended"));
    }
}

/// Opens the stream and reads its first event.
async fn open(client: &Client) -> Result<(EventBody, Uri), UpstreamError> {
    let response = client.bare(Method::GET, &for_events(&client.headers, None), Repeat::Once).await?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(UpstreamError::status(status));
    }
    if media(response.headers()) != Media::Events {
        return Err(wrong("the server answered with something else than an event stream"));
    }
    let mut stream = EventBody::new(response.into_body(), client.max_response);
    let first = stream.next().await?.ok_or_else(ended)?;
    if &first.name[..] != b"endpoint" {
        return Err(wrong("the server's event stream does not begin with its endpoint"));
    }
    let reference = str::from_utf8(&first.data).map_err(|_| wrong("the server's endpoint is not UTF-8"))?;
    let endpoint = client.target.join(reference)?;
    Ok((stream, endpoint))
}

/// Sorts what comes on the stream until it ends.
async fn read(mut stream: EventBody, routes: Arc<Routes>, post: Arc<Post>, unasked: Unasked) {
    let ended = loop {
        match stream.next().await {
            Err(error) => break error,
            Ok(None) => break ended(),
            Ok(Some(event)) if matches!(&event.name[..], b"" | b"message") => {
                if let Some(answer) = routes.sort(event.data, &unasked) {
                    post.notify_in_background(answer);
                }
            }
            Ok(Some(_)) => {}
        }
    };
    routes.close(&ended);
    // Whoever ends the session ends this task before: the server did, or is gone.
    unasked.list_again();
}

fn ended() -> UpstreamError {
    UpstreamError::new(Outcome::Unreachable, "the server ended its event stream")
}

fn wrong(what: &str) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, what)
}
