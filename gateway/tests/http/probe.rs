//! Which wire and era a server speaks (R5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;
use serde_json::{Value, json};

use crate::calls::{call, send, upstream};
use crate::server::{Seen, Server, Step, chunk, error, events_head, json_response, response, streamable};

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

/// A server of either era that answers `server/discover` by these steps.
async fn discovered_by(steps: fn(&Seen) -> Vec<Step>) -> Server {
    Server::start(move |seen, _| match seen.body["method"].as_str() {
        Some("server/discover") => steps(seen),
        _ => streamable(seen),
    })
    .await
}

fn refused(status: &str, code: i64, data: Value) -> impl Fn(&Seen) -> Vec<Step> {
    move |seen| {
        let mut refusal = error(seen, code);
        refusal["error"]["data"] = data.clone();
        json_response(status, &refusal)
    }
}

#[tokio::test]
async fn r5_only_what_a_legacy_server_says_makes_it_one() {
    let legacy: [fn(&Seen) -> Vec<Step>; 7] = [
        |_| response("400 Bad Request", "", ""),
        |_| response("404 Not Found", "content-type: text/html\r\n", "<html>"),
        |_| response("405 Method Not Allowed", "", ""),
        |seen| json_response("400 Bad Request", &error(seen, -32000)),
        |seen| json_response("200 OK", &error(seen, -32601)),
        |seen| refused("400 Bad Request", -32022, json!({"supported": ["2025-11-25"]}))(seen),
        |seen| {
            let result = json!({"supportedVersions": ["2025-11-25"], "capabilities": {}});
            json_response("200 OK", &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}))
        },
    ];
    for (way, steps) in legacy.into_iter().enumerate() {
        let server = discovered_by(steps).await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        call(&upstream).await.unwrap();
        assert_eq!(upstream.protocol(), Some("2025-06-18"), "way {way}");
        assert_eq!((server.script.of("server/discover").len(), server.script.of("initialize").len()), (1, 1));
    }
    let unknown: [fn(&Seen) -> Vec<Step>; 6] = [
        |_| response("401 Unauthorized", "", ""),
        |_| response("422 Unprocessable Content", "", ""),
        |_| response("502 Bad Gateway", "", ""),
        |seen| json_response("400 Bad Request", &error(seen, -32020)),
        |seen| json_response("404 Not Found", &error(seen, -32021)),
        |_| vec![events_head(), chunk(": nothing\n\n"), Step::Close],
    ];
    for (way, steps) in unknown.into_iter().enumerate() {
        let server = discovered_by(steps).await;
        let upstream = upstream(&server.url(), HttpWire::Auto);
        for _ in 0..2 {
            call(&upstream).await.unwrap_err();
        }
        assert_eq!(upstream.protocol(), None, "way {way}");
        assert_eq!(server.script.of("server/discover").len(), 2, "way {way}: it is asked again");
        assert_eq!(server.script.of("initialize").len(), 0, "way {way}");
    }
}

#[tokio::test]
async fn a_modern_server_is_asked_without_a_session_and_again_when_it_misses_one() {
    let modern = Arc::new(AtomicBool::new(true));
    let is_modern = Arc::clone(&modern);
    let server = Server::start(move |seen, _| {
        let asked_so = seen.headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28");
        match (is_modern.load(Ordering::SeqCst), seen.body["method"].as_str()) {
            (true, Some("server/discover")) => {
                let result = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}});
                json_response("200 OK", &json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result}))
            }
            (true, _) if !asked_so => refused("400 Bad Request", -32022, json!({"supported": ["2026-07-28"]}))(seen),
            (false, method)
                if asked_so || (method != Some("initialize") && !seen.headers.contains_key("mcp-session-id")) =>
            {
                let missing = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "No session"}});
                json_response("400 Bad Request", &missing)
            }
            _ => streamable(seen),
        }
    })
    .await;
    let upstream = upstream(&server.url(), HttpWire::Streamable);
    for (now_modern, protocol) in [(true, "2026-07-28"), (false, "2025-06-18"), (true, "2026-07-28")] {
        modern.store(now_modern, Ordering::SeqCst);
        call(&upstream).await.unwrap();
        call(&upstream).await.unwrap();
        assert_eq!(upstream.protocol(), Some(protocol));
    }
    let calls: Vec<_> =
        server.script.of("tools/call").iter().map(|seen| seen.headers.get("mcp-method").cloned()).collect();
    let asked = |modern: bool| modern.then(|| "tools/call".to_owned());
    assert_eq!(
        calls,
        [true, true, true, false, false, false, true, true].map(asked),
        "R7: again only what was refused unread"
    );
}
