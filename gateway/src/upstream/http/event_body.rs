//! The events of one response's body, as they come.

use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::client::broke;
use crate::upstream::UpstreamError;
use crate::upstream::event_stream::{Decoder, Event};
use crate::upstream::routes::too_large;

/// An event stream under way.
pub(crate) struct EventBody {
    body: Incoming,
    decoder: Decoder,
}

impl EventBody {
    /// The events of a body, each no larger than `limit` bytes.
    pub(crate) fn new(body: Incoming, limit: u64) -> Self {
        Self { body, decoder: Decoder::new(usize::try_from(limit).unwrap_or(usize::MAX)) }
    }

    /// The next event; none at the end of the stream. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, UpstreamError> {
        loop {
            if let Some(event) = self.decoder.next().map_err(|_| too_large())? {
                return Ok(Some(event));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(chunk) = frame.data_ref() {
                        self.decoder.push(chunk);
                    }
                }
                Some(Err(error)) => return Err(broke(&error)),
                None => return Ok(None),
            }
        }
    }

    /// What the stream said of how to go on after it ended.
    pub(crate) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// What was not yet read.
    pub(crate) fn into_body(self) -> Incoming {
        self.body
    }
}
