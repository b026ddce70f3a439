//! What the direct column must be: whole at every revision, so that whatever a gateway between suite and fixture lacks is
//! the gateway's.

use crate::compare::worse;
use crate::direct::direct;
use crate::results::{Results, Status};
use crate::server::Fixture;
use crate::suite::{Selection, run};
use crate::table;

/// Scenarios that may skip checks: the first awaits a rewrite of the suite, the others ask for an extension that the
/// fixture does not declare (skills, SEP-2640).
const MAY_SKIP: [&str; 4] = [
    "tasks-status-notifications",
    "sep-2640-skills-directory",
    "sep-2640-skills-enumeration",
    "sep-2640-skills-manifest",
];

#[test]
fn all_30_that_2025_11_25_requires_pass() {
    whole(Selection::Required("2025-11-25"), 30);
}

#[test]
fn all_37_that_2026_07_28_requires_pass() {
    whole(Selection::Required("2026-07-28"), 37);
}

#[test]
fn all_27_that_apply_to_2025_06_18_pass() {
    whole(Selection::Whole("2025-06-18"), 27);
}

#[test]
fn the_one_that_applies_to_2025_03_26_passes() {
    whole(Selection::Whole("2025-03-26"), 1);
}

/// 64 of 65: one scenario checks nothing, by its own account.
#[test]
fn everything_else_that_the_suite_holds_passes() {
    let results = Results::clone(&direct(Selection::Everything));
    assert_eq!((results.passed(), results.0.len()), (64, 65), "flaws: {:#?}", results.flaws());
    assert_eq!(flaws(results), [""; 0]);
}

/// Two runs agree, or a comparison with one of them would say nothing.
#[test]
fn the_baseline_does_not_vary() {
    let selection = Selection::Required("2025-11-25");
    let (first, second) = (direct(selection), run(&Fixture::start().mcp, selection, "second"));
    assert!(!first.0.is_empty());
    assert_eq!(worse(&first, &second), [""; 0]);
    assert_eq!(worse(&second, &first), [""; 0]);
}

/// Runs the selection direct: `scenarios` count, and every check of all that ran succeeds.
fn whole(selection: Selection, scenarios: usize) {
    let all = Results::clone(&direct(selection));
    let scored = selection.scored_of(&all);
    table::print(selection.name(), &[("direct", &scored)]);
    assert_eq!((scored.passed(), scored.0.len()), (scenarios, scenarios), "flaws: {:#?}", scored.flaws());
    assert_eq!(flaws(all), [""; 0]);
}

/// The checks that did not succeed, where they should.
fn flaws(mut results: Results) -> Vec<String> {
    for scenario in MAY_SKIP {
        if let Some(checks) = results.0.get_mut(scenario) {
            checks.retain(|check| check.status != Status::Skipped);
        }
    }
    results.flaws()
}
