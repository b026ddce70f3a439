//! What a client says that is no request: its answers to servers' requests, and its notifications.

use std::borrow::Cow;

use bytes::Bytes;

use super::asked::Asker;
use super::{ClientSession, ClientSessions};
use crate::exchange::{Answer, Exchange};
use crate::reject::Reject;
use crate::scan::{Edit, Message, splice_part};

/// Takes a response of the client: to the server that asked, under the id that it asked by, once.
pub async fn response(exchange: &Exchange<'_>, body: &Bytes, message: &Message<'_>) -> Result<Answer, Reject> {
    let unknown = || Reject::Invalid("this answers no request that waits for an answer in this session".into());
    let session = exchange.session.as_ref().ok_or_else(unknown)?;
    ClientSessions::check_owner(exchange.gateway, session)?;
    let id = message.id.as_ref().ok_or_else(unknown)?;
    let text: Cow<'_, str> = serde_json::from_slice(id.token).map_err(|_| unknown())?;
    let client = exchange.gateway.clients.get(session).ok_or_else(unknown)?;
    let asked = client.take(&text).ok_or_else(unknown)?;
    let (upstream, asked_by) = match asked.by {
        Asker::Server { upstream, id } => (upstream.upgrade().ok_or_else(unknown)?, id),
        Asker::Call(call) => {
            let result = message.result.map(|result| body.slice(result.start..result.end));
            return call.send(result).map(|()| Answer::Accepted).map_err(|_| unknown());
        }
    };
    let mut out = Vec::new();
    splice_part(body, message.span, vec![Edit::replace(id.span, &asked_by[..])], &mut out);
    // It was taken, and nobody else can give it: it goes its way even if the client does not wait for that.
    exchange.goes_on.set();
    upstream.answer(out.into()).await;
    Ok(Answer::Accepted)
}

/// Takes a notification of the client.
pub async fn notification(exchange: &Exchange<'_>, body: &Bytes, message: &Message<'_>) {
    let Some(method) = &message.method else { return };
    match &*method.value {
        "notifications/cancelled" => {
            let id = message.params.as_ref().and_then(|params| params.request_id.as_ref());
            if let Some(id) = id {
                exchange.gateway.under_way.cancel(exchange.caller.id(), exchange.session.as_ref(), id.token);
            }
        }
        "notifications/roots/list_changed" => {
            let client = exchange.session.as_ref().and_then(|session| exchange.gateway.clients.get(session));
            for upstream in client.iter().flat_map(|client: &std::sync::Arc<ClientSession>| client.upstreams()) {
                upstream.answer(body.slice(message.span.start..message.span.end)).await;
            }
        }
        // `initialized` starts nothing here; of others nobody knows whose they are.
        _ => {}
    }
}
