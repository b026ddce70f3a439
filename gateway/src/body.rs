//! Bodies of responses: whole, or as they come.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::mpsc;

/// The body of a response.
pub enum Body {
    /// All of it, or nothing any more.
    Whole(Option<Bytes>),
    /// As its sender goes on.
    Stream(Stream),
    /// As another process answers.
    Forwarded(Incoming),
}

/// A part of a streamed body.
pub enum Chunk {
    /// Bytes.
    Data(Bytes),
    /// The end, rightly reached.
    End,
}

/// A streamed body. A sender that goes away without [`Chunk::End`] cuts the connection, so that nobody takes a part for
/// the whole; that way an abort needs no room in the queue of a client that does not read.
pub struct Stream {
    receiver: mpsc::Receiver<Chunk>,
    ended: bool,
    /// Whether the sender is heard out though the client has gone: to a legacy server it has not cancelled anything.
    pub goes_on: bool,
}

/// A stream that went wrong after bytes had gone out (R3).
#[derive(Debug, thiserror::Error)]
#[error("the reply was cut off")]
pub struct Aborted;

impl Body {
    /// A body known from the start.
    pub fn whole(bytes: Bytes) -> Self {
        Body::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

impl Stream {
    /// What a sender with this many chunks of patience sends.
    pub fn channel(queue: usize) -> (mpsc::Sender<Chunk>, Self) {
        let (sender, receiver) = mpsc::channel(queue);
        (sender, Self { receiver, ended: false, goes_on: false })
    }

    /// What is sent next; none if the sender went away.
    pub async fn next(&mut self) -> Option<Chunk> {
        self.receiver.recv().await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.receiver.poll_recv(cx).map(|next| match next {
            Some(Chunk::Data(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Chunk::End) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(Aborted))
            }
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.ended || !self.goes_on {
            return;
        }
        let (_, nothing) = mpsc::channel(1);
        let mut receiver = std::mem::replace(&mut self.receiver, nothing);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { while receiver.recv().await.is_some() {} });
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match self.get_mut() {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Stream(stream) => stream.poll_chunk(cx),
            Body::Forwarded(body) => Pin::new(body).poll_frame(cx).map_err(|_| Aborted),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(bytes) => bytes.is_none(),
            Body::Stream(_) => false,
            Body::Forwarded(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Stream(_) => SizeHint::default(),
            Body::Forwarded(body) => body.size_hint(),
        }
    }
}
