use super::*;
use crate::upstream::{Does, Script, Tool, Upstream};
use crate::wait::until;

fn plan(upstream: &Upstream, tool: &str) -> Plan {
    Plan::call(&upstream.url(), "none", tool)
}

fn sessionless(tool: Tool) -> Script {
    Script { sessions: false, ..Script::with([tool]) }
}

#[test]
fn r80_sends_at_its_rate_over_its_connections_and_sees_success() {
    let upstream = Upstream::start(sessionless(Tool::new("echo", Does::Echo)));
    let load = Load::start(plan(&upstream, "echo"));
    until("one second of load", Duration::from_secs(10), || (load.elapsed() >= Duration::from_secs(1)).then_some(()));
    let report = load.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures());
    assert!((190..=260).contains(&report.sent()), "{} in one second", report.sent());
    assert_eq!(upstream.posts("tools/call"), report.sent() as u64);
    assert!(upstream.connections() <= CONNECTIONS as u64);
    assert_eq!(report.timeline().iter().map(|second| second.due).sum::<usize>(), report.sent());
    assert!(report.percentile(0.5).unwrap() <= report.percentile(1.0).unwrap());
}

#[test]
fn r80_an_answer_that_is_an_error_is_a_failed_call_and_is_not_sent_again() {
    let upstream = Upstream::start(sessionless(Tool::new("broken", Does::Status(500))));
    let load = Load::start(plan(&upstream, "broken"));
    until("a failure", Duration::from_secs(10), || (load.so_far().sent() >= 20).then_some(()));
    let report = load.stop();
    assert_eq!(report.failures().len(), report.sent());
    assert_eq!(upstream.posts("tools/call"), report.sent() as u64);
}

#[test]
fn r80_a_cut_connection_fails_its_call_only() {
    let upstream = Upstream::start(sessionless(Tool::new("cut", Does::Half)));
    let load = Load::start(plan(&upstream, "cut"));
    until("a failure", Duration::from_secs(10), || (load.so_far().sent() >= 10).then_some(()));
    upstream.change(|script| script.tools[0].does = Does::Echo);
    let healed = load.elapsed() + Duration::from_millis(20);
    until("more", Duration::from_secs(10), || (load.elapsed() > healed + Duration::from_millis(200)).then_some(()));
    let report = load.stop();
    assert!(!report.failures().is_empty());
    let later = report.between(healed, Duration::MAX);
    assert!(later.sent() > 10 && later.failures().is_empty(), "{:?}", later.failures());
}

#[test]
fn r80_a_refused_connect_is_repeated_within_the_deadline() {
    let address = split(&crate::upstream::dead_url()).0;
    let load = Load::start(Plan::call(&format!("http://{address}/mcp"), "none", "echo"));
    until("some calls due", Duration::from_secs(10), || (load.elapsed() > Duration::from_millis(100)).then_some(()));
    let _upstream = Upstream::start_at(address, sessionless(Tool::new("echo", Does::Echo)));
    until("answers", Duration::from_secs(10), || (load.so_far().sent() > 40).then_some(()));
    let report = load.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures());
    assert!(report.percentile(1.0).unwrap() > Duration::from_millis(50));
}

#[test]
fn a_probe_sees_the_last_success() {
    let upstream = Upstream::start(sessionless(Tool::new("echo", Does::Echo)));
    let probe = Load::start(Plan::probe(&upstream.url(), "none", "echo"));
    until("some answers", Duration::from_secs(10), || (probe.so_far().sent() >= 50).then_some(()));
    upstream.change(|script| script.tools[0].does = Does::Status(401));
    let changed = probe.started().elapsed();
    until("some refusals", Duration::from_secs(10), || (probe.so_far().failures().len() >= 20).then_some(()));
    let report = probe.stop();
    let last = report.last_success().unwrap();
    assert!(last < changed + Duration::from_millis(500), "{last:?} after {changed:?}");
    assert!(upstream.connections() <= PROBE_CONNECTIONS as u64);
    assert!((40..=130).contains(&report.between(Duration::ZERO, Duration::from_secs(1)).sent()), "{}", report.sent());
}
