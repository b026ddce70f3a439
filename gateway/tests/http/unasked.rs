//! What servers say outside of the answers to requests: the GET stream of Streamable HTTP sessions, the stream of HTTP+SSE.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use crds::snapshot::HttpWire;
use serde_json::{Value, json};

use crate::calls::{call, upstream, upstream_of_client};
use crate::server::{
    Script, Seen, Server, Step, chunk, events_head, initialize_result, json_response, last_chunk, response, result,
    streamable, until,
};

const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
const LOG: &str = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1e400}}"#;
const SAMPLING: &str = r#"{"jsonrpc":"2.0","id":"q1","method":"sampling/createMessage","params":{}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#;

/// A Streamable HTTP server with a GET stream.
fn speaking(seen: &Seen, _: &Script) -> Vec<Step> {
    if seen.method == "GET" { vec![events_head(), Step::Stream] } else { streamable(seen) }
}

/// An HTTP+SSE server.
fn over_sse(seen: &Seen, script: &Script) -> Vec<Step> {
    if seen.method == "GET" {
        return vec![events_head(), chunk("event: endpoint\ndata: /messages\n\n"), Step::Stream];
    }
    match seen.body["method"].as_str() {
        Some("initialize") => script.push("message", &initialize_result(seen).to_string()),
        Some("tools/call") => script.push("message", &result(seen).to_string()),
        _ => {}
    }
    response("202 Accepted", "", "")
}

/// What the server was answered.
fn answers(script: &Script) -> Vec<Value> {
    let bodies = script.seen().into_iter().map(|seen| seen.body);
    bodies.filter(|body| body["method"].is_null() && !body.is_null()).collect()
}

#[tokio::test]
async fn one_clients_session_hears_and_answers_its_server() {
    for (wire, handler) in
        [(HttpWire::Streamable, speaking as fn(&Seen, &Script) -> Vec<Step>), (HttpWire::Sse, over_sse)]
    {
        let server = Server::listened_to(handler).await;
        let (upstream, mut heard) = upstream_of_client(&server.url(), wire);
        let mut changed = upstream.list_again().subscribe();
        call(&upstream).await.unwrap();
        let declared = &server.script.of("initialize")[0].body["params"]["capabilities"];
        assert_eq!(declared, &json!({"sampling": {}}));
        until("it listens", || server.script.streaming()).await;
        for message in [PING, SAMPLING, LOG, CHANGED] {
            server.script.push("message", message);
        }
        for expected in [SAMPLING, LOG, CHANGED] {
            let next = heard.recv().await.unwrap();
            assert_eq!(next, expected, "as it came");
        }
        assert!(changed.has_changed().unwrap());
        changed.mark_unchanged();
        until("the ping is answered", || !answers(&server.script).is_empty()).await;
        let answer = json!({"jsonrpc": "2.0", "id": "q1", "result": {"role": "assistant"}});
        upstream.answer(Bytes::from(answer.to_string())).await.unwrap();
        assert_eq!(answers(&server.script), [json!({"jsonrpc": "2.0", "id": "p1", "result": {}}), answer]);
        upstream.stop().await;
        assert!(heard.try_recv().is_err());
    }
}

#[tokio::test]
async fn r10_a_pooled_session_hears_of_changes_and_answers_alone() {
    let server = Server::listened_to(speaking).await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let mut changed = upstream.list_again().subscribe();
    call(&upstream).await.unwrap();
    assert_eq!(server.script.of("initialize")[0].body["params"]["capabilities"], json!({}));
    until("it listens", || server.script.streaming()).await;
    let listen = &server.script.listens()[0];
    assert_eq!(listen.headers["accept"], "text/event-stream");
    assert_eq!(listen.headers["mcp-session-id"], "s1");
    assert!(!listen.headers.contains_key("content-type"));
    server.script.push("message", &format!("[{PING},{SAMPLING},{LOG}]"));
    server.script.push("", "");
    server.script.push("message", "no message");
    server.script.push("message", CHANGED);
    changed.changed().await.unwrap();
    until("both requests are answered", || answers(&server.script).len() == 2).await;
    let answers = answers(&server.script);
    let of = |id: &str| answers.iter().find(|answer| answer["id"] == id).cloned().unwrap();
    assert_eq!(of("p1")["result"], json!({}));
    assert_eq!(of("q1")["error"]["code"], -32601);
    call(&upstream).await.unwrap();
    assert!(server.script.connections() <= 4, "the calls', the stream's, the answers'");
}

#[tokio::test]
async fn a_server_that_refuses_the_stream_is_not_asked_again() {
    for status in ["405 Method Not Allowed", "404 Not Found", "400 Bad Request", "503 Service Unavailable"] {
        let server =
            Server::listened_to(
                move |seen, _| {
                    if seen.method == "GET" { response(status, "", "") } else { streamable(seen) }
                },
            )
            .await;
        let (upstream, _heard) = upstream_of_client(&server.url(), HttpWire::Auto);
        call(&upstream).await.unwrap();
        until("it was asked", || server.script.listens().len() == 1).await;
        let mut changed = upstream.list_again().subscribe();
        // As long as it would take to ask again, and some.
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1300), changed.changed()).await.is_err());
        call(&upstream).await.unwrap();
        assert_eq!(server.script.listens().len(), 1, "{status}");
        assert_eq!(server.script.of("initialize").len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_goes_on_from_its_last_event_after_the_time_that_the_server_says() {
    let server = Server::listened_to(speaking).await;
    let (upstream, mut heard) = upstream_of_client(&server.url(), HttpWire::Auto);
    call(&upstream).await.unwrap();
    until("it listens", || server.script.streaming()).await;
    server.script.push_lines(&format!("id: e1\nretry: 200\ndata: {LOG}\n\n"));
    assert_eq!(heard.recv().await.unwrap(), LOG);
    let ended = std::time::Instant::now();
    server.script.end_streams();
    until("it listens again", || server.script.streaming()).await;
    assert!(ended.elapsed() >= std::time::Duration::from_millis(200), "{:?}", ended.elapsed());
    let listens = server.script.listens();
    assert!(!listens[0].headers.contains_key("last-event-id"));
    assert_eq!((listens.len(), listens[1].headers["last-event-id"].as_str()), (2, "e1"));
    server.script.push("message", LOG);
    assert_eq!(heard.recv().await.unwrap(), LOG);
    upstream.stop().await;
    until("the stream is closed", || {
        server.script.push("message", "{}");
        !server.script.streaming()
    })
    .await;
}

/// A server that knows its last session only, and has a GET stream.
async fn restarting(refuse_calls: bool) -> (Server, Arc<AtomicUsize>) {
    let current = Arc::new(AtomicUsize::new(0));
    let known = Arc::clone(&current);
    let server = Server::listened_to(move |seen, script| {
        let name = format!("s{}", known.load(Ordering::SeqCst));
        if seen.body["method"] == "initialize" {
            let head = format!("content-type: application/json\r\nmcp-session-id: {name}\r\n");
            return response("200 OK", &head, &initialize_result(seen).to_string());
        }
        let unknown = seen.headers.get("mcp-session-id") != Some(&name);
        match seen.method.as_str() {
            "GET" if unknown => response("404 Not Found", "", ""),
            "POST" if unknown && refuse_calls => {
                let error = json!({"code": -32000, "message": "Bad Request: No valid session ID provided"});
                json_response("400 Bad Request", &json!({"jsonrpc": "2.0", "id": null, "error": error}))
            }
            _ => speaking(seen, script),
        }
    })
    .await;
    (server, current)
}

#[tokio::test]
async fn a_session_that_begins_anew_declares_the_same_and_listens_again() {
    for refuse_calls in [true, false] {
        let (server, current) = restarting(refuse_calls).await;
        let (upstream, mut heard) = upstream_of_client(&server.url(), HttpWire::Auto);
        call(&upstream).await.unwrap();
        until("it listens", || server.script.streaming()).await;
        let mut changed = upstream.list_again().subscribe();
        current.fetch_add(1, Ordering::SeqCst);
        if !refuse_calls {
            // Only the stream tells that the session is gone.
            server.script.push_lines("retry: 100\n\n");
            server.script.end_streams();
            changed.changed().await.unwrap();
        }
        call(&upstream).await.unwrap();
        let begun = server.script.of("initialize");
        assert_eq!(begun.len(), 2);
        assert_eq!(begun[0].body["params"], begun[1].body["params"]);
        until("it listens again", || {
            server.script.listens().last().is_some_and(|seen| seen.headers["mcp-session-id"] == "s1")
        })
        .await;
        until("it is heard", || {
            server.script.push("message", SAMPLING);
            heard.try_recv().is_ok_and(|message| message == SAMPLING)
        })
        .await;
        if refuse_calls {
            until("the stream of the old session is closed", || {
                server.script.push("message", LOG);
                server.script.open() <= 2
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_server_without_sessions_that_hangs_up_is_left_alone() {
    let server = Server::listened_to(|seen, _| match (seen.method.as_str(), seen.body["method"].as_str()) {
        ("GET", _) => vec![events_head(), chunk("retry: 100\n\n"), last_chunk()],
        (_, Some("initialize")) => json_response("200 OK", &initialize_result(seen)),
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    call(&upstream).await.unwrap();
    until("it was asked twice", || server.script.listens().len() == 2).await;
    tokio::time::timeout(std::time::Duration::from_millis(600), upstream.list_again().subscribe().changed())
        .await
        .unwrap_err();
    assert_eq!(server.script.listens().len(), 2);
}

#[tokio::test]
async fn an_event_without_end_costs_its_stream_alone() {
    let server = Server::listened_to(speaking).await;
    let (upstream, mut heard) = upstream_of_client(&server.url(), HttpWire::Auto);
    call(&upstream).await.unwrap();
    until("it listens", || server.script.streaming()).await;
    server.script.push_lines("id: e1\nretry: 100\n\n");
    server.script.push_lines(&format!("data: {}", "x".repeat(70_000)));
    until("it listens again", || {
        server.script.push_lines(": still here\n");
        server.script.listens().len() == 2
    })
    .await;
    assert!(!server.script.listens()[1].headers.contains_key("last-event-id"), "the same would come again");
    until("it is heard", || {
        server.script.push("message", LOG);
        heard.try_recv().is_ok_and(|message| message == LOG)
    })
    .await;
    call(&upstream).await.unwrap();
}
