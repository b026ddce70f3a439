//! `resources/subscribe` and `resources/unsubscribe`: a session with the server that is there for one client is
//! subscribed, and what is updated comes home by the URI that the client said.

use crate::call::Asked;
use crate::denial;
use crate::exchange::{Answer, Exchange};
use crate::failure::{self, About, Client};
use crate::forward::{Method, Request, forward};
use crate::json::{INVALID_PARAMS, METHOD_NOT_FOUND};
use crate::route::{Target, resource};

/// What is asked for.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Change {
    /// To be told.
    Subscribe,
    /// Not to be told any more.
    Unsubscribe,
}

/// Answers either. The caller needs the leave to read the resource.
pub async fn answer(exchange: &Exchange<'_>, asked: Asked<'_>, change: Change) -> Answer {
    let Some(uri) = asked.message.params.as_ref().and_then(|params| params.uri.as_ref()) else {
        return Answer::error(asked.id, INVALID_PARAMS, "params.uri is missing: it names the resource");
    };
    let client = Client { id: asked.id, modern: false, about: About::Resource };
    let found = match resource(exchange, &uri.value).await {
        Target::Found(found) => found,
        Target::Down(server, error) => {
            let alias = &exchange.view.table.snapshot.servers[server as usize].alias;
            return failure::upstream(client, alias, &error);
        }
        Target::Unknown => {
            let id = denial::of_item(exchange, About::Resource, None, &uri.value);
            return failure::unknown(client, &uri.value, id);
        }
    };
    let kept = match exchange.subscriber_of(found.permit.server()) {
        Ok(Some(kept)) => kept,
        Ok(None) => {
            let words = "this resource cannot be subscribed to: there is no session, or its server is a child that others share";
            return Answer::error(asked.id, METHOD_NOT_FOUND, words);
        }
        Err(reject) => return Answer::Rejected(reject),
    };
    let server = exchange.view.table.snapshot.servers[found.permit.server() as usize].id.clone();
    let native = found.called.name().to_owned();
    // Noted before: the server may tell of it at once.
    if change == Change::Subscribe && !kept.subscribe(&server, &native, &uri.value) {
        return Answer::error(asked.id, INVALID_PARAMS, "this session is subscribed to as many resources as it may be");
    }
    if change == Change::Unsubscribe {
        kept.unsubscribe(&server, &native);
    }
    let method = match change {
        Change::Subscribe => Method::Subscribe,
        Change::Unsubscribe => Method::Unsubscribe,
    };
    let request = Request { method, body: asked.body, message: asked.message, said: uri, client, whole: asked.whole };
    forward(exchange, request, found).await
}
