//! What a request looks like to the server, and which answers are replies (R21).

use std::time::Duration;

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;
use serde_json::json;

use crate::calls::{call, send, upstream};
use crate::server::{
    Server, Step, chunk, error, events_head, initialize_result, json_response, last_chunk, progress, response, result,
    streamable, until,
};

#[tokio::test]
async fn each_call_after_the_first_is_one_post_on_the_same_connection() {
    let server = Server::start(|seen, _| streamable(seen)).await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    for _ in 0..3 {
        let heard = call(&upstream).await.unwrap();
        assert_eq!(heard.only(), &json!({"jsonrpc": "2.0", "id": heard.id, "result": {"ok": true}}));
    }
    let seen = server.script.seen();
    let methods: Vec<_> = seen.iter().map(|seen| seen.body["method"].as_str().unwrap()).collect();
    assert_eq!(
        methods,
        ["server/discover", "initialize", "notifications/initialized", "tools/call", "tools/call", "tools/call"]
    );
    assert_eq!(server.script.connections(), 1);
    let mut ids: Vec<_> = seen.iter().filter_map(|seen| seen.body["id"].as_u64()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 5, "R3: no id twice");
}

#[tokio::test]
async fn calls_that_come_together_begin_one_session() {
    let server = Server::start(|seen, _| streamable(seen)).await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let (one, two, three) = tokio::join!(call(&upstream), call(&upstream), call(&upstream));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(server.script.of("initialize").len(), 1);
    assert_eq!(server.script.of("notifications/initialized").len(), 1);
    assert_eq!(server.script.of("tools/call").len(), 3);
}

#[tokio::test]
async fn an_event_stream_gives_its_messages_in_order_and_its_connection_back() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => {
            let (progress, result) = (progress(seen).to_string(), result(seen).to_string());
            let (start, end) = result.split_at(20);
            vec![
                events_head(),
                chunk("\u{feff}: hello\r\n\r\nid: 1\r\nretry: 5\r\ndata:\r\n\r\n"),
                chunk(&format!("event: message\r\ndata: {progress}\r\n\r\nevent: other\ndata: {{}}\n\ndata: {start}")),
                chunk(&format!("{end}\n")),
                chunk("\n"),
                Step::Stream,
            ]
        }
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let heard = call(&upstream).await.unwrap();
    assert!(heard.error.is_none());
    assert_eq!(heard.messages[0]["params"]["progressToken"], heard.id);
    assert_eq!(heard.messages[1], json!({"jsonrpc": "2.0", "id": heard.id, "result": {"ok": true}}));
    assert_eq!(heard.messages.len(), 2);
    // The server ends the stream after its answer was read; then the connection is free for the next call, which may
    // come a little too early.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        until("the answer is written", || server.script.streaming()).await;
        server.script.end_streams();
        let before = server.script.connections();
        call(&upstream).await.unwrap();
        if server.script.connections() == before {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "no connection of an event stream is used again");
    }
}

#[tokio::test]
async fn requests_of_the_server_pass_on_a_calls_stream_and_are_answered_in_its_session() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => {
            let ask = json!([{"jsonrpc": "2.0", "id": "ask", "method": "roots/list"}, result(seen)]);
            vec![events_head(), chunk(&format!("data: {ask}\n\n")), last_chunk()]
        }
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Streamable);
    let heard = call(&upstream).await.unwrap();
    assert_eq!(heard.messages[0]["method"], "roots/list");
    assert_eq!(heard.messages[1]["id"], heard.id, "a batch of 2025-03-26 is taken apart");
    upstream.answer(r#"{"jsonrpc":"2.0","id":"ask","result":{"roots":[]}}"#.into()).await.unwrap();
    let answer = server.script.seen().pop().unwrap();
    assert_eq!(answer.body["id"], "ask");
    assert_eq!(answer.headers["mcp-session-id"], "s1");
}

#[tokio::test]
async fn r21_what_is_no_mcp_answer_is_an_outcome_without_a_byte_of_it() {
    const SECRET: &str = "secret-of-the-body";
    let cases = [
        ("200 OK", "text/html", Outcome::UpstreamError),
        ("200 OK", "application/json-seq", Outcome::UpstreamError),
        ("202 Accepted", "application/json", Outcome::UpstreamError),
        ("301 Moved Permanently", "text/html", Outcome::UpstreamError),
        ("307 Temporary Redirect", "application/json", Outcome::UpstreamError),
        ("400 Bad Request", "text/plain", Outcome::UpstreamError),
        ("401 Unauthorized", "application/json", Outcome::AuthRequired),
        ("403 Forbidden", "application/json", Outcome::Forbidden),
        ("404 Not Found", "text/html", Outcome::UpstreamError),
        ("429 Too Many Requests", "application/json", Outcome::RateLimited),
        ("500 Internal Server Error", "application/json", Outcome::UpstreamError),
        ("502 Bad Gateway", "text/html", Outcome::UpstreamError),
        ("504 Gateway Timeout", "text/html", Outcome::Timeout),
    ];
    for (status, media, outcome) in cases {
        let server = Server::start(move |seen, _| {
            // no session id, so that a 404 is not about a session
            match seen.body["method"].as_str() {
                Some("initialize") => json_response("200 OK", &initialize_result(seen)),
                Some("tools/call") => response(
                    status,
                    &format!("content-type: {media}\r\nlocation: /{SECRET}\r\nx-{SECRET}: {SECRET}\r\n"),
                    &error(seen, -32603).to_string(),
                ),
                _ => streamable(seen),
            }
        })
        .await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        let failed = call(&upstream).await.unwrap_err();
        let number: u16 = status[..3].parse().unwrap();
        assert_eq!((failed.outcome, failed.http_status), (outcome, Some(number)), "{status} {media}");
        assert!(!format!("{failed} {failed:?}").contains("secret"), "{failed:?}");
        assert_eq!(server.script.of("tools/call").len(), 1, "R7, R20: {status} is neither repeated nor followed");
        assert_eq!(server.script.seen().len(), 4, "server/discover and the two of the handshake before");
    }
}

#[tokio::test]
async fn a_json_rpc_error_that_answers_the_request_passes_with_a_4xx() {
    for status in ["400 Bad Request", "404 Not Found", "422 Unprocessable Content"] {
        let server = Server::start(move |seen, _| match seen.body["method"].as_str() {
            Some("tools/call") => {
                json_response(status, &error(seen, if status.starts_with("404") { -32601 } else { -32602 }))
            }
            _ => streamable(seen),
        })
        .await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        let heard = call(&upstream).await.unwrap();
        assert_eq!(heard.only()["id"], heard.id);
        assert_eq!(heard.only()["error"]["message"], "secret-of-the-body");
        assert_eq!(server.script.of("tools/call").len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_breaks_or_lies_is_an_error() {
    type Steps = fn(String) -> Vec<Step>;
    let cases: [(&str, Steps, Outcome); 5] = [
        ("ended", |_| vec![events_head(), chunk("data: {}\n"), last_chunk()], Outcome::UpstreamError),
        (
            "half an event",
            |message| vec![events_head(), chunk(&format!("data: {message}")), last_chunk()],
            Outcome::UpstreamError,
        ),
        ("cut", |_| vec![events_head(), chunk(": ping\n\n"), Step::Close], Outcome::Unreachable),
        ("not JSON", |_| vec![events_head(), chunk("data: <html>\n\n"), last_chunk()], Outcome::UpstreamError),
        (
            "another's id",
            |_| vec![events_head(), chunk("data: {\"jsonrpc\":\"2.0\",\"id\":999,\"result\":{}}\n\n"), last_chunk()],
            Outcome::UpstreamError,
        ),
    ];
    for (name, steps, outcome) in cases {
        let server = Server::start(move |seen, _| match seen.body["method"].as_str() {
            Some("tools/call") => steps(result(seen).to_string()),
            _ => streamable(seen),
        })
        .await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        let heard = call(&upstream).await.unwrap();
        assert_eq!(heard.error.map(|error| error.outcome), Some(outcome), "{name}");
        assert!(heard.messages.is_empty(), "{name}");
        assert_eq!(server.script.of("tools/call").len(), 1, "R7: {name}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_costs_the_deadline_and_no_more() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => vec![Step::Hang],
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let failed = send(&upstream, "tools/call", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::Timeout);
    assert_eq!(server.script.of("tools/call").len(), 1);
    until("the connection of a request that was given up is closed", || server.script.open() == 0).await;
}

#[tokio::test]
async fn what_is_no_http_is_an_upstream_error() {
    let server = Server::start(|_, _| vec![Step::Write("secret-of-the-body\r\n\r\n".to_owned()), Step::Close]).await;
    let failed = call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::UpstreamError);
    assert!(!failed.to_string().contains("secret"));
}
