//! The column through the gateway: the suite against Switchboard, which has the fixture behind it under bare names and
//! an Anonymous binding. Held against the direct column, check by check.

use std::collections::BTreeSet;

use serde_json::json;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};

use crate::compare::worse;
use crate::server::Fixture;
use crate::suite::{Selection, run};
use crate::table;

/// What is not proxied yet: what a server asks of the client, and subscriptions.
const NOT_YET_2025_06_18: [&str; 4] =
    ["resources-subscribe", "resources-unsubscribe", "tools-call-elicitation", "tools-call-sampling"];

/// The same in the next revision. And a list is one JSON reply of the gateway's where the fixture opens a stream, of which
/// the suite counts a check more.
const NOT_YET_2025_11_25: [&str; 7] = [
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "resources-subscribe",
    "resources-unsubscribe",
    "server-sse-multiple-streams",
    "tools-call-elicitation",
    "tools-call-sampling",
];

/// A result that asks for input is an error so far, and nobody can listen.
const NOT_YET_2026_07_28: [&str; 14] = [
    "input-required-result-basic-elicitation",
    "input-required-result-basic-list-roots",
    "input-required-result-basic-sampling",
    "input-required-result-capability-check",
    "input-required-result-missing-input-response",
    "input-required-result-multi-round",
    "input-required-result-multiple-input-requests",
    "input-required-result-non-tool-request",
    "input-required-result-request-state",
    "input-required-result-result-type",
    "input-required-result-tampered-state",
    "input-required-result-validate-input",
    "server-sse-multiple-streams",
    "server-stateless",
];

#[test]
fn what_applies_to_2025_06_18_comes_through() {
    compare(Selection::Whole("2025-06-18"), &NOT_YET_2025_06_18);
}

#[test]
fn what_2025_11_25_requires_comes_through() {
    compare(Selection::Required("2025-11-25"), &NOT_YET_2025_11_25);
}

#[test]
fn what_2026_07_28_requires_comes_through() {
    compare(Selection::Required("2026-07-28"), &NOT_YET_2026_07_28);
}

/// Runs the selection direct and through: exactly these scenarios are worse. One that no longer is has to leave its list.
fn compare(selection: Selection, not_yet: &[&str]) {
    let fixture = Fixture::start();
    let manifests = Manifests::default();
    let spec = json!({"http": {"url": fixture.mcp}, "naming": {"type": "Bare"}, "sessionMode": "Shared"});
    manifests.object("McpServer", "fixture", &spec);
    let anonymous = json!({"subject": {"type": "Anonymous"}, "grants": {"servers": [{"name": "fixture"}]}});
    manifests.object("McpKeyBinding", "anonymous", &anonymous);
    let gateway = Switchboard::start_ready(manifests.path(), &Options::default());
    let [direct, through] = [(&fixture.mcp, "beside"), (&gateway.mcp, "through")].map(|(url, column)| {
        let results = run(url, selection, column);
        selection.scored().map_or_else(|| results.clone(), |scored| results.only(&scored))
    });
    table::print(selection.name(), &[("direct", &direct), ("through", &through)]);
    let worse = worse(&direct, &through);
    let scenarios: BTreeSet<&str> = worse.iter().filter_map(|line| line.split(": ").next()).collect();
    let expected: BTreeSet<&str> = not_yet.iter().copied().collect();
    assert_eq!(scenarios, expected, "{worse:#?}");
}
