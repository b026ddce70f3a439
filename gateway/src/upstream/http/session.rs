//! One Streamable HTTP session with an upstream: begun, used, ended.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use http_body_util::{BodyExt, Limited};

use super::client::{Client, Repeat};
use super::events::drain;
use super::headers::{PROTOCOL_VERSION, SESSION_ID};
use super::listen::Listener;
use super::post::{Post, UnderWay};
use super::reply::{self, Fallback, Refusal};
use crate::upstream::handshake::{self, Hello};
use crate::upstream::routes::too_large;
use crate::upstream::unasked::Unasked;
use crate::upstream::{Era, Messages, Outcome, Reply, ReplyBody, UpstreamError};

/// An initialized session. A server that gave no session id keeps none, and cannot forget it.
pub(crate) struct Session {
    post: Arc<Post>,
    named: bool,
    listener: Listener,
    hello: Hello,
}

/// Why a request of a session has no reply.
pub(crate) enum Failure {
    /// The server does not know the session, or is of another era by now: it processed nothing.
    Forgotten(Forgotten),
    /// The server finds that the headers do not say what the request says: it processed nothing, and what it listed last
    /// does not hold any more.
    Stale(UpstreamError),
    /// Anything else.
    Failed(UpstreamError),
}

/// A refusal that says that the session, or its era, is unknown. It stands if that happens again.
pub(crate) struct Forgotten {
    pub(super) refusal: Refusal,
    pub(super) id: u64,
    pub(super) era: Era,
}

impl Session {
    /// `initialize` and `notifications/initialized`.
    pub(crate) async fn begin(
        client: &Arc<Client>,
        id: u64,
        unasked: &Unasked,
    ) -> Result<Self, (UpstreamError, Fallback)> {
        let fatal = |error| (error, Fallback::None);
        let path = &client.target.path;
        let message = handshake::initialize(id, unasked.capabilities());
        let response = client.post(path, &client.headers, message, Repeat::Once).await.map_err(fatal)?;
        let given = response.headers().get(SESSION_ID).cloned();
        let reply = reply::read(response, id, client.max_response, None).await.map_err(Refusal::of_initialize)?;
        let answer = whole(reply, client.max_response).await.map_err(fatal)?;
        let hello = handshake::hello(&answer, id).map_err(fatal)?;
        let mut headers = client.headers.clone();
        let named = given.is_some();
        if let Some(session_id) = given {
            headers.insert(SESSION_ID, session_id_of(session_id).map_err(fatal)?);
        }
        add_version(&mut headers, &hello);
        let post = Post::new(Arc::clone(client), path.clone(), headers);
        // A notification has no answer: a server that dislikes this one will say so of the first request.
        post.notify(Bytes::from_static(handshake::INITIALIZED.as_bytes())).await.map_err(fatal)?;
        let listener = Listener::start(Arc::clone(&post), unasked.clone(), named).await;
        Ok(Self { post, named, listener, hello })
    }

    /// Whether the server said, unasked, that it does not know the session any more.
    pub(crate) fn lost(&self) -> bool {
        self.listener.forgotten()
    }

    /// What the server said of itself.
    pub(crate) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// One request, in exactly one POST.
    pub(crate) async fn send(&self, id: u64, request: Bytes, repeat: Repeat) -> Result<Reply, Failure> {
        let mut under_way = UnderWay::new(&self.post, id);
        let response = self.post.message(request, repeat).await.inspect_err(|_| under_way.answered())?;
        match reply::read(response, id, self.post.client().max_response, Some(under_way)).await {
            Ok(body) => Ok(Reply { id, era: Era::Legacy, body }),
            Err(refusal) => Failure::of(refusal, id, self.named),
        }
    }

    /// A notification, or a response to a request of the server; the status of its answer.
    pub(crate) async fn notify(&self, message: Bytes) -> Result<http::StatusCode, UpstreamError> {
        self.post.notify(message).await
    }

    /// Tells the server that the session is over, if it has a name.
    pub(crate) async fn end(&self) {
        self.listener.stop();
        if self.named {
            // Best effort: a server may refuse to end sessions, and every one ends by itself some day.
            if let Ok(response) = self.post.client().bare(Method::DELETE, self.post.headers(), Repeat::Once).await {
                drain(response.into_body()).await;
            }
        }
    }
}

impl Failure {
    /// What a refusal is to a request: an answer after all, a forgotten session, or a failure.
    pub(crate) fn of(refusal: Refusal, id: u64, named: bool) -> Result<Reply, Self> {
        let forgotten = Forgotten { refusal, id, era: Era::Legacy };
        let refusal = &forgotten.refusal;
        if (named && refusal.session_unknown()) || refusal.version_refused() || refusal.headers_refused() {
            return Err(Failure::Forgotten(forgotten));
        }
        forgotten.into_reply().map_err(Failure::Failed)
    }

    /// The error, where there is no session to begin again.
    pub(crate) fn into_error(self) -> UpstreamError {
        match self {
            Failure::Forgotten(forgotten) => forgotten.refusal.error,
            Failure::Failed(error) | Failure::Stale(error) => error,
        }
    }
}

impl Forgotten {
    /// The outcome where the session is not begun again.
    pub(crate) fn into_reply(self) -> Result<Reply, UpstreamError> {
        self.refusal.into_reply().map(|body| Reply { id: self.id, era: self.era, body })
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        Failure::Failed(error)
    }
}

/// The header of the negotiated revision: there is one from 2025-06-18 on.
pub(crate) fn add_version(headers: &mut HeaderMap, hello: &Hello) {
    if hello.version >= "2025-06-18" {
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(hello.version));
    }
}

fn session_id_of(mut value: HeaderValue) -> Result<HeaderValue, UpstreamError> {
    let visible = !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_graphic);
    value.set_sensitive(true);
    if visible {
        Ok(value)
    } else {
        Err(UpstreamError::new(Outcome::UpstreamError, "the server's session id is not visible ASCII"))
    }
}

/// The response alone, of a reply that is read as a whole. What else comes is of no use before a session has begun.
pub(super) async fn whole(reply: ReplyBody, limit: u64) -> Result<Bytes, UpstreamError> {
    match reply {
        ReplyBody::Json(body) => {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            match Limited::new(body, limit).collect().await {
                Ok(body) => Ok(body.to_bytes()),
                Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
                Err(_) => Err(UpstreamError::new(Outcome::Unreachable, "the connection to the server broke")),
            }
        }
        ReplyBody::Messages(mut messages) => last(&mut messages).await,
    }
}

/// The last message of a reply: its response.
pub(crate) async fn last(messages: &mut Messages) -> Result<Bytes, UpstreamError> {
    let mut last = None;
    while let Some(message) = messages.next().await {
        last = Some(message?);
    }
    last.ok_or_else(|| UpstreamError::new(Outcome::Unreachable, "the server ended without its answer"))
}
