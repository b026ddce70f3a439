//! From an upstream's reply to the caller's answer: ids and progress tokens
//! home again, all other bytes as they came (R3).
//!
//! Up to 64 KiB are held back, so that a small reply fails cleanly; a larger
//! one, or one of several messages, goes on as it comes and is cut off if it
//! turns wrong.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::body::Stream;
use crate::capabilities::Capabilities;
use crate::client_session::calls::OpenCall;
use crate::client_session::stream::AnswerStream;
use crate::exchange::Answer;
use crate::failure::{self, About, Client};
use crate::forward::Method;
use crate::held::Question;
use crate::log_level::LogLevel;
use crate::revoked::Holding;
use crate::scan::{self, Edit, splice};
use crate::session::Session;
use crate::under_way::Call;
use crate::upstream::{Era, Messages, Outcome, Reply, ReplyBody, Upstream, UpstreamError};
use crate::upstreams::ServerUpstreams;

mod asking;
mod codes;
mod cost;
mod ending;
mod eras;
mod json;
mod rounds;

pub use rounds::Again;

use ending::Ended;

/// One reply on its way home, with all that its call holds until the last byte.
pub struct Relay {
    /// What was asked.
    pub method: Method,
    /// The caller's id, as JSON.
    pub id: Bytes,
    /// The caller's id of the task that the request is about, as JSON.
    pub task: Option<Bytes>,
    /// The caller's progress token, as JSON.
    pub token: Option<Bytes>,
    /// Whether the caller speaks the modern protocol.
    pub modern: bool,
    /// What its request is about.
    pub about: About,
    /// What the server was spoken to in.
    pub era: Era,
    /// The server.
    pub server: Arc<ServerUpstreams>,
    /// The session with it, where its questions are answered.
    pub upstream: Arc<Upstream>,
    /// One of the server's slots; none while it waits for its client.
    pub slot: Option<OwnedSemaphorePermit>,
    /// Whom the server may ask.
    pub asks: Asks,
    /// The caller's legacy session, if there is one.
    pub session: Option<Session>,
    /// The call as its client may cancel it.
    pub under_way: Option<Call>,
    /// What it takes to ask a legacy client for a modern server.
    pub again: Option<Again>,
    /// What of the server's logs the caller wants to see.
    pub logs: Logs,
    /// When the call ends at the latest.
    pub deadline: Instant,
    /// What goes before each URI of what was read, for the caller to know it by.
    pub uri_prefix: Option<Bytes>,
    /// What may be taken away meanwhile.
    pub holding: Holding,
}

/// Where the messages of a reply come from.
pub struct Source {
    /// The request's id at its server.
    id: u64,
    messages: Messages,
    /// The call as its server may ask the client in it.
    call: Option<OpenCall>,
    /// How often the client was asked for what a result asked for.
    rounds: usize,
}

impl Source {
    /// Whether a notification is looked at as one of any call: progress and logs, and all where no client can be asked.
    fn is_of_call(&self, call: &scan::Call<'_>) -> bool {
        self.call.is_none() || matches!(&*call.method.value, "notifications/progress" | "notifications/message")
    }
}

/// How much of a server's log goes with the answer to a call.
#[derive(Clone, Copy)]
pub enum Logs {
    /// Nothing.
    Nothing,
    /// What is as grave, or more.
    From(LogLevel),
    /// As this session wants it by then.
    OfSession(Session),
}

/// Whom a server may ask in the middle of a call.
#[derive(Clone)]
pub enum Asks {
    /// A pooled session has no one client to ask.
    Nobody,
    /// A modern client, by the result of its request.
    ByResult {
        /// What it can be asked for in the middle of a call.
        capabilities: Capabilities,
        /// What it can be asked for before it calls again.
        declared: Capabilities,
        /// `params.arguments`, which its answer has to come with again.
        arguments: Option<Bytes>,
    },
}

/// What a message of the server is for the caller.
enum Step {
    /// The end, with the HTTP status that it has if nothing came before.
    Response(StatusCode, Bytes),
    /// On the way there.
    Notification(Bytes),
    /// The server asks the client, and waits.
    Question(Question),
    /// A modern server's result that asks its legacy client for input.
    Input(Bytes),
    /// Nothing for the caller.
    Nothing,
}

impl Relay {
    /// The answer to the caller. `call`: as its server may ask the client in it; `whole`: it must be one message.
    pub async fn run(self, reply: Reply, call: Option<OpenCall>, whole: bool) -> Answer {
        match reply.body {
            ReplyBody::Json(body) if self.era == Era::Modern && self.again.is_some() => {
                Box::pin(self.json_or_rounds((reply.id, body), call, whole)).await
            }
            ReplyBody::Json(body) => self.json(reply.id, body, whole).await,
            ReplyBody::Messages(messages) => {
                let source = Source { id: reply.id, messages, call, rounds: 0 };
                Box::pin(self.messages(source, whole)).await
            }
        }
    }

    fn client(&self) -> Client<'_> {
        Client { id: &self.id, modern: self.modern, about: self.about }
    }

    fn fail(&self, error: &UpstreamError) -> Answer {
        self.server.failed(error);
        failure::upstream(self.client(), &self.holding.server().alias, error)
    }

    /// Counts a failure; what the caller is told of it.
    fn failed(&self, error: &UpstreamError) -> Bytes {
        self.server.failed(error);
        failure::upstream_message(self.client(), &self.holding.server().alias, error).into()
    }

    async fn messages(self, mut source: Source, whole: bool) -> Answer {
        loop {
            match self.next(&mut source).await {
                Ok(Step::Response(status, response)) => return Answer::Message(status, response),
                Ok(Step::Question(question)) => {
                    let asked = self.hold(source, question);
                    return Answer::Message(StatusCode::OK, asked);
                }
                Ok(first @ (Step::Notification(_) | Step::Input(_))) if !whole => {
                    let (sender, stream) = self.begin_stream();
                    tokio::spawn(self.stream_events(source, first, sender));
                    return Answer::Events(stream);
                }
                Ok(_) => {}
                Err(error) => return self.fail(&error),
            }
        }
    }

    /// A stream for the answer. That of a session is kept for a client that comes back for it.
    fn begin_stream(&self) -> (AnswerStream, Stream) {
        let kept = self.session.filter(|session| !session.has_one_stream);
        match kept.and_then(|session| self.holding.client(&session)) {
            Some(client) => AnswerStream::kept(client),
            None => AnswerStream::passing(self.goes_on()),
        }
    }

    /// Whether the answer is heard out though nobody reads it: a legacy client that goes away has not cancelled anything,
    /// but one that had a single stream is not coming back.
    fn goes_on(&self) -> bool {
        !self.modern && self.session.is_none_or(|session| !session.has_one_stream)
    }

    /// Events as they come. Messages are whole, so that a failure can still be told as the response.
    async fn stream_events(self, mut source: Source, first: Step, stream: AnswerStream) {
        let mut question = None;
        let going_on = async {
            let mut step = Ok(first);
            loop {
                let went_on = match step {
                    Ok(Step::Notification(message)) => {
                        if stream.send(&message).await.is_err() {
                            return Ok(());
                        }
                        Ok(())
                    }
                    Ok(Step::Input(message)) => self.round(&mut source, &stream, &message).await,
                    Ok(Step::Response(_, response)) => {
                        let _ = stream.send(&response).await;
                        return Ok(());
                    }
                    Ok(Step::Question(asked)) => {
                        question = Some(asked);
                        return Ok(());
                    }
                    Ok(Step::Nothing) => return Ok(()),
                    Err(error) => Err(error),
                };
                if let Err(error) = went_on {
                    self.server.failed(&error);
                    let told = failure::upstream_message(self.client(), &self.holding.server().alias, &error);
                    // The deadline that passed may be this stream's own: there is a moment left to say so.
                    stream.send_last(&told);
                    return Ok(());
                }
                step = self.next_for_caller(&mut source).await;
            }
        };
        match self.while_held(stream.left(), going_on).await {
            Ok(Ended::Rightly) => {
                if let Some(question) = question {
                    let _ = stream.send(&self.hold(source, question)).await;
                }
                stream.end();
            }
            Ok(Ended::WithProcess) => {
                stream.send_last(&failure::ended_message(self.client()));
                stream.end();
            }
            Ok(Ended::CutOff) => {}
            Err(error) => self.server.failed(&error),
        }
    }

    async fn next_for_caller(&self, source: &mut Source) -> Result<Step, UpstreamError> {
        loop {
            match self.next(source).await? {
                Step::Nothing => {}
                step => return Ok(step),
            }
        }
    }

    async fn next(&self, source: &mut Source) -> Result<Step, UpstreamError> {
        let beside = async {
            match &mut source.call {
                Some(call) => call.next().await,
                None => std::future::pending().await,
            }
        };
        let next = tokio::select! {
            biased;
            // What was said before the response goes before it.
            message = beside => return Ok(Step::Notification(message)),
            next = timeout_at(self.deadline, source.messages.next()) => next,
        };
        let message = next.map_err(|_| UpstreamError::timeout("the reply"))?;
        let message = message.ok_or_else(|| {
            UpstreamError::new(Outcome::UpstreamError, "the server ended the stream before its answer")
        })??;
        match scan::message(&message).map_err(|fault| bad_reply(&fault))? {
            scan::Upstream::Response(response) if self.asks_again(source, response.result.as_ref()) => {
                Ok(Step::Input(message))
            }
            scan::Upstream::Response(response) => {
                let (status, response) = self.response(source.id, &message, &response)?;
                Ok(Step::Response(status, response))
            }
            scan::Upstream::Notification(call) if source.is_of_call(&call) => {
                Ok(self.notification(source.id, &message, &call))
            }
            scan::Upstream::Notification(_) => Ok(self.said(source, &message).await),
            scan::Upstream::Request(_) if source.call.is_some() => Ok(self.said(source, &message).await),
            scan::Upstream::Request(call) => self.asked(&message, &call).await,
        }
    }

    fn response(
        &self,
        upstream_id: u64,
        message: &Bytes,
        response: &scan::Response,
    ) -> Result<(StatusCode, Bytes), UpstreamError> {
        let Some(id_span) = response.id_span.filter(|_| response.id == Some(upstream_id)) else {
            return Err(UpstreamError::new(Outcome::UpstreamError, "the answer bears another id"));
        };
        let status = self.check_era(message, response)?;
        self.server.metrics.answered(response.result.as_ref().is_none_or(|result| result.is_error));
        if let Some(result) = &response.result {
            self.charge(result.result_type.as_deref());
        }
        if let Some(told) = response.error.as_ref().and_then(|error| self.told_instead(message, id_span, error)) {
            return Ok(told);
        }
        let mut edits = vec![Edit::replace(id_span, &self.id[..])];
        if let Some(result) = &response.result {
            let object = result.object.filter(|_| result.result_type.is_none()).zip(self.modern_result());
            edits.extend(object.map(|(object, members)| Edit::insert_last(object, members)));
            edits.extend(self.without_modern(message, result)?);
            edits.extend(self.sealed_state(message, result)?);
            edits.extend(self.sealed_task(message, result)?);
        }
        if let Some(prefix) = &self.uri_prefix {
            let uris = scan::contents_uris(message).map_err(|fault| bad_reply(&fault))?;
            let grown = (message.len() + uris.len() * prefix.len()) as u64;
            if grown > self.server.endpoint.server.max_response_bytes {
                return Err(too_large());
            }
            edits.extend(uris.into_iter().map(|uri| Edit::insert(uri.start + 1, &prefix[..])));
        }
        Ok((status, edited(message, edits)))
    }

    /// Progress goes home under the caller's own token. What the server logs on the stream of a call is of that call, and
    /// goes as it is where the caller wants it (R10). Everything else stays here.
    fn notification(&self, upstream_id: u64, message: &Bytes, call: &scan::Call<'_>) -> Step {
        match &*call.method.value {
            "notifications/progress" => {
                let Some((token, own)) = call.progress_token.as_ref().zip(self.token.as_ref()) else {
                    return Step::Nothing;
                };
                if token.token != upstream_id.to_string().as_bytes() {
                    return Step::Nothing;
                }
                Step::Notification(edited(message, vec![Edit::replace(token.span, &own[..])]))
            }
            "notifications/message" => {
                let level = call.level.as_ref().and_then(|level| LogLevel::from_wire(&level.value));
                let wanted = match self.logs {
                    Logs::Nothing => None,
                    Logs::From(level) => Some(level),
                    Logs::OfSession(session) => Some(self.holding.gateway().sessions.log_level(&session)),
                };
                let is_wanted = level.zip(wanted).is_some_and(|(level, wanted)| level >= wanted);
                if is_wanted { Step::Notification(message.clone()) } else { Step::Nothing }
            }
            _ => Step::Nothing,
        }
    }
}

fn edited(message: &Bytes, mut edits: Vec<Edit<'_>>) -> Bytes {
    edits.sort_unstable_by_key(|edit| edit.span.start);
    let mut out = Vec::with_capacity(message.len() + 64);
    splice(message, &edits, &mut out);
    out.into()
}

fn too_large() -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, "the reply is over maxResponseBytes")
}

fn bad_reply(fault: &scan::Fault) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, format!("the reply is not an answer: {}", fault.message))
}
