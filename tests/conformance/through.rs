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

/// What no revision requires: a stream that its server ends before the response is there. The gateway reads on by itself, and
/// answers with the response, so that its client has no stream to come back to.
const NOT_YET_BESIDE: [&str; 1] = ["server-sse-polling"];

/// The revisions whose requirements are tests of their own.
const REQUIRED: [Selection; 2] = [Selection::Required("2025-11-25"), Selection::Required("2026-07-28")];

#[test]
fn what_applies_to_2025_03_26_comes_through() {
    compare(Count::One, Selection::Whole("2025-03-26"), &[], None);
}

#[test]
fn what_applies_to_2025_06_18_comes_through() {
    compare(Count::One, Selection::Whole("2025-06-18"), &[], Some("server_2025_06_18_passed"));
}

#[test]
fn what_2025_11_25_requires_comes_through() {
    compare(Count::One, Selection::Required("2025-11-25"), &[], Some("server_2025_11_25_passed"));
}

#[test]
fn what_2026_07_28_requires_comes_through() {
    compare(Count::One, Selection::Required("2026-07-28"), &[], Some("server_2026_07_28_passed"));
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
