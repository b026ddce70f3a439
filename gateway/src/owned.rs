//! What of a request is kept by one process alone, its owner, and so has to
//! be answered there.

use bytes::Bytes;
use crds::snapshot::SessionMode;
use http::request::Parts;
use http::{Response, StatusCode};

use crate::body::Body;
use crate::exchange::{Answer, Exchange};
use crate::gateway::Gateway;
use crate::hop::Hop;
use crate::json::INTERNAL_ERROR;
use crate::owner::Owner;
use crate::peers::ForwardError;
use crate::proxy;
use crate::reject::Reject;
use crate::scan::{Incoming, Message};

/// A process that has to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owned {
    /// Which.
    pub owner: Owner,
    /// And if it is no more.
    pub if_gone: IfGone,
}

/// What becomes of a request whose owner is no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfGone {
    /// It is about what is gone too: its session is unknown, so that the client begins another.
    Unknown,
    /// Any process can go on with it.
    GoOn,
}

/// Who else has to answer a request; none if this process can.
pub fn needs_owner(exchange: &Exchange<'_>, incoming: &Incoming<'_>) -> Option<Owned> {
    let needed = match incoming {
        Incoming::One(message) => of_message(exchange, message),
        Incoming::Batch(messages) => {
            let first = messages.iter().find_map(|message| of_message(exchange, message));
            first.or_else(|| of_batch(exchange, messages))
        }
    };
    needed.filter(|needed| needed.owner != exchange.gateway.own)
}

fn of_message(exchange: &Exchange<'_>, message: &Message<'_>) -> Option<Owned> {
    let session = exchange.session.as_ref()?;
    match &*message.method.as_ref()?.value {
        // One level after the other, wherever they come in, or two processes could end with two. Of roots the owner's sessions
        // with servers are to hear.
        "logging/setLevel" | "notifications/roots/list_changed" => {
            Some(Owned { owner: session.owner, if_gone: IfGone::GoOn })
        }
        _ => None,
    }
}

/// A batch goes elsewhere as a whole, before any message of it is answered: whatever may lead to a server that is there
/// for one client is for the owner, which turns out only later of a single message.
fn of_batch(exchange: &Exchange<'_>, messages: &[Message<'_>]) -> Option<Owned> {
    let session = exchange.session.as_ref()?;
    let servers = &exchange.view.table.snapshot.servers;
    let may_be = messages.iter().any(|message| message.method.as_ref().is_none_or(|method| method.value != "ping"))
        && servers.iter().any(|server| server.sessions == SessionMode::PerClient);
    may_be.then_some(Owned { owner: session.owner, if_gone: IfGone::Unknown })
}

/// Has the process answer that keeps what a request is about, which turned out while it was answered: nothing was done
/// for it yet.
pub async fn elsewhere(
    gateway: &Gateway,
    hop: Hop,
    (owner, if_gone): (Owner, Option<Bytes>),
    parts: &Parts,
    (body, incoming): (&Bytes, &Incoming<'_>),
) -> Result<Response<Body>, Reject> {
    let forwarded = match hop {
        Hop::Client { .. } => forward(gateway, hop, owner, (parts, body)).await,
        Hop::Peer { .. } => Err(ForwardError::Gone),
    };
    match (forwarded, if_gone) {
        (Ok(response), _) => Ok(response),
        (Err(ForwardError::Broken), _) => Ok(broken(incoming)),
        (Err(ForwardError::Gone), Some(message)) => {
            proxy::into_response(Answer::Message(StatusCode::OK, message), None)
        }
        (Err(ForwardError::Gone), None) => Err(Reject::NoSuchSession),
    }
}

/// Whether every process has to hear of it: the request that a notification cancels may be answered anywhere.
pub fn is_for_all(incoming: &Incoming<'_>) -> bool {
    let Incoming::One(message) = incoming else { return false };
    let method = message.method.as_ref().map(|method| &*method.value);
    method == Some("notifications/cancelled") && message.id.is_none()
}

/// Has the owner answer. None: it is no more, and the request goes on here.
pub async fn answer_there(
    gateway: &Gateway,
    hop: Hop,
    needed: Owned,
    parts: &Parts,
    (body, incoming): (&Bytes, &Incoming<'_>),
) -> Result<Option<Response<Body>>, Reject> {
    match (forward(gateway, hop, needed.owner, (parts, body)).await, needed.if_gone) {
        (Ok(response), _) => Ok(Some(response)),
        (Err(ForwardError::Gone), IfGone::GoOn) => Ok(None),
        (Err(ForwardError::Gone), IfGone::Unknown) => Err(Reject::NoSuchSession),
        (Err(ForwardError::Broken), _) => Ok(Some(broken(incoming))),
    }
}

/// Waits for the head of the owner's answer, and when this process ends no longer than for servers of its own.
async fn forward(
    gateway: &Gateway,
    hop: Hop,
    owner: Owner,
    (parts, body): (&Parts, &Bytes),
) -> Result<Response<Body>, ForwardError> {
    let Some(peers) = gateway.peers.get() else { return Err(ForwardError::Gone) };
    let side = hop.side(&gateway.view.load().table.networks, &parts.headers);
    tokio::select! {
        biased;
        answered = peers.forward(owner, (parts, side), body.clone()) => answered,
        () = gateway.calls_end() => Err(ForwardError::Broken),
    }
}

/// The owner may have begun with it: what came of that, nobody knows any more.
fn broken(incoming: &Incoming<'_>) -> Response<Body> {
    let id = match incoming {
        Incoming::One(message) => message.id.as_ref().map(|id| id.token),
        Incoming::Batch(_) => None,
    };
    let said = "the process that answered this request has ended; the request may have been carried out";
    let data = br#"{"switchboard.dev/outcome":"unreachable"}"#;
    let answer = Answer::error_with(StatusCode::OK, id.unwrap_or(b"null"), (INTERNAL_ERROR, said), Some(data));
    proxy::into_response(answer, None).unwrap_or_else(Reject::into_response)
}
