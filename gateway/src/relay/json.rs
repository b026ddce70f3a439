//! A reply that is one JSON body: held back as far as a small one is long, then streamed as it comes, and cut off if it turns
//! wrong.

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use super::{Relay, Source, bad_reply, eras, too_large};
use crate::body::{Chunk, Stream};
use crate::client_session::calls::OpenCall;
use crate::exchange::Answer;
use crate::forward::Method;
use crate::scan;
use crate::upstream::{Era, Messages, Outcome, UpstreamError};

/// What is held back of a reply before anything goes out.
const HELD_BACK: usize = 64 * 1024;
/// Chunks of a large reply that wait for a slow client.
const QUEUE: usize = 8;

impl Relay {
    pub(super) async fn json(self, upstream_id: u64, mut body: Incoming, whole: bool) -> Answer {
        let mut splicer = scan::Reply::new(upstream_id, self.id.clone(), self.modern_result());
        let mut read = 0;
        let mut out = Vec::with_capacity(1024);
        if self.method == Method::ReadResource || self.era == Era::Modern || self.modern {
            match self.gather(&mut body, &mut read).await {
                Ok((held, true)) => return self.gathered(upstream_id, &held.into()),
                Ok((held, false)) => {
                    if let Err(fault) = splicer.push(&held, &mut out) {
                        return self.fail(&bad_reply(&fault));
                    }
                }
                Err(error) => return self.fail(&error),
            }
        }
        loop {
            match self.chunk(&mut body, &mut read).await {
                Ok(Some(chunk)) => {
                    if let Err(fault) = splicer.push(&chunk, &mut out) {
                        return self.fail(&bad_reply(&fault));
                    }
                }
                Ok(None) => break,
                Err(error) => return self.fail(&error),
            }
            if out.len() > HELD_BACK && !whole {
                let (sender, mut stream) = Stream::channel(QUEUE);
                stream.goes_on = self.goes_on();
                tokio::spawn(self.stream_json(splicer, body, (read, out), sender));
                return Answer::Json(stream);
            }
        }
        match self.finish(splicer) {
            Ok(()) => Answer::Message(StatusCode::OK, out.into()),
            Err(error) => self.fail(&error),
        }
    }

    pub(super) fn finish(&self, splicer: scan::Reply) -> Result<(), UpstreamError> {
        let outcome = splicer.finish().map_err(|fault| bad_reply(&fault))?;
        if let scan::Outcome::Result { result_type, .. } = &outcome {
            // Bytes are out, so that nothing could be sealed any more.
            let is_complete = result_type.as_deref().is_none_or(|kind| kind == eras::COMPLETE);
            if !is_complete && self.era == Era::Modern {
                return Err(too_large());
            }
            self.check_type(result_type.as_deref())?;
            self.charge(result_type.as_deref());
        }
        self.server.metrics.answered(outcome.is_error());
        Ok(())
    }

    /// What was read of a resource, and whether that is all: so much as is held back, or the whole where URIs in it
    /// change.
    pub(super) async fn gather(&self, body: &mut Incoming, read: &mut u64) -> Result<(Vec<u8>, bool), UpstreamError> {
        let mut held = Vec::new();
        let mut bytes = self.holding.gateway().budget.hold();
        while self.uri_prefix.is_some() || held.len() <= HELD_BACK {
            let Some(chunk) = self.chunk(body, read).await? else { return Ok((held, true)) };
            if !bytes.add(chunk.len()) {
                return Err(UpstreamError::new(Outcome::UpstreamError, "there is no memory left to read the reply"));
            }
            held.extend_from_slice(&chunk);
        }
        Ok((held, false))
    }

    /// A modern server's reply to a legacy client that can be asked: it may have to be, before there is a result.
    pub(super) async fn json_or_rounds(
        self,
        (id, body): (u64, Incoming),
        call: Option<OpenCall>,
        whole: bool,
    ) -> Answer {
        let mut body = body;
        let message = match self.whole(&mut body).await {
            Ok(message) => message,
            Err(error) => return self.fail(&error),
        };
        self.messages(Source { id, messages: Messages::one(message), call, rounds: 0 }, whole).await
    }

    /// A reply, all of it.
    pub(super) async fn whole(&self, body: &mut Incoming) -> Result<Bytes, UpstreamError> {
        let (mut held, mut read) = (Vec::new(), 0);
        let mut bytes = self.holding.gateway().budget.hold();
        while let Some(chunk) = self.chunk(body, &mut read).await? {
            if !bytes.add(chunk.len()) {
                return Err(UpstreamError::new(Outcome::UpstreamError, "there is no memory left to read the reply"));
            }
            held.extend_from_slice(&chunk);
        }
        Ok(held.into())
    }

    pub(super) fn gathered(&self, upstream_id: u64, message: &Bytes) -> Answer {
        let response = match scan::message(message) {
            Ok(scan::Upstream::Response(response)) => self.response(upstream_id, message, &response),
            Ok(_) => Err(UpstreamError::new(Outcome::UpstreamError, "the reply is not an answer")),
            Err(fault) => Err(bad_reply(&fault)),
        };
        match response {
            Ok((status, response)) => Answer::Message(status, response),
            Err(error) => self.fail(&error),
        }
    }

    pub(super) fn modern_result(&self) -> Option<&'static [u8]> {
        self.modern.then_some(self.method.modern_result())
    }

    /// Goes away without an end when it cannot rightly end: that cuts the caller off.
    pub(super) async fn stream_json(
        self,
        mut splicer: scan::Reply,
        mut body: Incoming,
        held: (u64, Vec<u8>),
        sender: mpsc::Sender<Chunk>,
    ) {
        let (mut read, mut out) = held;
        let going_on = async {
            loop {
                let chunk = Chunk::Data(std::mem::take(&mut out).into());
                // Nobody reads any more: there is nothing to count and nobody to tell.
                if sender.send(chunk).await.is_err() {
                    return Ok(());
                }
                let Some(chunk) = self.chunk(&mut body, &mut read).await? else { break };
                splicer.push(&chunk, &mut out).map_err(|fault| bad_reply(&fault))?;
            }
            self.finish(splicer)?;
            let _ = sender.send(Chunk::End).await;
            Ok(())
        };
        if let Err(error) = self.while_held(sender.closed(), going_on).await {
            self.server.failed(&error);
        }
    }

    pub(super) async fn chunk(&self, body: &mut Incoming, read: &mut u64) -> Result<Option<Bytes>, UpstreamError> {
        let frame = timeout_at(self.deadline, body.frame());
        match frame.await.map_err(|_| UpstreamError::timeout("the reply"))? {
            None => Ok(None),
            Some(Err(_)) => Err(UpstreamError::new(Outcome::Unreachable, "the reply broke off")),
            Some(Ok(frame)) => {
                let chunk = frame.into_data().unwrap_or_default();
                *read += chunk.len() as u64;
                if *read > self.server.endpoint.server.max_response_bytes {
                    return Err(too_large());
                }
                Ok(Some(chunk))
            }
        }
    }
}
