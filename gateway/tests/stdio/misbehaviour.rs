//! Servers that do not keep to the protocol.

use std::time::Duration;

use gateway::upstream::Outcome;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bench::{Bench, MAX_RESPONSE, Manifest, bad, call, messages, send};

pub(crate) async fn garbage_and_foreign_ids_disturb_nobody() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "chats"]), &[]);
    assert_eq!(call(&upstream, "wrong-id", json!({})).await.unwrap(), "right");
    assert_eq!(call(&upstream, "any", json!({})).await.unwrap(), "called");
    assert_eq!(upstream.state().starts, 1);
}

/// R13: a line of 100 MB, and many small ones that are too much together.
pub(crate) async fn an_overlong_line_fails_its_request_only() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "plain"]), &[]);
    let too_large = format!("upstream_error: the server's answer is larger than {MAX_RESPONSE} bytes");
    let (long, other) =
        tokio::join!(call(&upstream, "long", json!({"megabytes": 100})), call(&upstream, "any", json!({})));
    assert_eq!(long.unwrap_err().to_string(), too_large);
    assert_eq!(other.unwrap(), "called");
    assert_eq!(call(&upstream, "much-progress", json!({})).await.unwrap_err().to_string(), too_large);
    assert_eq!(call(&upstream, "any", json!({})).await.unwrap(), "called");
    assert_eq!(upstream.state().starts, 1, "the child lives on");
}

pub(crate) async fn a_silent_server_times_out() {
    let bench = Bench::new();
    let upstream = bench.upstream(Manifest { connect: 1, ..bad(&["bad-server", "silent"]) }, &[]);
    let begun = Instant::now();
    assert_eq!(call(&upstream, "any", json!({})).await.unwrap_err().outcome, Outcome::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(3));
}

pub(crate) async fn a_request_that_times_out_or_is_dropped_is_cancelled() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "plain"]), &[]);
    call(&upstream, "any", json!({})).await.unwrap();
    let params = json!({"name": "never"});
    let mut late = send(&upstream, &params, Duration::from_millis(200)).await.unwrap();
    let error = messages(&mut late).next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "timeout: the server's answer took longer than its deadline");
    let dropped = send(&upstream, &params, Duration::from_secs(20)).await.unwrap();
    let ids = [late.id, dropped.id];
    drop((late, dropped));
    let heard: Vec<Value> = serde_json::from_str(&call(&upstream, "heard", json!({})).await.unwrap()).unwrap();
    let cancelled = heard.iter().filter(|message| message["method"] == "notifications/cancelled");
    let cancelled: Vec<_> = cancelled.map(|message| message["params"]["requestId"].as_u64().unwrap()).collect();
    assert_eq!(cancelled, ids);
}

/// R5.
pub(crate) async fn a_server_that_refuses_initialize_is_named_so() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "modern"]), &[]);
    let error = call(&upstream, "any", json!({})).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::UnsupportedProtocol);
}

pub(crate) async fn a_missing_command_is_named_so() {
    let bench = Bench::new();
    let upstream = bench.upstream(Manifest { command: "no-such-command", ..bad(&[]) }, &[]);
    let error = call(&upstream, "any", json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "unreachable: the server's process ended (exit code 127: command not found)");
    let upstream = bench.upstream(Manifest { command: "/etc/passwd", ..bad(&[]) }, &[]);
    let error = call(&upstream, "any", json!({})).await.unwrap_err();
    assert_eq!(error.to_string(), "unreachable: the server's process ended (exit code 126: not executable)");
}

pub(crate) async fn a_server_that_does_not_read_holds_up_nobody_beyond_the_deadline() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "does-not-read"]), &[]);
    let params = json!({"name": "any", "arguments": {"padding": "x".repeat(10_000)}});
    let begun = Instant::now();
    for number in 0..100 {
        match send(&upstream, &params, Duration::from_millis(500)).await {
            // the pipe and the queue take some
            Ok(mut reply) if number < 80 => {
                tokio::spawn(async move { messages(&mut reply).next().await });
            }
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.outcome, Outcome::Timeout);
                assert!(begun.elapsed() < Duration::from_secs(5));
                return;
            }
        }
    }
    panic!("a hundred requests of 10 kB fit into a pipe");
}
