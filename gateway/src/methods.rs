//! The methods of MCP, by revision: what each message of a request is
//! answered with.

use crate::caller::Caller;
use bytes::Bytes;
use crds::snapshot::UnixSeconds;
use http::StatusCode;

use crate::call::{self, Asked};
use crate::capabilities::Capabilities;
use crate::catalogue::List;
use crate::client_session::answer;
use crate::client_session::log_level;
use crate::client_session::subscribe::{self, Change};
use crate::exchange::{Answer, Exchange};
use crate::forward::Method;
use crate::gateway::Gateway;
use crate::head::Head;
use crate::json::{INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND};
use crate::list;
use crate::listen;
use crate::log_level::LogLevel;
use crate::modern;
use crate::reject::Reject;
use crate::revision::Revision;
use crate::scan::{Incoming, Message};
use crate::session::{Session, Told, What};

/// What the gateway offers to a legacy client. Of lists that change for its caller it hears on its session's stream.
const CAPABILITIES: &str = r#"{"completions":{},"logging":{},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}}"#;

/// The revision that a request speaks, and its session. A session id must be the caller's own and live.
pub fn revision(
    gateway: &Gateway,
    head: &Head<'_>,
    incoming: &Incoming<'_>,
    (caller, now): (&Caller<'_>, UnixSeconds),
) -> Result<(Revision, Option<Session>), Reject> {
    let message = match incoming {
        Incoming::One(message) => Some(message),
        Incoming::Batch(_) => None,
    };
    if message.is_some_and(|message| modern::is_claimed(head, message)) {
        return Ok((Revision::V2026_07_28, None));
    }
    if head.repeats_version() {
        return Err(Reject::RepeatedHeader("MCP-Protocol-Version"));
    }
    let named = match head.version {
        Some(version) => Some(Revision::from_wire(version).ok_or(Reject::Version)?),
        None => None,
    };
    let starts = message.and_then(|message| message.method.as_ref()).is_some_and(|method| method.value == "initialize");
    let session = match head.session.filter(|_| !starts) {
        Some(id) => Some(gateway.sessions.of(caller, id, now).ok_or(Reject::NoSuchSession)?),
        None => None,
    };
    // Without a word of either, a client is of the first revision of this transport (2025-06-18, transports).
    let revision = named.or(session.map(|session| session.revision)).unwrap_or(Revision::V2025_03_26);
    if message.is_none() && !revision.has_batches() {
        return Err(Reject::Invalid("an array of messages is a request in revision 2025-03-26 only".into()));
    }
    Ok((revision, session))
}

/// What the client of a request can be asked for: a legacy one said so when its session began, a modern one says it of
/// each request.
pub fn capabilities(body: &Bytes, incoming: &Incoming<'_>, session: Option<&Session>) -> Capabilities {
    if let Some(session) = session {
        return session.capabilities;
    }
    let Incoming::One(message) = incoming else { return Capabilities::default() };
    let meta = message.params.as_ref().and_then(|params| params.meta.as_ref());
    let declared = meta.and_then(|meta| meta.client_capabilities);
    declared.map(|span| Capabilities::read(span.of(body))).unwrap_or_default()
}

/// Answers one message; with a session id, if it began a session. `whole`: the answer must be one message (a batch).
pub async fn answer(
    exchange: &Exchange<'_>,
    body: &Bytes,
    message: &Message<'_>,
    whole: bool,
) -> Result<(Answer, Option<String>), Reject> {
    let (method, id) = match (&message.method, &message.id) {
        (Some(method), Some(id)) => (method, id.token),
        (Some(_), None) => {
            Box::pin(answer::notification(exchange, body, message)).await;
            return Ok((Answer::Accepted, None));
        }
        (None, _) => {
            let taken = Box::pin(answer::response(exchange, body, message)).await;
            // In a batch it holds up nothing else.
            return if whole { Ok((Answer::Accepted, None)) } else { Ok((taken?, None)) };
        }
    };
    if exchange.revision.is_modern()
        && let Err(refused) = modern::check(exchange.head, message, id)
    {
        return Ok((refused, None));
    }
    let asked = Asked { body, message, id, whole };
    let answer = match (&*method.value, exchange.revision.is_modern()) {
        ("tools/call", _) => call::tool(exchange, asked).await,
        ("tools/list", _) => list(exchange, List::Tools, asked).await,
        ("prompts/list", _) => list(exchange, List::Prompts, asked).await,
        ("prompts/get", _) => Box::pin(call::prompt(exchange, asked)).await,
        ("resources/list", _) => list(exchange, List::Resources, asked).await,
        ("resources/templates/list", _) => list(exchange, List::Templates, asked).await,
        ("resources/read", _) => Box::pin(call::read(exchange, asked)).await,
        ("completion/complete", _) => Box::pin(call::complete(exchange, asked)).await,
        ("logging/setLevel", false) => Box::pin(set_log_level(exchange, message, id)).await,
        ("resources/subscribe", false) => Box::pin(subscribe::answer(exchange, asked, Change::Subscribe)).await,
        ("resources/unsubscribe", false) => Box::pin(subscribe::answer(exchange, asked, Change::Unsubscribe)).await,
        ("subscriptions/listen", true) => Box::pin(listen::answer(exchange, asked)).await,
        ("tasks/get", true) => Box::pin(call::task(exchange, Method::GetTask, asked)).await,
        ("tasks/update", true) => Box::pin(call::task(exchange, Method::UpdateTask, asked)).await,
        ("tasks/cancel", true) => Box::pin(call::task(exchange, Method::CancelTask, asked)).await,
        ("ping", false) => Answer::result(id, b"{}"),
        ("initialize", false) => return initialize(exchange, asked),
        ("server/discover", true) => modern::discover(id),
        (_, modern) => {
            let status = if modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
            Answer::error_with(status, id, (METHOD_NOT_FOUND, "Method not found"), None)
        }
    };
    Ok((answer, None))
}

async fn list(exchange: &Exchange<'_>, list: List, asked: Asked<'_>) -> Answer {
    match asked.message.params.as_ref().and_then(|params| params.cursor.as_ref()) {
        Some(_) => Answer::error(asked.id, INVALID_PARAMS, "params.cursor is not one of ours: a list is one page"),
        None => Box::pin(list::answer(exchange, list, asked.id)).await,
    }
}

/// What a session wants of servers' logs. Servers whose sessions others share are not told: they log as they do by
/// themselves, and what is below the level is left out. The other processes are, since the next call may come in there.
async fn set_log_level(exchange: &Exchange<'_>, message: &Message<'_>, id: &[u8]) -> Answer {
    let level = message.params.as_ref().and_then(|params| params.level.as_ref());
    let Some(level) = level.and_then(|level| LogLevel::from_wire(&level.value)) else {
        return Answer::error(
            id,
            INVALID_PARAMS,
            "params.level is not one of debug, info, notice, warning, error, critical, alert, emergency",
        );
    };
    let Some(session) = &exchange.session else {
        return Answer::error(
            id,
            INVALID_REQUEST,
            "logging/setLevel is for a session: send initialize first, and its Mcp-Session-Id",
        );
    };
    let told = Told { session: session.key(), what: What::LogLevel(level) };
    exchange.gateway.sessions.note(told, exchange.now);
    // Those of this client's own are told: nobody shares them.
    if let Some(client) = exchange.gateway.clients.get(session) {
        client.upstreams().iter().for_each(|upstream| log_level::tell(upstream, level));
    }
    if let Some(peers) = exchange.gateway.peers.get() {
        peers.tell(&[told]).await;
    }
    Answer::result(id, b"{}")
}

fn initialize(exchange: &Exchange<'_>, asked: Asked<'_>) -> Result<(Answer, Option<String>), Reject> {
    let Asked { body, message, id, .. } = asked;
    let asked = message.params.as_ref().and_then(|params| params.protocol_version.as_ref());
    let Some(asked) = asked else {
        return Ok((Answer::error(id, INVALID_PARAMS, "params.protocolVersion is missing"), None));
    };
    let known = Revision::from_wire(asked.value.as_bytes()).filter(|revision| !revision.is_modern());
    let revision = known.unwrap_or(Revision::NEWEST_LEGACY);
    let declared = message.params.as_ref().and_then(|params| params.capabilities);
    let capabilities = declared.map(|span| Capabilities::read(span.of(body))).unwrap_or_default();
    let session = exchange.gateway.sessions.start(
        (exchange.caller.id(), exchange.caller.side),
        (revision, capabilities),
        exchange.now,
    );
    let session = session.map_err(|_| Reject::Internal)?;
    let result = format!(
        r#"{{"protocolVersion":"{}","capabilities":{},"serverInfo":{}}}"#,
        revision.as_str(),
        CAPABILITIES,
        modern::SERVER_INFO,
    );
    Ok((Answer::result(id, result.as_bytes()), Some(session)))
}
