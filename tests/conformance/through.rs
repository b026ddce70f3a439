//! The column through the gateway: the suite against Switchboard with the fixture behind it, in both setups. Held against
//! the direct column, check by check.

use std::collections::BTreeSet;
use std::thread;

use tests::figures::Figures;

use crate::compare::{scenarios, worse};
use crate::direct::direct;
use crate::processes::Count;
use crate::results::{Results, passed};
use crate::setup::Setup;
use crate::suite::{Selection, run};
use crate::table;

/// What is not proxied yet: what a server asks of the client, and subscriptions.
const NOT_YET_2025_06_18: [&str; 4] =
    ["resources-subscribe", "resources-unsubscribe", "tools-call-elicitation", "tools-call-sampling"];

/// The same in the next revision.
pub(crate) const NOT_YET_2025_11_25: [&str; 6] = [
    "elicitation-sep1034-defaults",
    "elicitation-sep1330-enums",
    "resources-subscribe",
    "resources-unsubscribe",
    "tools-call-elicitation",
    "tools-call-sampling",
];

/// Servers are spoken to as legacy ones, where a result cannot ask for input, nobody can listen, and an undeclared
/// capability is no error.
pub(crate) const NOT_YET_2026_07_28: [&str; 12] = [
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
    "server-stateless",
];

/// What no revision requires: the extension for tasks, and streams that the server ends before the response is there.
const NOT_YET_BESIDE: [&str; 9] = [
    "server-sse-polling",
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-wire-fields",
];

/// The revisions whose requirements are tests of their own.
const REQUIRED: [Selection; 2] = [Selection::Required("2025-11-25"), Selection::Required("2026-07-28")];

#[test]
fn what_applies_to_2025_03_26_comes_through() {
    compare(Count::One, Selection::Whole("2025-03-26"), &[], None);
}

#[test]
fn what_applies_to_2025_06_18_comes_through() {
    compare(Count::One, Selection::Whole("2025-06-18"), &NOT_YET_2025_06_18, Some("server_2025_06_18_passed"));
}

#[test]
fn what_2025_11_25_requires_comes_through() {
    compare(Count::One, Selection::Required("2025-11-25"), &NOT_YET_2025_11_25, Some("server_2025_11_25_passed"));
}

#[test]
fn what_2026_07_28_requires_comes_through() {
    compare(Count::One, Selection::Required("2026-07-28"), &NOT_YET_2026_07_28, Some("server_2026_07_28_passed"));
}

#[test]
fn what_no_revision_requires_comes_through() {
    compare(Count::One, Selection::Everything, &NOT_YET_BESIDE, None);
}

/// Runs the selection through both setups, at the same time: exactly these scenarios are worse than direct. One that no
/// longer is has to leave its list. The figure is the lower of the two.
pub(crate) fn compare(count: Count, selection: Selection, not_yet: &[&str], figure: Option<&str>) {
    let setups = [Setup::alone(count), Setup::one_of_four(count)];
    let columns = thread::scope(|scope| {
        let runs =
            setups.each_ref().map(|setup| scope.spawn(|| counting(selection, &run(&setup.url, selection, setup.name))));
        runs.map(|run| run.join().unwrap())
    });
    let direct = counting(selection, &direct(selection));
    let [alone, of_four] = &columns;
    table::print(selection.name(), &[("direct", &direct), (setups[0].name, alone), (setups[1].name, of_four)]);
    let figures = columns.each_ref().map(|through| as_direct(&direct, through));
    if let Some(figure) = figure {
        Figures::of("conformance").write(figure, figures[0].min(figures[1]), &figures);
    }
    for (setup, through) in setups.iter().zip(&columns) {
        let worse = worse(&direct, through);
        assert_eq!(scenarios(&worse), not_yet.iter().copied().collect(), "{}: {worse:#?}", setup.name);
        let permitted = setup.permitted();
        assert!(permitted > 0 || selection == Selection::Whole("2025-03-26"), "the suite calls tools");
    }
}

/// The results that a selection is judged by. Of everything, what a revision requires is judged by that test alone.
fn counting(selection: Selection, results: &Results) -> Results {
    let mut results = selection.scored_of(results);
    if selection == Selection::Everything {
        let required: BTreeSet<String> = REQUIRED.iter().filter_map(|selection| selection.scored()).flatten().collect();
        results.0.retain(|scenario, _| !required.contains(scenario));
    }
    results
}

/// The scenarios that passed, with every check as it is direct.
fn as_direct(direct: &Results, through: &Results) -> f64 {
    let worse = worse(direct, through);
    let worse = scenarios(&worse);
    let whole = through.0.iter().filter(|(scenario, checks)| passed(checks) && !worse.contains(scenario.as_str()));
    whole.map(|_| 1.0).sum()
}
