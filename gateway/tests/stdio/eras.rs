//! Which era a child is of (R5), where it does not simply say so.

use serde_json::{Value, json};

use crate::bench::{Bench, bad, call, eventually};
use crate::processes::kill;

/// The methods that the live child was sent.
fn heard(text: &str) -> Vec<String> {
    let heard: Vec<Value> = serde_json::from_str(text).unwrap();
    heard.iter().map(|message| message["method"].as_str().unwrap().to_owned()).collect()
}

pub(crate) async fn r5_a_server_that_ends_when_asked_for_its_era_is_started_again_as_a_legacy_one() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "dies-of-questions"]), &[]);
    let methods = heard(&call(&upstream, "heard", json!({})).await.unwrap());
    assert_eq!(methods, ["initialize", "notifications/initialized", "tools/call"]);
    let state = upstream.state();
    assert_eq!((state.starts, state.last_failure), (1, None), "it did nothing wrong");
    assert_eq!(upstream.protocol(), Some("2025-06-18"));
    kill(i32::try_from(state.pid.unwrap()).unwrap());
    eventually("it ended", || upstream.state().pid != state.pid).await;
    let methods = heard(&call(&upstream, "heard", json!({})).await.unwrap());
    assert_eq!(methods, ["initialize", "notifications/initialized", "tools/call"], "it is not asked again");
}

pub(crate) async fn r5_a_server_that_is_silent_is_a_legacy_one() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "mute"]), &[]);
    let methods = heard(&call(&upstream, "heard", json!({})).await.unwrap());
    assert_eq!(methods[..3], ["server/discover", "initialize", "notifications/initialized"]);
    assert_eq!(upstream.protocol(), Some("2025-06-18"));
}

pub(crate) async fn r5_a_server_that_starts_slowly_may_turn_out_to_be_modern() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "late-modern"]), &[]);
    let methods = heard(&call(&upstream, "heard", json!({})).await.unwrap());
    assert_eq!(methods, ["server/discover", "initialize", "tools/call"]);
    assert_eq!(upstream.protocol(), Some("2026-07-28"));
}
