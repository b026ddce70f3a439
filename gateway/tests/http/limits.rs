//! Bounds on what a server may send.

use crds::snapshot::HttpWire;
use gateway::upstream::Outcome;

use crate::calls::{MAX_RESPONSE, call, upstream};
use crate::server::{Server, Step, chunk, events_head, last_chunk, progress, response, streamable};

async fn outcome(steps: impl Fn(&crate::server::Seen) -> Vec<Step> + Send + Sync + 'static) -> String {
    let server = Server::start(move |seen, _| match seen.body["method"].as_str() {
        Some("tools/call") => steps(seen),
        _ => streamable(seen),
    })
    .await;
    let error = match call(&upstream(&server.url(), HttpWire::Auto)).await {
        Ok(heard) => heard.error.unwrap(),
        Err(error) => error,
    };
    assert_eq!(error.outcome, Outcome::UpstreamError);
    error.detail
}

#[tokio::test]
async fn an_event_without_an_end_fails() {
    let detail = outcome(|_| {
        let endless = "x".repeat(1024);
        let mut steps = vec![events_head(), chunk("data: ")];
        steps.extend((0..=MAX_RESPONSE / 1024).map(|_| chunk(&endless)));
        steps.push(Step::Hang);
        steps
    })
    .await;
    assert!(detail.contains("maxResponseBytes"), "{detail}");
}

#[tokio::test]
async fn events_that_exceed_the_limit_together_fail() {
    let detail = outcome(|seen| {
        let event = format!("data: {}\n\n", progress(seen));
        let mut steps = vec![events_head()];
        steps.extend((0..=MAX_RESPONSE / 64).map(|_| chunk(&event)));
        steps.push(last_chunk());
        steps
    })
    .await;
    assert!(detail.contains("maxResponseBytes"), "{detail}");
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_not_begun() {
    let detail = outcome(|_| {
        let length = MAX_RESPONSE + 1;
        vec![Step::Write(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{{"
        ))]
    })
    .await;
    assert!(detail.contains("maxResponseBytes"), "{detail}");
}

#[tokio::test]
async fn r13_a_head_without_an_end_fails() {
    outcome(|_| response("200 OK", &"x-filler: 0123456789abcdef\r\n".repeat(8192), "{}")).await;
}

#[tokio::test]
async fn an_encoding_that_was_not_asked_for_fails() {
    let detail =
        outcome(|_| response("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "{}")).await;
    assert!(detail.contains("encoding"), "{detail}");
}
