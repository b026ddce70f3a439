//! A stream that would go on for ever, as a process that does not keep it
//! passes it on to the client: when that process ends, so does the stream, at
//! the end of an event, and the client comes back by another way.

use std::pin::pin;
use std::sync::Arc;

use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use crate::body::{Body, Chunk, Stream};
use crate::drain::Drain;
use crate::event;

/// Chunks that wait for a slow client.
const QUEUE: usize = 4;

/// The answer, its stream ending when this process takes no more connections. What is no stream goes on as it is.
pub fn until_drained(drain: &Arc<Drain>, response: Response<Body>) -> Response<Body> {
    let (head, body) = response.into_parts();
    let is_stream = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == event::MEDIA_TYPE);
    let body = match body {
        Body::Forwarded(body) if is_stream => {
            let (sender, stream) = Stream::channel(QUEUE);
            tokio::spawn(pass(drain.clone(), body, sender));
            Body::Stream(stream)
        }
        body => body,
    };
    Response::from_parts(head, body)
}

async fn pass(drain: Arc<Drain>, mut body: Incoming, sender: mpsc::Sender<Chunk>) {
    let mut closed = pin!(drain.closed());
    let mut is_whole = true;
    loop {
        let frame = tokio::select! {
            biased;
            // Its owner sees its client leave.
            () = sender.closed() => return,
            _ = &mut closed, if is_whole => break,
            frame = body.frame() => frame,
        };
        match frame {
            Some(Ok(frame)) => {
                let Ok(bytes) = frame.into_data() else { continue };
                is_whole = bytes.ends_with(b"\n\n");
                if sender.send(Chunk::Data(bytes)).await.is_err() {
                    return;
                }
            }
            // Cut off there, it is cut off here.
            Some(Err(_)) => return,
            None => break,
        }
    }
    let _ = sender.send(Chunk::End).await;
}
