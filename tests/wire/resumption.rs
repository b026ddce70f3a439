//! A client that comes back for the rest of a stream.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::Client;
use tests::stream::Event;

use super::asking::{ABLE, ALICE, BOB, Clients, call};
use tests::upstream::{Does, Form, Script, Tool};

fn asks() -> Script {
    let ask = Does::Ask(vec![("roots/list".to_owned(), "{}".to_owned())]);
    Script { form: Form::EventStream, ..Script::with([Tool::new("ask", ask)]) }
}

/// A call whose question was read: its client, the beginning and the question.
async fn asked(clients: &Clients) -> (Client, [Event; 2]) {
    let client = clients.session(ALICE, "2025-11-25", ABLE).await;
    let mut called = call(&client).await;
    let events = [called.next().await.unwrap(), called.next().await.unwrap()];
    (client, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rest_of_an_answer_comes_on_a_get_with_the_last_event() {
    let clients = Clients::of(asks());
    let (mut client, [beginning, question]) = asked(&clients).await;
    // The connection of the call is broken by now; its answer comes while nobody reads.
    let id = &question.json()["id"];
    let told = client.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    let mut rest = client.listen(&[("last-event-id", question.id.as_deref().unwrap())]).await;
    let response = rest.message().await;
    assert_eq!(response["id"], "c");
    assert_eq!(response["result"]["structuredContent"]["answers"][0]["id"], "ask-0");
    assert_eq!(rest.next().await, None, "the end of the call's stream");
    // From its beginning: the same events again, by the same ids.
    let mut all = client.listen(&[("last-event-id", beginning.id.as_deref().unwrap())]).await;
    assert!(all.next().await.unwrap().data.is_empty());
    assert_eq!(all.next().await.unwrap(), question);
    assert_eq!(all.message().await, response);
    assert_eq!(all.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_an_event_id_opens_nothing_to_another() {
    let clients = Clients::of(asks());
    let (alice, [_, question]) = asked(&clients).await;
    let id = question.id.unwrap();
    let mut same_caller = clients.session(ALICE, "2025-11-25", ABLE).await;
    let bob = clients.session(BOB, "2025-11-25", ABLE).await;
    for other in [&same_caller, &bob] {
        assert_eq!(other.listen(&[("last-event-id", &id)]).await.status, StatusCode::BAD_REQUEST);
    }
    // Of other purposes, and cut.
    let request = serde_json::from_str::<serde_json::Value>(&question.data).unwrap()["id"].as_str().unwrap().to_owned();
    let session = alice.session().unwrap().to_owned();
    for forged in [&request, &session, &id[1..], &id[..id.len() - 1]] {
        assert_eq!(alice.listen(&[("last-event-id", forged)]).await.status, StatusCode::BAD_REQUEST, "{forged}");
    }
    let told = same_caller.post(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, json!(id))).await;
    assert_eq!(told.status, StatusCode::BAD_REQUEST);
    let mut open = alice.listen(&[("last-event-id", &id)]).await;
    assert!(open.next().await.unwrap().data.is_empty());
    assert!(open.is_silent(Duration::from_millis(200)).await, "the call still waits");
    assert_eq!(same_caller.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
}
