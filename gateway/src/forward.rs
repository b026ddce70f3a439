//! One permitted request to one upstream, and its answer home.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use crate::exchange::{Answer, Exchange};
use crate::failure::{self, Client};
use crate::log_level::LogLevel;
use crate::modern::mirrored;
use crate::relay::{Logs, Relay};
use crate::render::render;
use crate::revoked::Holding;
use crate::route::Found;
use crate::scan::{Message, Text};
use crate::under_way::Call;
use crate::upstream::{Era, Outgoing, UpstreamError};

/// A method that a server answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// `tools/call`
    CallTool,
    /// `prompts/get`
    GetPrompt,
    /// `resources/read`
    ReadResource,
    /// `completion/complete`
    Complete,
    /// `resources/subscribe`
    Subscribe,
    /// `resources/unsubscribe`
    Unsubscribe,
}

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

impl Method {
    /// All of them, each at its own number.
    pub const ALL: [Self; 4] = [Self::CallTool, Self::GetPrompt, Self::ReadResource, Self::Complete];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::CallTool => "tools/call",
            Method::GetPrompt => "prompts/get",
            Method::ReadResource => "resources/read",
            Method::Complete => "completion/complete",
            Method::Subscribe => "resources/subscribe",
            Method::Unsubscribe => "resources/unsubscribe",
        }
    }

    /// What the modern protocol demands of its result; what is read for one caller is for no other's cache.
    pub const fn modern_result(self) -> &'static [u8] {
        match self {
            Method::ReadResource => br#""resultType":"complete","ttlMs":0,"cacheScope":"private""#,
            Method::CallTool | Method::GetPrompt | Method::Complete | Method::Subscribe | Method::Unsubscribe => {
                br#""resultType":"complete""#
            }
        }
    }
}

/// Sends the request to the server of what was found.
pub async fn forward(exchange: &Exchange<'_>, request: Request<'_>, found: Found) -> Answer {
    let Request { body, message, said, client, .. } = request;
    let server = found.permit.server();
    let Some(upstreams) = &exchange.view.upstreams[server as usize] else {
        return failure::unknown(client, &said.value);
    };
    let declared = &upstreams.endpoint.server;
    let deadline = deadline(exchange, declared.timeouts.call);
    let kept = match exchange.client_of(server) {
        Ok(kept) => kept,
        Err(reject) => return Answer::Rejected(reject),
    };
    let holding = Holding::new(exchange, found.called.clone());
    let begin = || Call::begin(exchange.gateway, &exchange.caller.id, exchange.session.as_ref(), client.id);
    let under_way = (!client.modern).then(begin);
    let cancelled = under_way.as_ref().map(Call::cancelled);
    if !client.modern {
        // A legacy client that goes away has not cancelled anything (2025-11-25, basic/transports).
        exchange.goes_on.set();
    }
    // What a server that has forgotten the session is sent once more (R7) is rendered, and counted, once more.
    let render = |id: u64, era: Era| {
        exchange.gateway.metrics.permit_used(request.method);
        let level = (era == Era::Modern && !client.modern).then(|| log_level(exchange));
        render(&request, found.called.name_json(), level, (id, era))
    };
    let mirror = |headers: &mut HeaderMap| mirrored::add(exchange, &request, &found.called, headers);
    let outgoing = Outgoing { method: request.method.as_str(), render: &render, mirror: &mirror, deadline };
    let answered = async {
        let opened = upstreams.open(exchange.caller, found.part, kept.as_ref())?;
        let slot = timeout_at(deadline, upstreams.calls.clone().acquire_owned()).await;
        // The semaphore is never closed, so that only time can fail it.
        let slot = slot.ok().and_then(Result::ok).ok_or_else(|| UpstreamError::timeout("waiting for a free slot"))?;
        let call = kept.filter(|_| !request.whole).map(|client| client.open_call(&declared.id));
        let reply = opened.upstream.send(&outgoing).await?;
        let relay = Relay {
            method: request.method,
            id: body.slice_ref(client.id),
            token: progress_token(body, message),
            modern: client.modern,
            era: reply.era,
            server: upstreams.clone(),
            upstream: opened.upstream,
            slot,
            session: exchange.session,
            under_way,
            logs: logs(exchange, message),
            deadline,
            uri_prefix: uri_prefix(&request, found.called.name()),
            holding: holding.clone(),
        };
        Ok(relay.run(reply, call, request.whole).await)
    };
    // What was taken away since the request was read is asked first: nothing is sent for who has lost it.
    tokio::select! {
        biased;
        () = holding.lost() => failure::unknown(client, &said.value),
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

/// The call's deadline; no call outlives its caller, or the key that it came by.
fn deadline(exchange: &Exchange<'_>, seconds: u32) -> Instant {
    let mut allowed = Duration::from_secs(u64::from(seconds));
    if let Some(until) = exchange.identity.until(exchange.caller) {
        let left = u64::try_from(until - exchange.now).unwrap_or_default();
        allowed = allowed.min(Duration::from_secs(left));
    }
    Instant::now() + allowed
}

fn progress_token(body: &Bytes, message: &Message<'_>) -> Option<Bytes> {
    let token = message.params.as_ref()?.meta.as_ref()?.progress_token.as_ref()?;
    Some(body.slice_ref(token.token))
}
