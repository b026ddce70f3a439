//! The messages of one reply that comes as an event stream, pulled straight
//! from the response's body, and from where it goes on if that ends too early.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::event_body::EventBody;
use super::post::UnderWay;
use super::resume::{Resume, Unopened, reopen};
use crate::upstream::message::{self, Kind};
use crate::upstream::routes::too_large;
use crate::upstream::{Outcome, UpstreamError};

/// How long and how far a stream is read past its response, so that its connection can be used again.
const TAIL_TIME: Duration = Duration::from_secs(1);
const TAIL_BYTES: usize = 64 * 1024;

/// How often in a row a stream is asked for again from which nothing comes.
const MAX_FRUITLESS: u32 = 6;

/// The events of one reply.
pub struct Events {
    /// None once the stream is of no more use, or while it is asked for again.
    stream: Option<EventBody>,
    /// Asks for the rest of a stream that ended too early.
    reopening: Option<Reopening>,
    resume: Resume,
    /// None if the stream is not resumed, and nobody has to be told that it is not read to its end.
    under_way: Option<UnderWay>,
    /// Messages of a batch (2025-03-26) that came with the last one.
    batch: VecDeque<Bytes>,
    /// The request's id.
    id: u64,
    /// What the reply's limit leaves.
    left: u64,
    /// The response was handed out, or there is none.
    ended: bool,
}

type Reopening = Pin<Box<dyn Future<Output = Result<EventBody, Unopened>> + Send + Sync>>;

impl Events {
    /// The messages of the reply to the request `id`, which in all hold at most `limit` bytes.
    pub(crate) fn new(body: Incoming, id: u64, limit: u64, under_way: Option<UnderWay>) -> Self {
        Self {
            stream: Some(EventBody::new(body, limit)),
            reopening: None,
            resume: Resume::default(),
            under_way,
            batch: VecDeque::new(),
            id,
            left: limit,
            ended: false,
        }
    }

    /// The next message; none after the response or an error. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        if self.ended {
            return None;
        }
        let next = self.pull().await;
        if next.is_err() {
            self.ended = true;
            self.stream = None;
        }
        Some(next)
    }

    async fn pull(&mut self) -> Result<Bytes, UpstreamError> {
        loop {
            if let Some(message) = self.batch.pop_front() {
                return self.check(message);
            }
            if let Some(reopening) = &mut self.reopening {
                let reopened = reopening.await;
                self.reopening = None;
                match reopened {
                    Ok(stream) => self.stream = Some(stream),
                    Err(Unopened::Refused(refusal)) => return Err(refusal.error),
                    Err(Unopened::Failed(error)) => self.reopen(error)?,
                }
                continue;
            }
            let next = match &mut self.stream {
                Some(stream) => stream.next().await,
                None => Ok(None),
            };
            match next {
                Ok(Some(event)) => {
                    self.resume.went_on();
                    if !event.data.is_empty() && matches!(&event.name[..], b"" | b"message") {
                        self.left = self.left.checked_sub(event.data.len() as u64).ok_or_else(too_large)?;
                        message::unpack(event.data, &mut self.batch).map_err(|_| malformed())?;
                    }
                }
                Ok(None) => self.reopen(wrong("the server ended the stream before its answer"))?,
                Err(error) if error.outcome == Outcome::Unreachable => self.reopen(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for the rest of the stream, after a while, if the server said from where: it may well end a stream to be asked
    /// again when it has the answer. The request itself is not sent again (R7). Fails if it cannot be asked.
    fn reopen(&mut self, failure: UpstreamError) -> Result<(), UpstreamError> {
        if let Some(stream) = self.stream.take() {
            self.resume.left(stream.decoder());
        }
        let (Some(under_way), Some(from)) = (&self.under_way, self.resume.from().cloned()) else { return Err(failure) };
        if self.resume.fruitless() >= MAX_FRUITLESS {
            return Err(failure);
        }
        let (post, pause) = (Arc::clone(under_way.post()), self.resume.pause());
        self.reopening = Some(Box::pin(async move {
            tokio::time::sleep(pause).await;
            reopen(&post, &from).await
        }));
        Ok(())
    }

    fn check(&mut self, message: Bytes) -> Result<Bytes, UpstreamError> {
        match message::kind(&message).ok_or_else(malformed)? {
            Kind::Response { id } if id == Some(self.id) => {
                self.ended = true;
                if let Some(under_way) = &mut self.under_way {
                    under_way.answered();
                }
            }
            Kind::Response { .. } => return Err(wrong("the server answered another request than was sent")),
            Kind::Request { .. } | Kind::Notification { .. } => {}
        }
        Ok(message)
    }
}

impl Drop for Events {
    /// Reads an answered stream to its end, in the background: most servers end it at once, and the connection lives.
    fn drop(&mut self) {
        if let (true, Some(stream)) = (self.ended, self.stream.take())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(drain(stream.into_body()));
        }
    }
}

/// Reads a body to its end, if that is near, so that its connection can be used again.
pub(crate) async fn drain(mut body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    let to_end = async {
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > TAIL_BYTES {
                return;
            }
        }
    };
    // Whichever way it ends, the body is dropped; the connection with it, if it was not read to its end.
    let _ = tokio::time::timeout(TAIL_TIME, to_end).await;
}

fn malformed() -> UpstreamError {
    wrong("the server sent an event that is not a JSON-RPC message")
}

fn wrong(what: &str) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, what)
}
