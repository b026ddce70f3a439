//! Connections that break, close or are refused (R7, R20).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crds::snapshot::HttpWire;
use gateway::egress::{Egress, EgressPolicy};
use gateway::upstream::http::HttpUpstream;
use gateway::upstream::{CallerPart, Outcome};

use crate::calls::{call, endpoint, send, upstream};
use crate::server::{Server, Step, json_response, result, streamable, until};

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

#[tokio::test]
async fn r7_an_idle_connection_is_closed_before_the_server_would() {
    let server = Server::start(|seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => {
            let body = result(seen).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nkeep-alive: timeout=1\r\n";
            vec![Step::Write(format!("{head}content-length: {}\r\n\r\n{body}", body.len()))]
        }
        _ => streamable(seen),
    })
    .await;
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
        let upstream = HttpUpstream::new(&endpoint, CallerPart::default(), Arc::new(Egress::new(policy)));
        let failed = call(&upstream).await.unwrap_err();
        assert_eq!(failed.outcome, Outcome::Unreachable);
    }
    assert_eq!(server.script.connections(), 0);
}
