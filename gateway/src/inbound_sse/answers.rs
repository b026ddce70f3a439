//! Answers as events of the one stream that a client of HTTP+SSE has.

use std::sync::Arc;

use bytes::Bytes;

use super::stream::SseStream;
use crate::body::{Chunk, Stream};
use crate::budget::Budget;
use crate::event;
use crate::exchange::Answer;
use crate::json::{self, INTERNAL_ERROR};

/// Why an answer has no end.
const CUT: &str = "the answer was cut off: its server failed, or what was called may not be used any more";
/// Why an answer is not held.
const BUSY: &str = "the gateway holds as many bytes as it may; try again";

/// Sends the answer to the request of this id, as JSON. Others get in between its messages, and never into one.
pub(super) async fn deliver(stream: &SseStream, budget: &Budget, id: &[u8], answer: Answer) {
    match answer {
        Answer::Accepted => {}
        Answer::Message(_, message) | Answer::Denied(_, _, message) => stream.send(event::message(&message)).await,
        Answer::Events(events) => forward(stream, id, events).await,
        Answer::Rejected(reject) => stream.send(event::message(&error(id, &reject.message()))).await,
        Answer::Json(parts) => {
            let message = gather(budget, parts).await.unwrap_or_else(|why| error(id, why));
            stream.send(event::message(&message)).await;
        }
    }
}

/// Messages as they come. Where a stream of its own would be cut, this one goes on, and has to say so.
async fn forward(stream: &SseStream, id: &[u8], mut events: Stream) {
    loop {
        match events.next().await {
            Some(Chunk::Data(event)) => stream.send(event).await,
            Some(Chunk::End) => return,
            None => return stream.send(event::message(&error(id, CUT))).await,
        }
    }
}

/// Sends what is told beside answers, as long as there is any and the stream goes on.
pub(super) async fn listen(stream: Arc<SseStream>, mut own: Stream) {
    let telling = async {
        while let Some(Chunk::Data(event)) = own.next().await {
            stream.send(event).await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = stream.over() => {}
    }
}

/// A response that is too large to be held for a stream of its own is held for this one: an event is a whole message.
async fn gather(budget: &Budget, mut parts: Stream) -> Result<Bytes, &'static str> {
    let mut bytes = budget.hold();
    let mut whole = Vec::new();
    loop {
        match parts.next().await {
            Some(Chunk::Data(part)) if bytes.add(part.len()) => whole.extend_from_slice(&part),
            Some(Chunk::Data(_)) => return Err(BUSY),
            Some(Chunk::End) => return Ok(whole.into()),
            None => return Err(CUT),
        }
    }
}

fn error(id: &[u8], why: &str) -> Bytes {
    let mut out = Vec::with_capacity(why.len() + id.len() + 80);
    json::error(id, INTERNAL_ERROR, why, None, &mut out);
    out.into()
}
