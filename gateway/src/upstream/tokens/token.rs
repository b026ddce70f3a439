//! One token, kept fresh: asked for once for all who wait for it, again in the
//! background when most of its time is over, and again when the server refuses
//! it.
//!
//! In: whoever has a request to send asks what it bears, and says when that
//! was refused. While the endpoint fails, the token in hand is used for as long
//! as it counts, and then each request is told why there is none; the endpoint
//! is asked ever more rarely.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::Granted;
use super::endpoint::{TokenEndpoint, TokenError};
use super::subject::SubjectToken;
use crate::clock;
use crate::upstream::{Outcome, UpstreamError};

/// The first and the longest pause between two requests of which the first came to nothing.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// No token is used so shortly before its end: the request is still on its way.
const MARGIN: Duration = Duration::from_secs(10);
/// A token that is refused within this time after the one before was of no use.
const SOON: Duration = Duration::from_secs(60);

/// A token of a server.
pub(crate) struct Token {
    endpoint: Arc<TokenEndpoint>,
    /// The caller's, which it is had in exchange for.
    subject: Option<SubjectToken>,
    state: Mutex<State>,
}

/// What a request bears.
#[derive(Clone)]
pub(crate) struct Bearer {
    value: HeaderValue,
    /// Which token it is.
    number: u64,
}

/// What came of asking, once something did.
type Answer = watch::Receiver<Option<Result<Bearer, UpstreamError>>>;

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The request under way.
    asking: Option<Answer>,
    failed: Option<Failed>,
    /// Tokens that were issued.
    issued: u64,
    /// Of these the last ones in a row that the server refused soon.
    refused: u32,
}

/// The token in hand.
struct Held {
    bearer: Bearer,
    issued: Instant,
    /// From then on another is asked for while it is used.
    due: Instant,
    /// From then on it is not used.
    until: Instant,
    refused: bool,
}

/// The last requests, which came to nothing.
struct Failed {
    error: UpstreamError,
    times: u32,
    /// Before that the endpoint is not asked again.
    until: Instant,
}

impl Bearer {
    /// Headers with it.
    pub(crate) fn on(&self, headers: &HeaderMap) -> HeaderMap {
        let mut headers = headers.clone();
        headers.insert(header::AUTHORIZATION, self.value.clone());
        headers
    }

    /// Whether they are one token.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Token {
    pub(super) fn new(endpoint: Arc<TokenEndpoint>, subject: Option<SubjectToken>) -> Arc<Self> {
        Arc::new(Self { endpoint, subject, state: Mutex::default() })
    }

    /// What a request bears: the token in hand as long as it counts, else one that is asked for now.
    pub(crate) async fn bearer(self: &Arc<Self>) -> Result<Bearer, UpstreamError> {
        let mut answer = {
            let mut state = self.state.lock();
            let now = Instant::now();
            let rests = state.failed.as_ref().filter(|failed| now < failed.until).map(|failed| failed.error.clone());
            let asking = state.asking();
            if let Some(held) = state.held.as_ref().filter(|held| now < held.until) {
                let bearer = held.bearer.clone();
                if now >= held.due && asking.is_none() && rests.is_none() {
                    self.ask(&mut state);
                }
                return Ok(bearer);
            }
            match (asking, rests) {
                (Some(asking), _) => asking,
                (None, Some(error)) => return Err(error),
                (None, None) => self.ask(&mut state),
            }
        };
        let answered = answer.wait_for(Option::is_some).await;
        // Without an answer the program ends.
        answered.ok().and_then(|answer| answer.clone()).unwrap_or_else(|| Err(UpstreamError::ended()))
    }

    /// The server did not take it: the next request asks for another. A server that takes none has not one asked for with
    /// each request, but ever more rarely.
    pub(crate) fn refused(&self, bearer: &Bearer) {
        let mut state = self.state.lock();
        let now = Instant::now();
        let Some(held) = state.held.as_mut().filter(|held| held.bearer.is(bearer) && !held.refused) else { return };
        held.refused = true;
        let soon = now.duration_since(held.issued) < SOON;
        let before = if soon { state.refused } else { 0 };
        state.refused = before.saturating_add(1);
        if let Some(held) = &mut state.held {
            held.until = held.until.min(held.issued + pause(before));
        }
    }

    /// Whether there is a token in hand, or one is asked for.
    pub(super) fn is_held(&self, now: Instant) -> bool {
        let state = self.state.lock();
        state.asking().is_some() || state.held.as_ref().is_some_and(|held| now < held.until)
    }

    /// Asks in a task of its own: whoever waits may go away.
    fn ask(self: &Arc<Self>, state: &mut State) -> Answer {
        let (told, answer) = watch::channel(None);
        state.asking = Some(answer.clone());
        let token = self.clone();
        tokio::spawn(async move {
            let asked = Instant::now();
            let granted = token.endpoint.ask(token.subject.as_ref()).await;
            told.send_replace(Some(token.take(asked, granted)));
        });
        answer
    }

    fn take(&self, asked: Instant, granted: Result<Granted, TokenError>) -> Result<Bearer, UpstreamError> {
        let mut state = self.state.lock();
        state.asking = None;
        match granted {
            Ok(Granted { value, lifetime }) => {
                let lifetime = self.left_of_subject().map_or(lifetime, |left| left.min(lifetime));
                state.failed = None;
                state.issued += 1;
                let bearer = Bearer { value, number: state.issued };
                let (due, until) = (asked + lifetime * 4 / 5, asked + lifetime - MARGIN.min(lifetime / 10));
                state.held = Some(Held { bearer: bearer.clone(), issued: asked, due, until, refused: false });
                Ok(bearer)
            }
            Err(error) => Err(self.note(&mut state, &error)),
        }
    }

    /// Notes a failure; what the requests that wait are told.
    fn note(&self, state: &mut State, error: &TokenError) -> UpstreamError {
        let told = UpstreamError::new(Outcome::AuthRequired, format!("no token for it can be had: {error}"));
        let before = state.failed.as_ref();
        if before.is_none_or(|before| before.error.detail != told.detail) {
            let (server, endpoint) = (&self.endpoint.server, self.endpoint.origin());
            tracing::warn!(%server, %endpoint, "no token can be had: {error}");
        }
        let times = before.map_or(0, |before| before.times).saturating_add(1);
        state.failed = Some(Failed { error: told.clone(), times, until: Instant::now() + pause(times) });
        told
    }

    /// How long the caller's token is still of use, if that is known: what is had for it is not used for longer.
    fn left_of_subject(&self) -> Option<Duration> {
        let expires = self.subject.as_ref()?.expires()?;
        Some(Duration::from_secs(u64::try_from(expires - clock::now()).unwrap_or_default()))
    }
}

impl State {
    /// The request under way.
    fn asking(&self) -> Option<Answer> {
        // A task that ended without an answer does not ask any more.
        self.asking.clone().filter(|asking| asking.has_changed().is_ok())
    }
}

/// The pause after so many requests that came to nothing.
fn pause(times: u32) -> Duration {
    match times {
        0 => Duration::ZERO,
        times => FIRST_PAUSE.saturating_mul(1 << (times - 1).min(5)).min(LONGEST_PAUSE),
    }
}
