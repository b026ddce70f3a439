//! The stream on which a Streamable HTTP server speaks unasked: the GET of a
//! session, for as long as the session lives.
//!
//! It has a connection of its own. A server that refuses it when it is asked
//! first has none, and is not asked again; one that ends it is asked again after
//! a while, from where it ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::event_body::EventBody;
use super::headers::for_events;
use super::post::Post;
use super::resume::{Resume, Unopened, events};
use crate::upstream::message;
use crate::upstream::unasked::Unasked;
use crate::upstream::{Outcome, UpstreamError};

/// A stream that was open for so long has worked, though nothing came: there was nothing to say.
const LONG: Duration = Duration::from_secs(30);

/// How long a session's first request waits for the stream to be open. A server need not begin its answer before it has
/// something to say.
const OPEN_WITHIN: Duration = Duration::from_millis(500);

/// Hears a session's server until it is dropped.
pub(crate) struct Listener {
    task: AbortHandle,
    forgotten: Arc<AtomicBool>,
}

/// What its task has.
struct Ear {
    post: Arc<Post>,
    unasked: Unasked,
    /// Whether the server gave the session a name, which it can forget.
    named: bool,
    forgotten: Arc<AtomicBool>,
    resume: Resume,
    /// Dropped once the server has answered, however, for the first time.
    opening: Option<oneshot::Sender<()>>,
}

/// What a refusal means.
enum Next {
    /// It may be otherwise later.
    Later,
    Never,
    Forgotten,
}

impl Listener {
    /// Begins to listen, in a task of its own. Where it is for one client, what the server says while its stream is not
    /// open may be lost, also what it asks in a call: then this waits a moment until it is, or is refused.
    pub(crate) async fn start(post: Arc<Post>, unasked: Unasked, named: bool) -> Self {
        let forgotten = Arc::new(AtomicBool::new(false));
        let (opening, opened) = oneshot::channel();
        let is_of_client = unasked.is_of_client();
        let (resume, opening) = (Resume::default(), Some(opening));
        let ear = Ear { post, unasked, named, forgotten: Arc::clone(&forgotten), resume, opening };
        let listener = Self { task: tokio::spawn(ear.listen()).abort_handle(), forgotten };
        if is_of_client {
            // In time or not, the session begins.
            let _ = timeout(OPEN_WITHIN, opened).await;
        }
        listener
    }

    /// Whether the server said that it does not know the session any more.
    pub(crate) fn forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Ends it.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Ear {
    async fn listen(mut self) {
        let (mut opened, mut was_open) = (false, false);
        loop {
            let stream = self.open().await;
            self.opening = None;
            match stream {
                Ok(stream) => {
                    (opened, was_open) = (true, true);
                    self.hear(stream).await;
                    // A server without sessions that hangs up again and again has nothing to say.
                    if !self.named && self.resume.fruitless() > 0 {
                        return;
                    }
                }
                Err(unopened) => match self.next(&unopened, opened) {
                    Next::Later => {
                        // The server is gone, or becomes another.
                        if std::mem::take(&mut was_open) {
                            self.unasked.list_again();
                        }
                    }
                    Next::Never => return,
                    Next::Forgotten => {
                        self.forgotten.store(true, Ordering::Relaxed);
                        self.unasked.list_again();
                        return;
                    }
                },
            }
            sleep(self.resume.pause()).await;
        }
    }

    async fn open(&self) -> Result<EventBody, Unopened> {
        let headers = for_events(self.post.headers(), self.resume.from());
        let client = self.post.client();
        events(client.stream(&headers).await?, client.max_response).await
    }

    fn next(&mut self, unopened: &Unopened, opened: bool) -> Next {
        let Unopened::Refused(refusal) = unopened else { return Next::Later };
        if !opened {
            return Next::Never;
        }
        if self.resume.from().is_some() {
            // It may be the place that the server does not know.
            self.resume.anew();
            return Next::Later;
        }
        match refusal.error.http_status {
            _ if self.named && refusal.session_unknown() => Next::Forgotten,
            Some(400 | 404 | 405) => Next::Never,
            _ => Next::Later,
        }
    }

    /// Hears one stream to its end.
    async fn hear(&mut self, mut stream: EventBody) {
        let began = Instant::now();
        let ended = loop {
            match stream.next().await {
                Ok(Some(event)) => {
                    self.resume.went_on();
                    if matches!(&event.name[..], b"" | b"message") {
                        self.take(event.data);
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if began.elapsed() >= LONG {
            self.resume.went_on();
        }
        self.resume.left(stream.decoder());
        if ended.as_ref().is_some_and(is_wrong) {
            // The same event would come again.
            self.resume.anew();
        }
    }

    fn take(&self, data: Bytes) {
        let mut messages = VecDeque::new();
        // What is no message is nobody's.
        let _ = message::unpack(data, &mut messages);
        for message in messages {
            let Some(kind) = message::kind(&message) else { continue };
            if let Some(answer) = self.unasked.take(&kind, &message) {
                self.post.notify_in_background(answer);
            }
        }
    }
}

/// Whether the stream itself was wrong, rather than its connection.
fn is_wrong(error: &UpstreamError) -> bool {
    error.outcome != Outcome::Unreachable
}
