//! Calls that nobody waits for any more.

use std::time::Duration;

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;

use crate::calls::{call, send, upstream};
use crate::server::{
    Script, Seen, Server, Step, chunk, events_head, initialize_result, progress, response, result, streamable, until,
};

fn cancelled(server: &Server) -> Vec<serde_json::Value> {
    let of = server.script.of("notifications/cancelled");
    of.into_iter().map(|seen| seen.body["params"]["requestId"].clone()).collect()
}

fn id_of_call(server: &Server) -> serde_json::Value {
    server.script.of("tools/call")[0].body["id"].clone()
}

/// A call that never gets its answer; over HTTP+SSE its stream stays open.
fn silent(seen: &Seen, script: &Script) -> Vec<Step> {
    match (seen.method.as_str(), seen.body["method"].as_str(), seen.path.as_str()) {
        ("GET", ..) => vec![events_head(), chunk("event: endpoint\ndata: /messages\n\n"), Step::Stream],
        (_, Some("tools/call"), "/messages") => response("202 Accepted", "", ""),
        (_, Some("tools/call"), _) => vec![Step::Hang],
        (_, Some("initialize"), "/messages") => {
            script.push("message", &initialize_result(seen).to_string());
            response("202 Accepted", "", "")
        }
        _ => streamable(seen),
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled_at_its_server() {
    for wire in [HttpWire::Streamable, HttpWire::Sse] {
        let server = Server::start(silent).await;
        let upstream = upstream(&server.url(), wire);
        let within = Duration::from_millis(200);
        if let Ok(heard) = tokio::time::timeout(within, send(&upstream, "tools/call", within)).await {
            assert_eq!(heard.unwrap_err().outcome, Outcome::Timeout);
        }
        until("it is cancelled", || !cancelled(&server).is_empty()).await;
        assert_eq!(cancelled(&server), [id_of_call(&server)], "once");
        let sent = &server.script.of("notifications/cancelled")[0];
        assert!(sent.body["id"].is_null());
        if wire == HttpWire::Streamable {
            assert_eq!(sent.headers["mcp-session-id"], "s1");
        }
    }
}

#[tokio::test]
async fn a_call_whose_stream_is_dropped_is_cancelled_at_its_server_and_one_that_is_answered_is_not() {
    let server = Server::start(|seen, script| match seen.body["method"].as_str() {
        Some("tools/call") if script.of("tools/call").len() == 1 => {
            vec![events_head(), chunk(&format!("data: {}\n\n", progress(seen))), Step::Stream]
        }
        Some("tools/call") => vec![events_head(), chunk(&format!("data: {}\n\n", result(seen))), Step::Stream],
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let within = Duration::from_millis(300);
    tokio::time::timeout(within, send(&upstream, "tools/call", Duration::from_secs(5))).await.unwrap_err();
    until("it is cancelled", || !cancelled(&server).is_empty()).await;
    call(&upstream).await.unwrap();
    upstream.stop().await;
    assert_eq!(cancelled(&server), [id_of_call(&server)]);
}

#[tokio::test]
async fn a_session_that_begins_too_slowly_is_not_cancelled() {
    let server = Server::start(|_, _| vec![Step::Hang]).await;
    let upstream = upstream(&server.url(), HttpWire::Streamable);
    let failed = send(&upstream, "tools/call", Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::Timeout);
    upstream.stop().await;
    assert_eq!(server.script.seen().len(), 1, "initialize alone");
}
