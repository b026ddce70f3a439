//! Holds one column of results against another, check by check: what succeeds direct must succeed through, and nothing
//! may go wrong or be left out through that does not direct.

use std::collections::{BTreeMap, BTreeSet};

use crate::results::{Check, Results, Status};

/// What is worse in `through` than in `direct`, a line each; empty if nothing is.
pub(crate) fn worse(direct: &Results, through: &Results) -> Vec<String> {
    let scenarios = direct.0.keys().chain(through.0.keys()).collect::<BTreeSet<_>>();
    let worse = scenarios.into_iter().flat_map(|scenario| {
        let [direct, through] = [direct, through].map(|results| numbered(results.0.get(scenario)));
        worse_in(scenario, &direct, &through)
    });
    worse.collect()
}

/// The scenarios that lines of [`worse`] are about.
pub(crate) fn scenarios(worse: &[String]) -> BTreeSet<&str> {
    worse.iter().filter_map(|line| line.split(": ").next()).collect()
}

type Numbered<'a> = BTreeMap<(&'a str, usize), &'a Check>;

/// The judged checks by id, and by how often that id stood before: an id may stand several times.
fn numbered(checks: Option<&Vec<Check>>) -> Numbered<'_> {
    let mut seen = BTreeMap::new();
    let judged = checks.into_iter().flatten().filter(|check| check.status != Status::Info);
    let number = judged.map(|check| {
        let number: &mut usize = seen.entry(check.id.as_str()).or_default();
        *number += 1;
        ((check.id.as_str(), *number), check)
    });
    number.collect()
}

fn worse_in(scenario: &str, direct: &Numbered<'_>, through: &Numbered<'_>) -> Vec<String> {
    let lost = direct.iter().filter(|(key, check)| check.status == Status::Success && !through.contains_key(*key));
    let lost = lost.map(|((id, number), _)| format!("{scenario}: {id} #{number}: Success direct, absent through"));
    let changed = through.iter().filter_map(|(key, check)| {
        let status = direct.get(key).map(|check| check.status);
        if check.status == Status::Success || status == Some(check.status) {
            return None;
        }
        let was = status.map_or("absent".to_owned(), |status| format!("{status:?}"));
        let (id, number) = key;
        let message = check.message.as_deref().unwrap_or_default();
        Some(format!("{scenario}: {id} #{number}: {was} direct, {:?} through: {message}", check.status))
    });
    lost.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(checks: &[(&str, Status)]) -> Results {
        let check = |(id, status): &(&str, Status)| Check { id: (*id).to_owned(), status: *status, message: None };
        Results([("scenario".to_owned(), checks.iter().map(check).collect())].into())
    }

    #[test]
    fn the_same_or_better_is_not_worse() {
        let direct = results(&[("a", Status::Success), ("b", Status::Failure), ("c", Status::Skipped)]);
        assert_eq!(worse(&direct, &direct), [""; 0]);
        let better = results(&[("a", Status::Success), ("b", Status::Success), ("c", Status::Success)]);
        assert_eq!(worse(&direct, &better), [""; 0]);
    }

    #[test]
    fn what_is_observed_and_not_judged_does_not_count() {
        let direct = results(&[("a", Status::Success), ("seen", Status::Info)]);
        assert_eq!(worse(&direct, &results(&[("a", Status::Success)])), [""; 0]);
    }

    #[test]
    fn a_success_that_fails_is_skipped_or_is_absent_is_worse() {
        let direct = results(&[("a", Status::Success)]);
        for status in [Status::Failure, Status::Warning, Status::Skipped] {
            let expected = format!("scenario: a #1: Success direct, {status:?} through: ");
            assert_eq!(worse(&direct, &results(&[("a", status)])), [expected]);
        }
        let expected = "scenario: a #1: Success direct, absent through";
        assert_eq!(worse(&direct, &results(&[])), [expected]);
        assert_eq!(worse(&direct, &Results::default()), [expected], "the whole scenario did not run");
    }

    #[test]
    fn a_skip_or_failure_that_direct_lacks_is_worse() {
        let direct = results(&[("a", Status::Success)]);
        let through = results(&[("a", Status::Success), ("b", Status::Skipped), ("c", Status::Failure)]);
        assert_eq!(
            worse(&direct, &through),
            ["scenario: b #1: absent direct, Skipped through: ", "scenario: c #1: absent direct, Failure through: ",]
        );
    }

    #[test]
    fn the_second_check_of_an_id_is_held_against_the_second() {
        let direct = results(&[("a", Status::Success), ("a", Status::Success)]);
        let through = results(&[("a", Status::Success), ("a", Status::Failure)]);
        assert_eq!(worse(&direct, &through), ["scenario: a #2: Success direct, Failure through: "]);
        assert_eq!(worse(&direct, &results(&[("a", Status::Success)])).len(), 1);
    }
}
