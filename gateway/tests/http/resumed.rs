//! Answers whose stream ends before the response, and goes on elsewhere (2025-11-25, basic/transports).

use std::time::{Duration, Instant};

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;

use crate::calls::{call, send, upstream};
use crate::server::{
    Script, Seen, Server, Step, chunk, events_head, last_chunk, progress, response, result, streamable,
};

/// A server whose calls begin with `first`, and go on with what `rest` says of each GET that names an event.
async fn polled(first: &'static str, rest: fn(&Seen, &Script, &Seen) -> Vec<Step>) -> Server {
    Server::listened_to(move |seen, script| match (seen.method.as_str(), seen.body["method"].as_str()) {
        ("POST", Some("tools/call")) => vec![events_head(), chunk(first), last_chunk()],
        ("GET", _) if seen.headers.contains_key("last-event-id") => rest(seen, script, &script.of("tools/call")[0]),
        ("GET", _) => response("405 Method Not Allowed", "", ""),
        _ => streamable(seen),
    })
    .await
}

fn event(id: &str, message: &serde_json::Value) -> Step {
    chunk(&format!("id: {id}\ndata: {message}\n\n"))
}

fn resumed(server: &Server) -> Vec<String> {
    let listens = server.script.listens();
    listens.into_iter().filter_map(|seen| seen.headers.get("last-event-id").cloned()).collect()
}

#[tokio::test]
async fn r7_an_answer_is_asked_for_where_its_stream_ended_and_the_call_is_sent_once() {
    let server =
        polled("id: e0\nretry: 300\ndata:\n\n", |seen, _, call| match seen.headers["last-event-id"].as_str() {
            // Nothing yet; then a part of it; then the rest.
            "e0" => vec![events_head(), event("e1", &progress(call)), last_chunk()],
            "e1" => vec![events_head(), chunk("id: e2\n\n"), last_chunk()],
            _ => vec![events_head(), event("e3", &result(call)), last_chunk()],
        })
        .await;
    let began = Instant::now();
    let heard = call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(heard.error.is_none(), "{heard:?}");
    assert_eq!(heard.messages.len(), 2);
    assert_eq!(heard.messages[0]["params"]["progressToken"], heard.id);
    assert_eq!(heard.messages[1]["id"], heard.id);
    assert_eq!(server.script.of("tools/call").len(), 1);
    assert_eq!(resumed(&server), ["e0", "e1", "e2"]);
    let resume = &server.script.listens().pop().unwrap();
    assert_eq!(resume.headers["mcp-session-id"], "s1");
    assert!(server.script.of("notifications/cancelled").is_empty(), "it was answered");
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_end_of_a_stream_that_can_go_on() {
    let server = Server::listened_to(|seen, script| match (seen.method.as_str(), seen.body["method"].as_str()) {
        ("POST", Some("tools/call")) => {
            vec![events_head(), chunk("id: e0\nretry: 100\ndata:\n\ndata: {\"cut"), Step::Close]
        }
        ("GET", _) if seen.headers.contains_key("last-event-id") => match resumed_so_far(script) {
            1 => vec![Step::Close],
            _ => vec![events_head(), event("e1", &result(&script.of("tools/call")[0])), last_chunk()],
        },
        _ => streamable(seen),
    })
    .await;
    let heard = call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap();
    assert_eq!(heard.only()["id"], heard.id);
    assert_eq!(server.script.of("tools/call").len(), 1);
}

fn resumed_so_far(script: &Script) -> usize {
    script.listens().iter().filter(|seen| seen.headers.contains_key("last-event-id")).count()
}

#[tokio::test]
async fn a_stream_that_does_not_go_on_fails_its_call() {
    // Refused, or given and empty each time.
    let refused = polled("id: e0\nretry: 100\ndata:\n\n", |_, _, _| response("404 Not Found", "", "")).await;
    let failed = call(&upstream(&refused.url(), HttpWire::Auto)).await.unwrap().error.unwrap();
    assert_eq!(failed.outcome, Outcome::UpstreamError);
    assert_eq!(resumed(&refused).len(), 1);

    let empty =
        polled("id: e0\nretry: 0\ndata:\n\n", |_, _, _| vec![events_head(), chunk("retry: 0\n\n"), last_chunk()]).await;
    let upstream = upstream(&empty.url(), HttpWire::Auto);
    let failed = send(&upstream, "tools/call", Duration::from_secs(30)).await.unwrap().error.unwrap();
    assert_eq!(failed.outcome, Outcome::UpstreamError);
    assert!((2..10).contains(&resumed(&empty).len()), "{:?}", resumed(&empty));
    assert_eq!(empty.script.of("tools/call").len(), 1);
}
