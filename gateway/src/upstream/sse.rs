//! One HTTP+SSE session with an upstream (revision 2024-11-05).
//!
//! A GET opens the one stream. Its first event names the endpoint to POST
//! messages to; all that the server says comes on the stream, where a reader
//! task sorts it. When the stream ends the session is lost, and whoever waits
//! for an answer fails.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::task::AbortHandle;

use super::event_stream::{Decoder, Event};
use super::handshake::{self, Hello};
use super::http::client::{Client, Repeat, broke};
use super::http::drain;
use super::http::post::Post;
use super::http::reply::{Media, Refusal, media};
use super::http::session::{Failure, add_version, last};
use super::routes::{Routes, too_large};
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

/// The events of the stream.
struct Stream {
    body: Incoming,
    decoder: Decoder,
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
        let reply = session.send(id, initialize, Repeat::Never).await.map_err(Failure::into_error)?;
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
        let routed = self.routes.open(id)?;
        let response = self.post.message(request, repeat).await?;
        let status = response.status();
        if !status.is_success() {
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

impl Stream {
    /// The next event; an error once the stream has ended.
    async fn next(&mut self) -> Result<Event, UpstreamError> {
        loop {
            if let Some(event) = self.decoder.next().map_err(|_| too_large())? {
                return Ok(event);
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(chunk) = frame.data_ref() {
                        self.decoder.push(chunk);
                    }
                }
                Some(Err(error)) => return Err(broke(&error)),
                None => return Err(UpstreamError::new(Outcome::Unreachable, "the server ended its event stream")),
            }
        }
    }
}

/// Opens the stream and reads its first event.
async fn open(client: &Client) -> Result<(Stream, Uri), UpstreamError> {
    let mut headers = client.headers.clone();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    let response = client.bare(Method::GET, &headers, Repeat::Once).await?;
    let status = response.status();
    if status != StatusCode::OK {
        return Err(UpstreamError::status(status));
    }
    if media(response.headers()) != Media::Events {
        return Err(wrong("the server answered with something else than an event stream"));
    }
    let limit = usize::try_from(client.max_response).unwrap_or(usize::MAX);
    let mut stream = Stream { body: response.into_body(), decoder: Decoder::new(limit) };
    let first = stream.next().await?;
    if &first.name[..] != b"endpoint" {
        return Err(wrong("the server's event stream does not begin with its endpoint"));
    }
    let reference = str::from_utf8(&first.data).map_err(|_| wrong("the server's endpoint is not UTF-8"))?;
    let endpoint = client.target.join(reference)?;
    Ok((stream, endpoint))
}

/// Sorts what comes on the stream until it ends.
async fn read(mut stream: Stream, routes: Arc<Routes>, post: Arc<Post>, unasked: Unasked) {
    let ended = loop {
        match stream.next().await {
            Err(error) => break error,
            Ok(event) if matches!(&event.name[..], b"" | b"message") => {
                if let Some(answer) = routes.sort(event.data, &unasked) {
                    post.notify_in_background(answer);
                }
            }
            Ok(_) => {}
        }
    };
    routes.close(&ended);
    // Whoever ends the session ends this task before: the server did, or is gone.
    unasked.list_again();
}

fn wrong(what: &str) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, what)
}
