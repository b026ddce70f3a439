//! The messages of one reply that comes as an event stream, pulled straight
//! from the response's body.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::value::RawValue;

use super::client::broke;
use crate::upstream::event_stream::Decoder;
use crate::upstream::message::{self, Kind};
use crate::upstream::routes::too_large;
use crate::upstream::{Outcome, UpstreamError};

/// How long and how far a stream is read past its response, so that its connection can be used again.
const TAIL_TIME: Duration = Duration::from_secs(1);
const TAIL_BYTES: usize = 64 * 1024;

/// The events of one reply.
pub struct Events {
    /// None once the stream is of no more use.
    body: Option<Incoming>,
    decoder: Decoder,
    /// Messages of a batch (2025-03-26) that came with the last one.
    batch: VecDeque<Bytes>,
    /// The request's id.
    id: u64,
    /// What the reply's limit leaves.
    left: u64,
    /// The response was handed out.
    answered: bool,
}

impl Events {
    /// The messages of the reply to the request `id`, which in all hold at most `limit` bytes.
    pub(crate) fn new(body: Incoming, id: u64, limit: u64) -> Self {
        let decoder = Decoder::new(usize::try_from(limit).unwrap_or(usize::MAX));
        Self { body: Some(body), decoder, batch: VecDeque::new(), id, left: limit, answered: false }
    }

    /// The next message; none after the response or an error. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        if self.answered || self.body.is_none() {
            return None;
        }
        let next = self.pull().await;
        if next.is_err() {
            self.body = None;
        }
        Some(next)
    }

    async fn pull(&mut self) -> Result<Bytes, UpstreamError> {
        loop {
            if let Some(message) = self.batch.pop_front() {
                return self.check(message);
            }
            if let Some(event) = self.decoder.next().map_err(|_| too_large())? {
                if !event.data.is_empty() && matches!(&event.name[..], b"" | b"message") {
                    self.unpack(event.data)?;
                }
                continue;
            }
            let frame = match &mut self.body {
                Some(body) => body.frame().await,
                None => None,
            };
            match frame {
                Some(Ok(frame)) => {
                    if let Some(chunk) = frame.data_ref() {
                        self.decoder.push(chunk);
                    }
                }
                Some(Err(error)) => return Err(broke(&error)),
                None => return Err(wrong("the server ended the stream before its answer")),
            }
        }
    }

    /// Queues an event's message, or the messages of its batch.
    fn unpack(&mut self, data: Bytes) -> Result<(), UpstreamError> {
        self.left = self.left.checked_sub(data.len() as u64).ok_or_else(too_large)?;
        if data.trim_ascii_start().first() != Some(&b'[') {
            self.batch.push_back(data);
            return Ok(());
        }
        let messages: Vec<&RawValue> = serde_json::from_slice(&data).map_err(|_| malformed())?;
        self.batch.extend(messages.into_iter().map(|message| data.slice_ref(message.get().as_bytes())));
        Ok(())
    }

    fn check(&mut self, message: Bytes) -> Result<Bytes, UpstreamError> {
        match message::kind(&message).ok_or_else(malformed)? {
            Kind::Response { id } if id == Some(self.id) => self.answered = true,
            Kind::Response { .. } => return Err(wrong("the server answered another request than was sent")),
            Kind::Request { .. } | Kind::Notification { .. } => {}
        }
        Ok(message)
    }
}

impl Drop for Events {
    /// Reads an answered stream to its end, in the background: most servers end it at once, and the connection lives.
    fn drop(&mut self) {
        if let (true, Some(body)) = (self.answered, self.body.take())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(drain(body));
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
