//! Which wire and era a server speaks (R5).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;

use crate::calls::{call, send, upstream};
use crate::server::{Server, Step, error, json_response, response, streamable};

#[tokio::test]
async fn r5_a_server_of_the_modern_protocol_alone_is_told_apart() {
    for (status, code) in
        [("400 Bad Request", -32022), ("400 Bad Request", -32020), ("404 Not Found", -32601), ("200 OK", -32601)]
    {
        for wire in [HttpWire::Auto, HttpWire::Streamable] {
            let server = Server::start(move |seen, _| json_response(status, &error(seen, code))).await;
            let failed = call(&upstream(&server.url(), wire)).await.unwrap_err();
            assert_eq!(failed.outcome, Outcome::UnsupportedProtocol, "{status} {code}");
            assert!(server.script.seen().iter().all(|seen| seen.method == "POST"), "no HTTP+SSE is tried");
        }
    }
}

#[tokio::test]
async fn r5_failures_leave_the_wire_unknown_and_are_tried_again() {
    for failure in ["401 Unauthorized", "403 Forbidden", "500 Internal Server Error", "503 Service Unavailable"] {
        let attempts = AtomicUsize::new(0);
        let server = Server::start(move |seen, _| match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => response(failure, "", ""),
            _ => streamable(seen),
        })
        .await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        let failed = call(&upstream).await.unwrap_err();
        assert_eq!(failed.http_status, failure[..3].parse().ok());
        call(&upstream).await.unwrap();
        assert!(server.script.seen().iter().all(|seen| seen.method == "POST"), "{failure}");
    }
}

#[tokio::test]
async fn r5_silence_leaves_the_wire_unknown_and_is_tried_again() {
    let attempts = AtomicUsize::new(0);
    let server = Server::start(move |seen, _| match attempts.fetch_add(1, Ordering::SeqCst) {
        0 => vec![Step::Hang],
        _ => streamable(seen),
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Auto);
    let failed = send(&upstream, "tools/list", Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(failed.outcome, Outcome::Timeout);
    call(&upstream).await.unwrap();
    assert!(server.script.seen().iter().all(|seen| seen.method == "POST"));
}

#[tokio::test]
async fn a_server_that_speaks_neither_is_told_of_by_what_it_said_first() {
    let server = Server::start(|seen, _| match seen.method.as_str() {
        "POST" => response("405 Method Not Allowed", "", ""),
        _ => response("200 OK", "content-type: text/html\r\n", "<html>"),
    })
    .await;
    let failed = call(&upstream(&server.url(), HttpWire::Auto)).await.unwrap_err();
    assert_eq!(failed.http_status, Some(405));
    let streamable_only = call(&upstream(&server.url(), HttpWire::Streamable)).await.unwrap_err();
    assert_eq!(streamable_only.http_status, Some(405));
    let methods: Vec<_> = server.script.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["POST", "POST", "GET", "POST", "POST"]);
}
