//! Connections that break, close or are refused (R7, R20).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crds::snapshot::HttpWire;
use gateway::egress::{Egress, EgressPolicy};
use gateway::upstream::http::HttpUpstream;
use gateway::upstream::{CallerPart, Outcome, UpstreamError};

use crate::calls::{call, egress, endpoint, send, upstream};
use crate::server::{
    Server, Step, chunk, events_head, initialize_result, json_response, response, result, streamable, until,
};

const ENOUGH: std::time::Duration = std::time::Duration::from_secs(10);

/// A server that closes a reused connection under the first `victim` that it reads there.
async fn treacherous(victim: &'static str) -> Server {
    let betrayed = AtomicUsize::new(0);
    Server::start(move |seen, _| {
        let first = seen.body["method"] == victim && betrayed.fetch_add(1, Ordering::SeqCst) == 0;
        if first { vec![Step::Close] } else { streamable(seen) }
    })
    .await
}

#[tokio::test]
async fn r7_a_call_whose_connection_closes_under_it_is_not_sent_again() {
    let server = treacherous("tools/call").await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let failed = call(&upstream).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::Unreachable);
    assert_eq!(server.script.of("tools/call").len(), 1, "executed once");
    call(&upstream).await.unwrap();
    assert_eq!(server.script.of("tools/call").len(), 2);
}

#[tokio::test]
async fn r7_a_list_whose_connection_closes_under_it_is_sent_once_more() {
    let server = treacherous("tools/list").await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    assert!(send(&upstream, "tools/list", ENOUGH).await.is_ok());
    assert_eq!(server.script.of("tools/list").len(), 2);
    assert_eq!(server.script.of("initialize").len(), 1);
}

#[tokio::test]
async fn r7_a_list_is_not_sent_again_and_again() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/list") => vec![Step::Close],
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    assert_eq!(send(&upstream, "tools/list", ENOUGH).await.unwrap_err().outcome, Outcome::Unreachable);
    assert_eq!(server.script.of("tools/list").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r7_connections_that_close_as_calls_come_never_make_two_executions() {
    // Each answer is followed by a close that was not announced: calls race against it.
    let server = Server::start(|seen, _| {
        let mut steps = streamable(seen);
        if seen.body["method"] == "tools/call" {
            steps.push(Step::Close);
        }
        steps
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let mut succeeded = 0;
    for _ in 0..300 {
        match call(&upstream).await {
            Ok(heard) => succeeded += usize::from(heard.error.is_none()),
            Err(failed) => assert_eq!(failed.outcome, Outcome::Unreachable),
        }
    }
    let executed: Vec<_> = server.script.of("tools/call").iter().map(|seen| seen.body["id"].as_u64()).collect();
    let distinct: HashSet<_> = executed.iter().collect();
    assert_eq!(distinct.len(), executed.len(), "a call was executed twice");
    assert!(succeeded > 0 && succeeded <= executed.len());
}

/// A server that says with each call how many seconds it keeps the connection.
async fn keeping_alive(seconds: u32) -> Server {
    Server::start(move |seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => {
            let body = result(seen).to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nkeep-alive: timeout={seconds}\r\ncontent-length: {}",
                body.len()
            );
            vec![Step::Write(format!("{head}\r\n\r\n{body}"))]
        }
        _ => streamable(seen),
    })
    .await
}

#[tokio::test]
async fn r7_an_idle_connection_is_closed_before_the_server_would() {
    let server = keeping_alive(1).await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    call(&upstream).await.unwrap();
    assert_eq!(server.script.open(), 1);
    // The server itself would keep it for ever.
    until("the sweep closes it", || server.script.open() == 0).await;
    call(&upstream).await.unwrap();
    assert_eq!(server.script.connections(), 2);
}

#[tokio::test]
async fn r7_a_body_that_was_not_read_to_its_end_takes_its_connection_along() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => {
            let mut steps = json_response("200 OK", &result(seen));
            let Some(Step::Write(text)) = steps.pop() else { panic!("a response is one write") };
            vec![Step::Write(text[..text.len() - 3].to_owned()), Step::Close]
        }
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let heard = call(&upstream).await.unwrap();
    assert!(heard.error.is_some(), "half a body is an error");
    assert_eq!(server.script.of("tools/call").len(), 1);
    call(&upstream).await.unwrap();
    assert_eq!(server.script.connections(), 2);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failed = call(&upstream(&format!("http://{gone}/mcp"), HttpWire::Auto)).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::Unreachable);
    assert_eq!(failed.detail, "the server cannot be reached: no connection: connection refused");
}

#[tokio::test]
async fn r20_a_name_of_a_refused_address_is_not_connected_to() {
    let server = Server::start(|seen, _| streamable(seen)).await;
    let own = EgressPolicy { allow_loopback: true, own: vec![server.address], ..EgressPolicy::default() };
    for policy in [EgressPolicy::default(), own] {
        let url = format!("http://localhost:{}/mcp", server.address.port());
        let endpoint = endpoint(&url, HttpWire::Auto);
        let upstream = HttpUpstream::new(&endpoint, CallerPart::default(), None, Arc::new(Egress::new(policy)), None);
        let failed = call(&upstream).await.unwrap_err();
        assert_eq!(failed.outcome, Outcome::Unreachable);
    }
    assert_eq!(server.script.connections(), 0);
}

/// R20: what a policy takes away ends within this.
const TAKEN_AWAY: std::time::Duration = std::time::Duration::from_secs(1);

#[tokio::test]
async fn r20_a_policy_that_refuses_an_address_closes_idle_connections_to_it() {
    let server = keeping_alive(60).await;
    let egress = egress();
    let upstream = HttpUpstream::new(
        &endpoint(&server.url(), HttpWire::Auto),
        CallerPart::default(),
        None,
        Arc::clone(&egress),
        None,
    );
    call(&upstream).await.unwrap();
    egress.change_policy(|policy| policy.own.push("192.0.2.1:1".parse().unwrap()));
    call(&upstream).await.unwrap();
    assert_eq!(server.script.connections(), 1, "what the new policy permits goes on");
    egress.change_policy(|policy| policy.allow_loopback = false);
    assert_refused(&call(&upstream).await.unwrap_err());
    assert_eq!(server.script.of("tools/call").len(), 2, "the server is not asked");
    let began = std::time::Instant::now();
    until("the connection is closed", || server.script.open() == 0).await;
    assert!(began.elapsed() < TAKEN_AWAY);
}

#[tokio::test]
async fn r20_a_policy_that_refuses_an_address_ends_calls_and_streams_to_it() {
    for wire in [HttpWire::Streamable, HttpWire::Sse] {
        let server = Server::start(|seen, script| match (seen.method.as_str(), seen.body["method"].as_str()) {
            ("GET", _) => vec![events_head(), chunk("event: endpoint\ndata: /messages\n\n"), Step::Stream],
            (_, Some("tools/call")) if seen.path == "/messages" => response("202 Accepted", "", ""),
            (_, Some("tools/call")) => vec![Step::Hang],
            (_, method) if seen.path == "/messages" => {
                if method == Some("initialize") {
                    script.push("message", &initialize_result(seen).to_string());
                }
                response("202 Accepted", "", "")
            }
            _ => streamable(seen),
        })
        .await;
        let egress = egress();
        let upstream =
            HttpUpstream::new(&endpoint(&server.url(), wire), CallerPart::default(), None, Arc::clone(&egress), None);
        let upstream = Arc::new(upstream);
        let under_way = tokio::spawn({
            let upstream = Arc::clone(&upstream);
            async move { call(&upstream).await }
        });
        until("a call is under way", || server.script.of("tools/call").len() == 1).await;
        let began = std::time::Instant::now();
        egress.change_policy(|policy| policy.allow_loopback = false);
        let ended = under_way.await.unwrap().map_or_else(Some, |heard| heard.error);
        assert_eq!(ended.map(|error| error.outcome), Some(Outcome::Unreachable), "{wire:?}");
        until("its connections are closed", || {
            server.script.push("message", "{}");
            server.script.open() == 0
        })
        .await;
        assert!(began.elapsed() < TAKEN_AWAY, "{wire:?}: {:?}", began.elapsed());
        let connections = server.script.connections();
        assert_refused(&call(&upstream).await.unwrap_err());
        assert_eq!(server.script.connections(), connections, "{wire:?}");
    }
}

fn assert_refused(error: &UpstreamError) {
    let refused = "unreachable: the server cannot be reached: its address is refused by the egress policy";
    assert_eq!(error.to_string(), refused);
}
