//! Where an event stream was left, and when to ask for the rest of it
//! (2025-11-25, basic/transports, "Resumability and Redelivery").

use std::time::Duration;

use http::{HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;

use super::client::Repeat;
use super::event_body::EventBody;
use super::headers::for_events;
use super::post::Post;
use super::reply::{Media, Refusal, media};
use crate::upstream::UpstreamError;
use crate::upstream::event_stream::Decoder;

/// How long to wait if the server does not say.
const UNSAID: Duration = Duration::from_secs(1);
/// The shortest wait, whatever the server says.
const SHORTEST: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// The place in a stream from which it may go on.
pub(crate) struct Resume {
    /// The id of the last event that had one.
    from: Option<HeaderValue>,
    /// The wait that the server asked for.
    retry: Duration,
    /// Attempts since the last event.
    fruitless: u32,
}

impl Default for Resume {
    fn default() -> Self {
        Self { from: None, retry: UNSAID, fruitless: 0 }
    }
}

impl Resume {
    /// Notes the end of a stream.
    pub(crate) fn left(&mut self, stream: &Decoder) {
        let id = stream.last_id().and_then(|id| HeaderValue::from_bytes(id).ok());
        if id.is_some() && id != self.from {
            self.from = id;
            self.fruitless = 0;
        }
        self.retry = stream.retry().unwrap_or(self.retry);
    }

    /// Something came: the next wait is as short as the first.
    pub(crate) fn went_on(&mut self) {
        self.fruitless = 0;
    }

    /// The id of the last event, where there was one.
    pub(crate) fn from(&self) -> Option<&HeaderValue> {
        self.from.as_ref()
    }

    /// Forgets the place: the stream begins anew.
    pub(crate) fn anew(&mut self) {
        self.from = None;
    }

    /// Attempts since the last event.
    pub(crate) fn fruitless(&self) -> u32 {
        self.fruitless
    }

    /// How long to wait before the next attempt: what the server said, and longer each time that nothing comes of it.
    pub(crate) fn pause(&mut self) -> Duration {
        let doublings = self.fruitless.min(16);
        self.fruitless = self.fruitless.saturating_add(1);
        self.retry.saturating_mul(1 << doublings).clamp(SHORTEST, LONGEST)
    }
}

/// Why a stream was not opened.
pub(crate) enum Unopened {
    /// The server could not be asked.
    Failed(UpstreamError),
    /// It gives none.
    Refused(Refusal),
}

impl From<UpstreamError> for Unopened {
    fn from(error: UpstreamError) -> Self {
        Unopened::Failed(error)
    }
}

/// Asks for the stream from a place on, over a connection of the pool.
pub(crate) async fn reopen(post: &Post, from: &HeaderValue) -> Result<EventBody, Unopened> {
    let headers = for_events(post.headers(), Some(from));
    let client = post.client();
    let response = client.bare(Method::GET, &headers, Repeat::Once).await?;
    events(response, client.max_response).await
}

/// The events of a response to a GET, if that is what it bears.
pub(crate) async fn events(response: Response<Incoming>, limit: u64) -> Result<EventBody, Unopened> {
    let media = media(response.headers());
    if response.status() != StatusCode::OK {
        // No request of ours has this id.
        return Err(Unopened::Refused(Refusal::read(response, &media, 0).await));
    }
    let encoded = response.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity");
    if encoded || media != Media::Events {
        let what = "the server answered with something else than an event stream";
        return Err(Unopened::Refused(Refusal::new(response.status(), what)));
    }
    Ok(EventBody::new(response.into_body(), limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(text: &str) -> Decoder {
        let mut decoder = Decoder::new(1024);
        decoder.push(text.as_bytes());
        while decoder.next().unwrap().is_some() {}
        decoder
    }

    #[test]
    fn the_wait_is_what_the_server_said_and_grows_as_long_as_nothing_comes() {
        let mut resume = Resume::default();
        let pauses = |resume: &mut Resume| [(); 7].map(|()| resume.pause().as_millis());
        assert_eq!(pauses(&mut resume), [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        resume.went_on();
        resume.left(&stream("retry: 250\nid: a\n\n"));
        assert_eq!(pauses(&mut resume)[..3], [250, 500, 1000]);
        resume.left(&stream("retry: 0\ndata: x\n\n"));
        assert_eq!(resume.from().unwrap(), "a", "a stream without ids ends where the last one did");
        assert_eq!(resume.pause(), SHORTEST);
        resume.left(&stream("retry: 99999999999999999999\nid: b\n\n"));
        assert_eq!(resume.fruitless(), 0);
        resume.left(&stream("retry: 18446744073709551615\nid: c\n\n"));
        assert_eq!(resume.pause(), LONGEST);
        resume.left(&stream("id: \u{1}\ndata: x\n\n"));
        assert_eq!(resume.from().unwrap(), "c", "what no header can carry is no place");
    }
}
