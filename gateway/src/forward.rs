//! One permitted request to one upstream, and its answer home.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::SessionMode;
use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::capabilities::Capabilities;
use crate::client_session::ClientSession;
use crate::denial::{self, Reason};
use crate::exchange::{Answer, Exchange};
use crate::failure::{self, Client};
use crate::held::HeldCall;
use crate::input;
use crate::json::INVALID_PARAMS;
use crate::log_level::LogLevel;
use crate::modern::mirrored;
use crate::reject::Reject;
use crate::relay::{Again, Asks, Logs, Relay};
use crate::render::{Words, render};
use crate::request_state::{Bound, Kept};
use crate::revoked::{Ending, Holding};
use crate::route::Found;
use crate::scan::{Message, Text};
use crate::under_way::Call;
use crate::upstream::{CallerPart, Era, Outgoing, UpstreamError};
use crate::upstreams::ServerUpstreams;

mod method;

pub use method::Method;

/// A request that a server answers.
#[derive(Clone, Copy)]
pub struct Request<'r> {
    /// What is asked.
    pub method: Method,
    /// The body that it came in.
    pub body: &'r Bytes,
    /// Its message in the body.
    pub message: &'r Message<'r>,
    /// What is called, as the caller says it.
    pub said: &'r Text<'r>,
    /// Who is answered.
    pub client: Client<'r>,
    /// Whether the answer must be one message (a batch).
    pub whole: bool,
}

/// Sends the request to the server of what was found, or goes on with the call that it brings the answer for.
pub async fn forward(exchange: &Exchange<'_>, request: Request<'_>, found: Found) -> Answer {
    let Request { said, client, .. } = request;
    let server = found.permit.server();
    let denied = |reason| {
        let id = denial::of_lost(exchange, client.about, reason, (server, found.called.item()));
        failure::unknown(client, &said.value, id)
    };
    let Some(upstreams) = &exchange.view.upstreams[server as usize] else {
        return denied(Reason::ServerOff);
    };
    let kept = match request.method {
        Method::Subscribe | Method::Unsubscribe => exchange.subscriber_of(server),
        _ => exchange.client_of(server),
    };
    let kept = match kept {
        Ok(kept) => kept,
        Err(reject) => return Answer::Rejected(reject),
    };
    let holding = Holding::new(exchange, found.called.clone());
    let begin = || Call::begin(exchange.gateway, exchange.caller.id(), exchange.session.as_ref(), client.id);
    let under_way = (!client.cancels_by_leaving()).then(begin);
    let cancelled = under_way.as_ref().map(Call::cancelled);
    if !client.cancels_by_leaving() {
        exchange.goes_on.set();
    }
    let sending = Sending { exchange, request, upstreams, holding: &holding };
    let state = request.message.params.as_ref().and_then(|params| params.request_state.as_ref());
    let answered = async {
        match state.filter(|_| client.modern) {
            None => sending.begin(found.part, None, (kept, under_way)).await,
            Some(state) => Box::pin(sending.go_on(found.part, &state.value)).await,
        }
    };
    // What was taken away since the request was read is asked first: nothing is sent for who has lost it.
    tokio::select! {
        biased;
        ending = holding.ended() => match ending {
            Ending::Lost => denied(Reason::Lost),
            Ending::Process => failure::ended(client),
        },
        () = or_never(cancelled) => Answer::Accepted,
        answer = answered => answer.unwrap_or_else(|error: UpstreamError| {
            upstreams.failed(&error);
            failure::upstream(client, &holding.server().alias, &error)
        }),
    }
}

async fn or_never(future: Option<impl Future<Output = ()>>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// A permitted request on its way to a server.
#[derive(Clone, Copy)]
struct Sending<'c, 'r> {
    exchange: &'c Exchange<'r>,
    request: Request<'c>,
    upstreams: &'c Arc<ServerUpstreams>,
    holding: &'c Holding,
}

impl Sending<'_, '_> {
    /// Sends the request. `state`: what the server gave to be brought back with it; `client`: whom alone the server's session
    /// is for, if it is, and `under_way` what of the call a legacy one may cancel.
    async fn begin(
        self,
        part: CallerPart,
        state: Option<&str>,
        (client_session, under_way): (Option<Arc<ClientSession>>, Option<Call>),
    ) -> Result<Answer, UpstreamError> {
        let Self { exchange, request, upstreams, holding } = self;
        let Request { body, message, client, .. } = request;
        let (called, deadline) = (holding.called(), self.deadline());
        let server = &upstreams.endpoint.server.id;
        let call = client_session.as_ref().filter(|_| !request.whole).map(|client| client.open_call(server));
        // What a server that has forgotten the session is sent once more (R7) is rendered, and counted, once more.
        let render = |id: u64, era: Era| {
            exchange.gateway.metrics.permit_used(request.method);
            let level = (era == Era::Modern && !client.modern).then(|| log_level(exchange));
            let name_json = called.name_json();
            let capabilities = if call.is_some() { exchange.capabilities } else { Capabilities::default() };
            render(&request, &Words { name_json, level, capabilities, state, input: None }, (id, era))
        };
        let mirror = |headers: &mut HeaderMap| mirrored::add(exchange, &request, called, headers);
        let outgoing = Outgoing { method: request.method.as_str(), render: &render, mirror: &mirror, deadline };
        let opened = upstreams.open(exchange.caller, part, client_session.as_ref())?;
        let slot = slot(upstreams, deadline).await?;
        let reply = opened.upstream.send(&outgoing).await?;
        let relay = Relay {
            method: request.method,
            id: body.slice_ref(client.id),
            task: self.task(),
            token: progress_token(body, message),
            modern: client.modern,
            about: client.about,
            era: reply.era,
            server: upstreams.clone(),
            upstream: opened.upstream,
            slot: Some(slot),
            asks: self.asks(),
            session: exchange.session,
            under_way,
            again: call.as_ref().filter(|_| request.method.may_require_input()).map(|_| self.again()),
            logs: logs(exchange, message),
            deadline,
            uri_prefix: uri_prefix(&request, called.name()),
            holding: holding.clone(),
        };
        Ok(relay.run(reply, call, request.whole).await)
    }

    /// Goes on where its client was asked for input, if the state is one of ours and for this request (R8).
    async fn go_on(self, part: CallerPart, state: &str) -> Result<Answer, UpstreamError> {
        let Self { exchange, request: Request { method, client, .. }, upstreams, holding } = self;
        let arguments = self.arguments();
        let bound = Bound {
            caller: exchange.caller.id(),
            server: &upstreams.endpoint.server.id,
            method: method.as_str(),
            name: holding.called().name(),
            arguments: arguments.as_deref(),
        };
        match bound.open(&exchange.gateway.sealer, state, exchange.now) {
            Some(Kept::Upstream(state)) => self.begin(part, Some(&state), (None, None)).await,
            Some(Kept::Held { owner, handle }) if owner == exchange.gateway.own => {
                match exchange.gateway.held.take(handle) {
                    Some(held) => self.resume(held).await,
                    None => Ok(failure::interrupted(client)),
                }
            }
            Some(Kept::Held { owner, .. }) => {
                let if_gone = failure::interrupted_message(client).into();
                Ok(Answer::Rejected(Reject::Elsewhere(owner, Some(if_gone))))
            }
            None => {
                let words = "params.requestState is not one of ours, not for this request, or too old";
                Ok(Answer::error(client.id, INVALID_PARAMS, words))
            }
        }
    }

    /// Goes on with a call that this process holds open.
    async fn resume(self, held: HeldCall) -> Result<Answer, UpstreamError> {
        let Self { exchange, request, upstreams, holding } = self;
        let Request { body, message, client, .. } = request;
        let HeldCall { mut relay, source, question } = held;
        relay.id = body.slice_ref(client.id);
        relay.token = progress_token(body, message);
        relay.logs = logs(exchange, message);
        relay.holding = holding.clone();
        let responses = message.params.as_ref().and_then(|params| params.input_responses);
        let Ok(Some(answer)) = input::answer(body, responses, &question.id) else {
            // Who brings no answer is asked again.
            return Ok(relay.ask(source, question));
        };
        relay.deadline = self.deadline();
        relay.slot = Some(slot(upstreams, relay.deadline).await?);
        relay.upstream.answer(answer).await;
        Ok(relay.go_on(source, request.whole).await)
    }

    /// A modern client is asked by the result of its request; by a legacy server only where no other client hears it.
    fn asks(self) -> Asks {
        if !self.request.client.modern {
            return Asks::Nobody;
        }
        let per_client = self.upstreams.endpoint.server.sessions == SessionMode::PerClient;
        let capabilities = if per_client { self.exchange.capabilities } else { Capabilities::default() };
        Asks::ByResult { capabilities, declared: self.exchange.capabilities, arguments: self.arguments() }
    }

    /// What it takes to send the request once more with what the client is asked.
    fn again(self) -> Again {
        let Self { exchange, request, .. } = self;
        Again { body: request.body.clone(), level: log_level(exchange), capabilities: exchange.capabilities }
    }

    fn arguments(self) -> Option<Bytes> {
        let Request { body, message, .. } = self.request;
        let arguments = message.params.as_ref().and_then(|params| params.arguments)?;
        Some(body.slice_ref(arguments.of(body)))
    }

    /// The id that the caller knows the task by that the request is about.
    fn task(self) -> Option<Bytes> {
        let Request { method, body, said, .. } = self.request;
        method.is_of_task().then(|| body.slice_ref(said.span.of(body)))
    }

    /// When the call ends at the latest; no call outlives its caller, or the key that it came by.
    fn deadline(self) -> Instant {
        let exchange = self.exchange;
        let mut allowed = Duration::from_secs(u64::from(self.upstreams.endpoint.server.timeouts.call));
        let (called, now) = (self.holding.called(), exchange.now);
        let snapshot = &exchange.view.table.snapshot;
        let may = exchange.caller.until(now, |binding| snapshot.allows(binding, now, called.server, called.item()));
        let until = [may, exchange.identity.expires()].into_iter().flatten().min();
        if let Some(until) = until {
            let left = u64::try_from(until - now).unwrap_or_default();
            allowed = allowed.min(Duration::from_secs(left));
        }
        Instant::now() + allowed
    }
}

async fn slot(upstreams: &ServerUpstreams, deadline: Instant) -> Result<OwnedSemaphorePermit, UpstreamError> {
    let slot = timeout_at(deadline, upstreams.calls.clone().acquire_owned()).await;
    // The semaphore is never closed, so that only time can fail it.
    slot.ok().and_then(Result::ok).ok_or_else(|| UpstreamError::timeout("waiting for a free slot"))
}

/// A modern client says of each request which logs it wants; a legacy one of its session, and without one gets all.
fn logs(exchange: &Exchange<'_>, message: &Message<'_>) -> Logs {
    if exchange.revision.is_modern() {
        let meta = message.params.as_ref().and_then(|params| params.meta.as_ref());
        let level = meta.and_then(|meta| meta.log_level.as_ref()).and_then(|level| LogLevel::from_wire(&level.value));
        return level.map_or(Logs::Nothing, Logs::From);
    }
    exchange.session.map_or(Logs::From(LogLevel::Debug), Logs::OfSession)
}

/// The logs that a modern server is asked for on behalf of a legacy client, whose session may have named a level; one that
/// did not gets what servers log by themselves.
fn log_level(exchange: &Exchange<'_>) -> LogLevel {
    let named = exchange.session.and_then(|session| exchange.gateway.sessions.named_log_level(&session));
    named.unwrap_or(LogLevel::Info)
}

/// What the server's URIs bear before them where the caller reads one; none if they are as they are.
fn uri_prefix(request: &Request<'_>, native: &str) -> Option<Bytes> {
    let said = (request.method == Method::ReadResource).then_some(&request.said.value)?;
    let prefix = said.strip_suffix(native).filter(|prefix| !prefix.is_empty())?;
    Some(Bytes::copy_from_slice(prefix.as_bytes()))
}

fn progress_token(body: &Bytes, message: &Message<'_>) -> Option<Bytes> {
    let token = message.params.as_ref()?.meta.as_ref()?.progress_token.as_ref()?;
    Some(body.slice_ref(token.token))
}
