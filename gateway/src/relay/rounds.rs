//! A modern server asks by a result that is not yet one; a legacy client is
//! asked by requests on the stream of its call. A round: the client is asked
//! all that the result asks for, and the call is sent again with its answers
//! (2026-07-28, basic/patterns/mrtr).

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::{Relay, Source, bad_reply};
use crate::capabilities::Capabilities;
use crate::client_session::ClientSession;
use crate::client_session::asked::{Asked, Asker};
use crate::client_session::stream::AnswerStream;
use crate::forward::{Method, Request};
use crate::log_level::LogLevel;
use crate::modern::mirrored;
use crate::render::{Input, Words, render};
use crate::scan::{self, Incoming, Kind, Member, Params, ResultFacts, Span, Text, members};
use crate::upstream::{Era, Messages, Outcome, Outgoing, ReplyBody, UpstreamError};

/// The most rounds of one call.
const MAX_ROUNDS: usize = 16;
/// The most questions of one round.
const MAX_QUESTIONS: usize = 16;

/// What it takes to send a call of a legacy client once more.
pub struct Again {
    /// The request, alone in its body.
    pub body: Bytes,
    /// The logs that its client wants.
    pub level: LogLevel,
    /// What its client can be asked for.
    pub capabilities: Capabilities,
}

/// A question of a round.
struct Question {
    /// As JSON: the key that its answer goes by.
    key: Vec<u8>,
    /// The client's answer, or nothing where the client refused.
    answer: oneshot::Receiver<Option<Bytes>>,
}

impl Relay {
    /// Whether a response asks for what its legacy client can be asked.
    pub(super) fn asks_again(&self, source: &Source, result: Option<&ResultFacts>) -> bool {
        let asks = result.and_then(|result| result.result_type.as_deref()) == Some(super::eras::INPUT_REQUIRED);
        asks && self.era == Era::Modern && self.again.is_some() && source.call.is_some()
    }

    /// One round; what the server then says comes from `source`.
    pub(super) async fn round(
        &self,
        source: &mut Source,
        stream: &AnswerStream,
        message: &Bytes,
    ) -> Result<(), UpstreamError> {
        let wrong = |what: &str| UpstreamError::new(Outcome::UpstreamError, what);
        let (Some(again), Some(call)) = (&self.again, &source.call) else { return Err(wrong("nobody can be asked")) };
        source.rounds += 1;
        if source.rounds > MAX_ROUNDS {
            return Err(wrong("it asks again and again"));
        }
        let Ok(scan::Upstream::Response(response)) = scan::message(message) else {
            return Err(wrong("it is no answer"));
        };
        let result = response.result.ok_or_else(|| wrong("it is no result"))?;
        let asked = match result.input_requests {
            Some(requests) => members(message, requests.span).map_err(|fault| bad_reply(&fault))?,
            None => Vec::new(),
        };
        if asked.len() > MAX_QUESTIONS {
            return Err(wrong("it asks too much at once"));
        }
        let mut questions = Vec::with_capacity(asked.len());
        for asked in &asked {
            let (request, question) = self.question(message, asked, (&call.client, call.number))?;
            if stream.send(&request).await.is_err() {
                return Err(UpstreamError::new(Outcome::Unreachable, "its client has gone"));
            }
            questions.push(question);
        }
        let mut responses = b"{".to_vec();
        for question in questions {
            let answer = timeout_at(self.deadline, question.answer).await;
            let answer = answer.map_err(|_| UpstreamError::timeout("the client's answer"))?;
            let answer = answer.ok().flatten();
            let answer = answer.ok_or_else(|| {
                UpstreamError::new(Outcome::MissingCapability, "it asks for input, and its client gave none")
            })?;
            if responses.len() > 1 {
                responses.push(b',');
            }
            responses.extend_from_slice(&question.key);
            responses.push(b':');
            responses.extend_from_slice(&answer);
        }
        responses.push(b'}');
        let state = result.request_state.map(|span| span.of(message));
        self.send_again(source, again, &Input { responses: &responses, state }).await
    }

    /// A question, as the client's request and what waits for its answer.
    fn question(
        &self,
        message: &Bytes,
        asked: &Member<'_>,
        (client, call): (&Arc<ClientSession>, u64),
    ) -> Result<(Bytes, Question), UpstreamError> {
        let wrong = |what: &str| UpstreamError::new(Outcome::UpstreamError, what);
        if asked.kind != Kind::Object {
            return Err(wrong("what it asks for is no request"));
        }
        let parts = members(message, asked.value).map_err(|fault| bad_reply(&fault))?;
        let part = |name: &str, kind| parts.iter().find(|part| part.name == name && part.kind == kind);
        let method = part("method", Kind::String).ok_or_else(|| wrong("what it asks for has no method"))?;
        let name: String =
            serde_json::from_slice(method.value.of(message)).map_err(|_| wrong("the method is no text"))?;
        if !client.session.capabilities.has_method(&name) {
            let what = format!("it asks for {}, which its client cannot do", known(&name));
            return Err(UpstreamError::new(Outcome::MissingCapability, what));
        }
        let (sender, answer) = oneshot::channel();
        let id = client.ask(Asked { by: Asker::Call(sender), call: Some(call), expires: self.expires() });
        let id = id.ok_or_else(|| UpstreamError::new(Outcome::RateLimited, "its client has too much to answer"))?;
        let mut request = br#"{"jsonrpc":"2.0","id":"#.to_vec();
        request.extend_from_slice(&id);
        request.extend_from_slice(br#","method":"#);
        request.extend_from_slice(method.value.of(message));
        if let Some(params) = part("params", Kind::Object) {
            request.extend_from_slice(br#","params":"#);
            request.extend_from_slice(params.value.of(message));
            if leads_elsewhere(message, params.value)? {
                // Before 2026-07-28 what a person does elsewhere has an id; the client's own of the question is one.
                request.pop();
                request.extend_from_slice(br#","elicitationId":"#);
                request.extend_from_slice(&id);
                request.push(b'}');
            }
        }
        request.push(b'}');
        Ok((request.into(), Question { key: asked.key.of(message).to_vec(), answer }))
    }

    async fn send_again(&self, source: &mut Source, again: &Again, input: &Input<'_>) -> Result<(), UpstreamError> {
        let lost = || UpstreamError::new(Outcome::UpstreamError, "its request cannot be read again");
        let Ok(Incoming::One(message)) = scan::request(&again.body) else { return Err(lost()) };
        let said = message.params.as_ref().and_then(|params| said(self.method, params)).ok_or_else(lost)?;
        let client = self.client();
        let request = Request { method: self.method, body: &again.body, message: &message, said, client, whole: false };
        let called = self.holding.called();
        let words = Words {
            name_json: called.name_json(),
            level: Some(again.level),
            capabilities: again.capabilities,
            state: None,
            input: Some(*input),
        };
        let gateway = self.holding.gateway();
        let render = |id: u64, era: Era| {
            gateway.metrics.permit_used(self.method);
            render(&request, &words, (id, era))
        };
        let mirror = |headers: &mut HeaderMap| mirrored::add_own(&request, called, headers);
        let outgoing =
            Outgoing { method: self.method.as_str(), render: &render, mirror: &mirror, deadline: self.deadline };
        let reply = self.upstream.send(&outgoing).await?;
        source.id = reply.id;
        source.messages = match reply.body {
            ReplyBody::Messages(messages) => messages,
            ReplyBody::Json(mut body) => Messages::one(self.whole(&mut body).await?),
        };
        Ok(())
    }
}

/// Whether params ask a person to go to a URL, and have no id for that.
fn leads_elsewhere(message: &[u8], params: Span) -> Result<bool, UpstreamError> {
    let params = members(message, params).map_err(|fault| bad_reply(&fault))?;
    let is_url = params.iter().any(|member| member.name == "mode" && member.value.of(message) == br#""url""#);
    Ok(is_url && !params.iter().any(|member| member.name == "elicitationId"))
}

/// What is called, as the caller says it.
fn said<'p, 'b>(method: Method, params: &'p Params<'b>) -> Option<&'p Text<'b>> {
    match method {
        Method::CallTool | Method::GetPrompt => params.name.as_ref(),
        Method::ReadResource => params.uri.as_ref(),
        _ => None,
    }
}

/// A method of the protocol by its name; of others nothing is said on (R21).
fn known(method: &str) -> &str {
    match method {
        "sampling/createMessage" | "elicitation/create" | "roots/list" => method,
        _ => "something",
    }
}
