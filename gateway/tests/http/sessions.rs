//! Sessions that begin, are forgotten by the server, and end (R7).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crds::snapshot::HttpWire;
use gateway::upstream::{Outcome, UpstreamError};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::calls::{call, upstream};
use crate::server::{
    Script, Seen, Server, Step, chunk, error, events_head, initialize_result, json_response, response, streamable,
    until,
};

/// A server whose session number `current` is the only one that it knows, and which says so by `refuse`.
async fn forgetful(current: Arc<AtomicUsize>, refuse: fn(&Seen) -> Vec<Step>) -> Server {
    Server::start(move |seen, _| {
        let name = format!("s{}", current.load(Ordering::SeqCst));
        match seen.body["method"].as_str() {
            Some("initialize") => response(
                "200 OK",
                &format!("content-type: application/json\r\nmcp-session-id: {name}\r\n"),
                &initialize_result(seen).to_string(),
            ),
            Some("tools/call") if seen.headers["mcp-session-id"] != name => refuse(seen),
            _ => streamable(seen),
        }
    })
    .await
}

const WAYS: [fn(&Seen) -> Vec<Step>; 5] = [
    |_| response("404 Not Found", "content-type: text/plain\r\n", "gone"),
    |seen| json_response("404 Not Found", &error(seen, -32001)),
    |seen| json_response("400 Bad Request", &error(seen, -32000)),
    |_| {
        json_response(
            "400 Bad Request",
            &json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "No valid session ID"}}),
        )
    },
    |_| response("400 Bad Request", "", ""),
];

#[tokio::test]
async fn r7_a_forgotten_session_is_begun_again_and_the_call_sent_once_more() {
    for (way, refuse) in WAYS.into_iter().enumerate() {
        let current = Arc::new(AtomicUsize::new(0));
        let server = forgetful(Arc::clone(&current), refuse).await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        call(&upstream).await.unwrap();
        current.fetch_add(1, Ordering::SeqCst);
        call(&upstream).await.unwrap();
        assert_eq!(server.script.of("initialize").len(), 2, "way {way}");
        let named: Vec<_> =
            server.script.of("tools/call").into_iter().map(|seen| seen.headers["mcp-session-id"].clone()).collect();
        assert_eq!(named, ["s0", "s0", "s1"], "way {way}");
        let initialize = &server.script.of("initialize")[1];
        assert!(!initialize.headers.contains_key("mcp-session-id"), "a session begins without a name");
    }
}

#[tokio::test]
async fn callers_of_a_forgotten_session_share_its_new_beginning() {
    let current = Arc::new(AtomicUsize::new(0));
    let server = forgetful(Arc::clone(&current), WAYS[0]).await;
    let upstream = Arc::new(upstream(&server.url(), HttpWire::Auto));
    call(&upstream).await.unwrap();
    current.fetch_add(1, Ordering::SeqCst);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move { call(&upstream).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(server.script.of("initialize").len(), 2);
}

#[tokio::test]
async fn a_server_that_forgets_at_once_is_asked_twice_and_no_more() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => WAYS[0](seen),
        _ => streamable(seen),
    })
    .await;
    let failed = call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap_err();
    assert_eq!((failed.outcome, failed.http_status), (Outcome::UpstreamError, Some(404)));
    assert_eq!(server.script.of("tools/call").len(), 2);
}

#[tokio::test]
async fn r7_an_error_of_the_modern_protocol_is_not_a_forgotten_session() {
    for ours in [true, false] {
        let server = Server::start(move |seen, _| match seen.body["method"].as_str() {
            Some("tools/call") => {
                let mut refusal = error(seen, -32021);
                if !ours {
                    refusal["id"] = Value::Null;
                }
                json_response("400 Bad Request", &refusal)
            }
            _ => streamable(seen),
        })
        .await;
        match call(&upstream(&server.url(), HttpWire::Auto)).await {
            Ok(heard) => assert!(ours && heard.only()["error"]["code"] == -32021),
            Err(failed) => assert!(!ours && failed.http_status == Some(400)),
        }
        assert_eq!(server.script.of("tools/call").len(), 1);
    }
}

#[tokio::test]
async fn a_session_has_the_headers_that_its_beginning_gave() {
    for (revision, header) in [
        ("2024-11-05", None),
        ("2025-03-26", None),
        ("2025-06-18", Some("2025-06-18")),
        ("2025-11-25", Some("2025-11-25")),
    ] {
        let server = Server::start(move |seen, _| match seen.body["method"].as_str() {
            Some("initialize") => {
                let mut answer = initialize_result(seen);
                answer["result"]["protocolVersion"] = Value::from(revision);
                json_response("200 OK", &answer)
            }
            _ => streamable(seen),
        })
        .await;
        call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap();
        for seen in server.script.seen() {
            let expected = match seen.body["method"].as_str() {
                Some("server/discover") => Some("2026-07-28"),
                Some("initialize") => None,
                _ => header,
            };
            assert_eq!(seen.headers.get("mcp-protocol-version").map(String::as_str), expected, "{revision}");
            assert!(!seen.headers.contains_key("mcp-session-id"), "none was given");
        }
    }
}

#[tokio::test]
async fn a_stopped_upstream_ends_its_session_and_begins_no_other() {
    let server = Server::start(|seen, _| streamable(seen)).await;
    let idle = upstream(&server.url(), HttpWire::Auto);
    idle.stop().await;
    assert_eq!(server.script.connections(), 0, "nothing was begun, nothing is ended");
    assert_ended(&call(&idle).await.unwrap_err());
    assert_eq!(server.script.connections(), 0, "and nothing begins");
    let used = upstream(&server.url(), HttpWire::Auto);
    call(&used).await.unwrap();
    used.stop().await;
    let last = server.script.seen().pop().unwrap();
    assert_eq!((last.method.as_str(), last.headers["mcp-session-id"].as_str()), ("DELETE", "s1"));
    assert_ended(&call(&used).await.unwrap_err());
    assert_eq!(server.script.of("initialize").len(), 1);
}

/// The failure of whoever comes too late.
fn assert_ended(error: &UpstreamError) {
    assert_eq!(error.to_string(), "unreachable: the server was changed or removed meanwhile");
}

/// A server that answers `initialize` when its gate opens.
async fn gated(steps: fn(&Seen, &Script) -> Vec<Step>) -> (Server, watch::Sender<bool>) {
    let (gate, open) = watch::channel(false);
    let server = Server::start(move |seen, script| {
        let mut steps = steps(seen, script);
        if seen.body["method"] == "initialize" {
            steps.insert(0, Step::Wait(open.clone()));
        }
        steps
    })
    .await;
    (server, gate)
}

#[tokio::test]
async fn a_session_that_is_beginning_when_its_upstream_stops_is_ended_at_the_server() {
    for caller_gone in [false, true] {
        let (server, gate) = gated(|seen, _| streamable(seen)).await;
        let upstream = Arc::new(upstream(&server.url(), HttpWire::Auto));
        let waiting = tokio::spawn({
            let upstream = upstream.clone();
            async move { call(&upstream).await }
        });
        until("the session is beginning", || server.script.of("initialize").len() == 1).await;
        if caller_gone {
            waiting.abort();
        }
        let stopping = tokio::spawn({
            let upstream = upstream.clone();
            async move { upstream.stop().await }
        });
        match waiting.await {
            Ok(answered) => assert_ended(&answered.unwrap_err()),
            Err(aborted) => assert!(caller_gone && aborted.is_cancelled()),
        }
        gate.send_replace(true);
        stopping.await.unwrap();
        let deleted = || server.script.seen().into_iter().filter(|seen| seen.method == "DELETE").collect::<Vec<_>>();
        until("its end", || !deleted().is_empty()).await;
        let deleted = deleted();
        assert_eq!(deleted.len(), 1);
        assert_eq!(deleted[0].headers["mcp-session-id"], "s1");
        assert!(server.script.of("tools/call").is_empty());
        assert_ended(&call(&upstream).await.unwrap_err());
        assert_eq!(server.script.of("initialize").len(), 1);
    }
}

#[tokio::test]
async fn a_stream_that_is_beginning_when_its_upstream_stops_is_closed() {
    let (server, gate) = gated(|seen, script| match (seen.method.as_str(), seen.body["method"].as_str()) {
        ("GET", _) => vec![events_head(), chunk("event: endpoint\ndata: /messages\n\n"), Step::Stream],
        (_, method) => {
            if method == Some("initialize") {
                script.push("message", &initialize_result(seen).to_string());
            }
            response("202 Accepted", "", "")
        }
    })
    .await;
    let upstream = Arc::new(upstream(&server.url(), HttpWire::Sse));
    let waiting = tokio::spawn({
        let upstream = upstream.clone();
        async move { call(&upstream).await }
    });
    until("the session is beginning", || server.script.of("initialize").len() == 1).await;
    let stopping = tokio::spawn({
        let upstream = upstream.clone();
        async move { upstream.stop().await }
    });
    assert_ended(&waiting.await.unwrap().unwrap_err());
    gate.send_replace(true);
    stopping.await.unwrap();
    assert_ended(&call(&upstream).await.unwrap_err());
    until("the stream is closed", || {
        server.script.push("message", "{}");
        !server.script.streaming()
    })
    .await;
    assert!(server.script.of("tools/call").is_empty());
}

#[tokio::test]
async fn a_session_id_that_cannot_be_a_header_is_refused() {
    let server = Server::start(|seen, _| {
        response(
            "200 OK",
            "content-type: application/json\r\nmcp-session-id: a b\r\n",
            &initialize_result(seen).to_string(),
        )
    })
    .await;
    let failed = call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::UpstreamError);
}
