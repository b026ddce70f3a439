//! Bodies of responses: whole, or as they come.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

/// The body of a response.
pub enum Body {
    /// All of it, or nothing any more.
    Whole(Option<Bytes>),
    /// As its sender goes on. A sender that ends with [`Aborted`] cuts the connection, so that nobody takes a part for the whole.
    Stream(mpsc::Receiver<Result<Bytes, Aborted>>),
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

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match self.get_mut() {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Body::Stream(receiver) => receiver.poll_recv(cx).map(|next| next.map(|chunk| chunk.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Body::Stream(_) => SizeHint::default(),
        }
    }
}
