//! What a server asks in the middle of a call, and of whom.

use bytes::Bytes;
use crds::snapshot::UnixSeconds;
use http::StatusCode;
use tokio::time::Instant;

use super::{Asks, Relay, Source, Step, bad_reply};
use crate::client_session::stray::Said;
use crate::exchange::Answer;
use crate::held::{HeldCall, Question};
use crate::input;
use crate::request_state::{Bound, Kept};
use crate::scan;
use crate::upstream::message::answer_alone;
use crate::upstream::{Outcome, UpstreamError};

impl Relay {
    /// A request of the server. Who cannot be asked is not: the server hears so at once instead of waiting.
    pub(super) async fn asked(&self, message: &Bytes, call: &scan::Call<'_>) -> Result<Step, UpstreamError> {
        let Some(id) = &call.id else { return Ok(Step::Nothing) };
        match &self.asks {
            Asks::ByResult { capabilities, .. }
                if self.method.may_require_input() && capabilities.has_method(&call.method.value) =>
            {
                let input_requests = input::requests(message, call).map_err(|fault| bad_reply(&fault))?;
                Ok(Step::Question(Question { id: message.slice_ref(id.token), input_requests }))
            }
            _ => {
                let id = String::from_utf8_lossy(id.token);
                self.upstream.answer(answer_alone(&id, &call.method.value)).await;
                Ok(Step::Nothing)
            }
        }
    }

    /// What a server that is there for this client says to it on the stream of its call.
    pub(super) async fn said(&self, source: &Source, message: &Bytes) -> Step {
        let Some(call) = &source.call else { return Step::Nothing };
        let server = &self.holding.server().id;
        match call.client.said(&self.upstream, server, message, (Some(call.number), self.expires())) {
            Said::ToClient(message) => return Step::Notification(message),
            Said::Answered(answer) => self.upstream.answer(answer).await,
            Said::ListChanged | Said::Nothing => {}
        }
        Step::Nothing
    }

    /// From when on nobody waits for what the client is asked in the call: it is over then.
    pub(super) fn expires(&self) -> UnixSeconds {
        let left = self.deadline.saturating_duration_since(Instant::now());
        crate::clock::now() + UnixSeconds::try_from(left.as_secs() + 1).unwrap_or_default()
    }

    /// Holds the call until the client comes with an answer; the response that asks for it.
    pub(super) fn hold(mut self, source: Source, question: Question) -> Bytes {
        self.slot = None;
        let gateway = self.holding.gateway().clone();
        let number = gateway.held.number();
        let kept = Kept::Held { owner: gateway.own, handle: number };
        let state = self.bound().seal(&gateway.sealer, &kept, crate::clock::now());
        let asked = state.map(|state| input::required(&self.id, &question.input_requests, &state));
        let (asked, call) = match asked {
            Ok(asked) => (asked, HeldCall { relay: self, source, question }),
            Err(error) => return self.failed(&UpstreamError::new(Outcome::UpstreamError, error.to_string())),
        };
        match gateway.held.hold(number, call) {
            Ok(()) => asked,
            Err(call) => {
                let words = "too many calls wait for answers from their clients";
                call.relay.failed(&UpstreamError::new(Outcome::RateLimited, words))
            }
        }
    }

    /// Asks again.
    pub fn ask(self, source: Source, question: Question) -> Answer {
        Answer::Message(StatusCode::OK, self.hold(source, question))
    }

    /// Goes on with a call that was held. `whole`: the answer must be one message.
    pub async fn go_on(self, source: Source, whole: bool) -> Answer {
        Box::pin(self.messages(source, whole)).await
    }

    /// What a state that is given out with this call holds for.
    pub(super) fn bound(&self) -> Bound<'_> {
        let arguments = match &self.asks {
            Asks::ByResult { arguments, .. } => arguments.as_deref(),
            Asks::Nobody => None,
        };
        Bound {
            caller: self.holding.caller_id().unwrap_or_default(),
            server: &self.holding.server().id,
            method: self.method.as_str(),
            name: self.holding.called().name(),
            arguments,
        }
    }
}
