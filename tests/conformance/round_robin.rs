//! The column through three processes, of which each request meets the next one: the same check results as through one.

use crate::processes::Count;
use crate::suite::Selection;
use crate::through::compare;

#[test]
fn what_2025_11_25_requires_comes_through_any_process() {
    let selection = Selection::Required("2025-11-25");
    compare(Count::Three, selection, &[], Some("round_robin_2025_11_25_passed"));
}

#[test]
fn what_2026_07_28_requires_comes_through_any_process() {
    let selection = Selection::Required("2026-07-28");
    compare(Count::Three, selection, &[], Some("round_robin_2026_07_28_passed"));
}
