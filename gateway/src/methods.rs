//! The methods of MCP, by revision: what each message of a request is
//! answered with.

use bytes::Bytes;
use crds::snapshot::{Caller, UnixSeconds};
use http::StatusCode;

use crate::call;
use crate::exchange::{Answer, Exchange};
use crate::gateway::Gateway;
use crate::head::Head;
use crate::list;
use crate::modern;
use crate::reject::Reject;
use crate::revision::Revision;
use crate::scan::{Incoming, Message};

/// The revision that a request speaks. A session id must be the caller's own and live.
pub fn revision(
    gateway: &Gateway,
    head: &Head<'_>,
    incoming: &Incoming<'_>,
    (caller, now): (&Caller, UnixSeconds),
) -> Result<Revision, Reject> {
    let message = match incoming {
        Incoming::One(message) => Some(message),
        Incoming::Batch(_) => None,
    };
    if message.is_some_and(|message| modern::is_claimed(head, message)) {
        return Ok(Revision::V2026_07_28);
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
        Some(id) => Some(gateway.sessions.read(id, &caller.id, now).ok_or(Reject::NoSuchSession)?),
        None => None,
    };
    // Without a word of either, a client is of the first revision of this transport (2025-06-18, transports).
    let revision = named.or(session.map(|session| session.revision)).unwrap_or(Revision::V2025_03_26);
    if message.is_none() && !revision.has_batches() {
        return Err(Reject::Invalid("an array of messages is a request in revision 2025-03-26 only".into()));
    }
    Ok(revision)
}

/// Answers one message; with a session id, if it began a session. `whole`: the answer must be one message (a batch).
pub async fn answer(
    exchange: &Exchange<'_>,
    body: &Bytes,
    message: &Message<'_>,
    whole: bool,
) -> Result<(Answer, Option<String>), Reject> {
    // A notification, or a response to a request that was never made: there is nobody to tell anything.
    let (Some(method), Some(id)) = (&message.method, &message.id) else { return Ok((Answer::Accepted, None)) };
    let id = id.token;
    if exchange.revision.is_modern()
        && let Err(refused) = modern::check(exchange.head, message, id)
    {
        return Ok((refused, None));
    }
    let answer = match (&*method.value, exchange.revision.is_modern()) {
        ("tools/list", _) => match message.params.as_ref().and_then(|params| params.cursor.as_ref()) {
            Some(_) => Answer::error(id, -32602, "params.cursor is not one of ours: a list is one page"),
            None => Box::pin(list::tools(exchange, id)).await,
        },
        ("tools/call", _) => call::tool(exchange, body, message, id, whole).await,
        ("ping", false) => Answer::result(id, b"{}"),
        ("initialize", false) => return initialize(exchange, message, id),
        ("server/discover", true) => modern::discover(id),
        (_, modern) => {
            let status = if modern { StatusCode::NOT_FOUND } else { StatusCode::OK };
            Answer::error_with(status, id, (-32601, "Method not found"), None)
        }
    };
    Ok((answer, None))
}

fn initialize(exchange: &Exchange<'_>, message: &Message<'_>, id: &[u8]) -> Result<(Answer, Option<String>), Reject> {
    let asked = message.params.as_ref().and_then(|params| params.protocol_version.as_ref());
    let Some(asked) = asked else {
        return Ok((Answer::error(id, -32602, "params.protocolVersion is missing"), None));
    };
    let known = Revision::from_wire(asked.value.as_bytes()).filter(|revision| !revision.is_modern());
    let revision = known.unwrap_or(Revision::NEWEST_LEGACY);
    let session = exchange.gateway.sessions.start(&exchange.caller.id, revision, exchange.now);
    let session = session.map_err(|_| Reject::Internal)?;
    let result = format!(
        r#"{{"protocolVersion":"{}","capabilities":{{"tools":{{}}}},"serverInfo":{}}}"#,
        revision.as_str(),
        modern::SERVER_INFO,
    );
    Ok((Answer::result(id, result.as_bytes()), Some(session)))
}
