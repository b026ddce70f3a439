//! Servers of HTTP+SSE (2024-11-05).

use std::sync::Arc;
use std::time::Duration;

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;
use serde_json::json;

use crate::calls::{call, send, upstream};
use crate::server::{
    Script, Seen, Server, Step, chunk, events_head, initialize_result, progress, response, result, until,
};

/// A server that knows no Streamable HTTP; `call` says what a tools/call does.
async fn sse_server(endpoint: &'static str, call: fn(&Seen, &Script)) -> Server {
    Server::start(move |seen, script| match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", _) => {
            vec![events_head(), chunk(&format!("event: endpoint\ndata: {endpoint}\n\n")), Step::Stream]
        }
        ("POST", "/messages?session=1") => {
            match seen.body["method"].as_str() {
                Some("initialize") => script.push("message", &initialize_result(seen).to_string()),
                Some("tools/call") => call(seen, script),
                Some("tools/list") => script.push("message", &result(seen).to_string()),
                _ => {}
            }
            response("202 Accepted", "", "Accepted")
        }
        _ => response("405 Method Not Allowed", "", ""),
    })
    .await
}

fn answer(seen: &Seen, script: &Script) {
    script.push("message", &progress(seen).to_string());
    script.push("message", &result(seen).to_string());
}

#[tokio::test]
async fn r5_auto_finds_http_sse_and_remembers_it() {
    let server = sse_server("/messages?session=1", answer).await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let heard = call(&upstream).await.unwrap();
    assert_eq!(heard.messages.len(), 2, "{heard:?}");
    assert_eq!(heard.messages[0]["params"]["progressToken"], heard.id);
    assert_eq!(heard.messages[1]["id"], heard.id);
    call(&upstream).await.unwrap();
    let requests = |script: &Script| -> Vec<String> {
        script
            .seen()
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.body["method"].as_str().unwrap_or("")))
            .collect()
    };
    let session = ["GET ", "POST initialize", "POST notifications/initialized", "POST tools/call", "POST tools/call"];
    assert_eq!(requests(&server.script)[..2], ["POST server/discover", "POST initialize"]);
    assert_eq!(requests(&server.script)[2..], session);

    server.script.end_streams();
    // A request that goes to the lost session before its end is noticed is answered by nobody.
    let again = async {
        loop {
            let heard = send(&upstream, "tools/list", Duration::from_secs(5)).await;
            if heard.is_ok_and(|heard| heard.error.is_none()) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    let posts =
        server.script.seen().iter().filter(|seen| seen.method == "POST" && seen.path.starts_with("/mcp")).count();
    assert_eq!(posts, 2, "Streamable HTTP was tried once, in each era");
    assert_eq!(server.script.seen().iter().filter(|seen| seen.method == "GET").count(), 2);
}

#[tokio::test]
async fn a_declared_sse_server_is_not_asked_for_streamable_http() {
    let server = sse_server("messages?session=1", answer).await;
    call(&upstream(&server.url(), HttpWire::Sse)).await.unwrap();
    assert_eq!(server.script.seen()[0].method, "GET");
    assert_eq!(server.script.seen()[0].headers["accept"], "text/event-stream");
}

#[tokio::test]
async fn r20_an_endpoint_of_another_origin_is_not_posted_to() {
    for endpoint in ["http://elsewhere.example/messages", "//elsewhere.example/messages", "https://127.0.0.1/messages"]
    {
        let server = sse_server(endpoint, answer).await;
        let failed = call(&upstream(&server.url(), HttpWire::Sse)).await.unwrap_err();
        assert_eq!(failed.outcome, Outcome::UpstreamError);
        assert_eq!(server.script.seen().len(), 1, "the GET alone");
    }
}

#[tokio::test]
async fn a_stream_that_is_not_one_is_refused() {
    for steps in [
        || response("200 OK", "content-type: text/html\r\n", "<html>"),
        || response("401 Unauthorized", "", ""),
        || vec![events_head(), chunk("event: message\ndata: {}\n\n"), Step::Hang],
    ] {
        let server = Server::start(move |_, _| steps()).await;
        let failed = call(&upstream(&server.url(), HttpWire::Sse)).await.unwrap_err();
        assert!(matches!(failed.outcome, Outcome::UpstreamError | Outcome::AuthRequired), "{failed}");
    }
}

#[tokio::test]
async fn r3_calls_on_one_stream_get_their_own_answers() {
    // The first call is answered after the second.
    let server = sse_server("/messages?session=1", |_, script| {
        let calls = script.of("tools/call");
        if calls.len() == 2 {
            for call in [&calls[1], &calls[0]] {
                answer(call, script);
            }
        }
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Sse);
    send(&upstream, "tools/list", Duration::from_secs(5)).await.unwrap();
    let (one, two) = tokio::join!(call(&upstream), call(&upstream));
    for heard in [one.unwrap(), two.unwrap()] {
        assert_eq!(heard.messages.len(), 2, "{heard:?}");
        assert_eq!(heard.messages[0]["params"]["progressToken"], heard.id);
        assert_eq!(heard.messages[1]["id"], heard.id);
    }
}

#[tokio::test]
async fn who_waits_when_the_stream_ends_is_told_and_the_next_call_reconnects() {
    let server = sse_server("/messages?session=1", |_, script| {
        if script.of("tools/call").len() == 1 {
            script.end_streams();
        } else {
            script.seen().last().map(|seen| answer(seen, script)).unwrap();
        }
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Sse);
    let heard = call(&upstream).await;
    let error = heard.map_or_else(Some, |heard| heard.error);
    assert_eq!(error.map(|error| error.outcome), Some(Outcome::Unreachable));
    assert_eq!(server.script.of("tools/call").len(), 1, "R7");
    let heard = call(&upstream).await.unwrap();
    assert_eq!(heard.messages.len(), 2);
    assert_eq!(server.script.of("initialize").len(), 2);
}

#[tokio::test]
async fn r7_a_404_to_a_message_begins_the_session_again_and_a_400_does_not() {
    for (status, calls, streams) in [("404 Not Found", 2, 2), ("400 Bad Request", 1, 1)] {
        let server = Server::start(move |seen, script| match (seen.method.as_str(), seen.body["method"].as_str()) {
            ("GET", _) => vec![events_head(), chunk("event: endpoint\ndata: /messages\n\n"), Step::Stream],
            (_, Some("tools/call")) if script.of("tools/call").len() == 1 => response(status, "", "no such session"),
            (_, method) => {
                match method {
                    Some("initialize") => script.push("message", &initialize_result(seen).to_string()),
                    Some("tools/call") => answer(seen, script),
                    _ => {}
                }
                response("202 Accepted", "", "")
            }
        })
        .await;
        let outcome = call(&upstream(&server.url(), HttpWire::Sse)).await;
        assert_eq!(outcome.is_ok(), calls == 2, "{status}");
        assert_eq!(server.script.of("tools/call").len(), calls, "{status}");
        assert_eq!(server.script.seen().iter().filter(|seen| seen.method == "GET").count(), streams, "{status}");
    }
}

#[tokio::test]
async fn the_server_is_answered_and_heard_outside_of_calls() {
    let server = sse_server("/messages?session=1", answer).await;
    let upstream = upstream(&server.url(), HttpWire::Sse);
    let mut changed = upstream.list_again().subscribe();
    call(&upstream).await.unwrap();
    server.script.push("message", r#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#);
    server.script.push("message", r#"{"jsonrpc":"2.0","id":"r1","method":"roots/list"}"#);
    server.script.push("message", r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    tokio::time::timeout(Duration::from_secs(10), changed.changed()).await.unwrap().unwrap();
    let script = Arc::clone(&server.script);
    let answers = move || -> Vec<_> {
        script
            .seen()
            .into_iter()
            .map(|seen| seen.body)
            .filter(|body| body["method"].is_null() && !body.is_null())
            .collect()
    };
    until("both requests are answered", || answers().len() == 2).await;
    let answers = answers();
    let of = |id: &str| answers.iter().find(|answer| answer["id"] == id).cloned().unwrap();
    assert_eq!(of("p1"), json!({"jsonrpc": "2.0", "id": "p1", "result": {}}));
    assert_eq!(of("r1")["error"]["code"], -32601);
}

#[tokio::test]
async fn an_upstream_that_is_dropped_closes_its_stream() {
    let server = sse_server("/messages?session=1", answer).await;
    let upstream = upstream(&server.url(), HttpWire::Sse);
    call(&upstream).await.unwrap();
    drop(upstream);
    server.script.push("message", "{}");
    until("the stream is closed", || {
        server.script.push("message", "{}");
        server.script.open() == 0
    })
    .await;
}
