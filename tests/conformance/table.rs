//! The table that a person reads: a line a scenario, a column a run.

use std::collections::BTreeSet;
use std::io::Write;

use crate::results::{Check, Results, Status, passed};

/// Prints the columns beside each other: successes of judged checks, and how many scenarios passed.
pub(crate) fn print(title: &str, columns: &[(&str, &Results)]) {
    // Past the capture of the test harness: the table is what a run is for.
    std::io::stdout().write_all(text(title, columns).as_bytes()).unwrap();
}

fn text(title: &str, columns: &[(&str, &Results)]) -> String {
    let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    let scenarios: BTreeSet<&String> = columns.iter().flat_map(|(_, results)| results.0.keys()).collect();
    let lines = scenarios.iter().map(|scenario| {
        line(scenario, &columns.iter().map(|(_, results)| cell(results.0.get(*scenario))).collect::<Vec<_>>())
    });
    let totals: Vec<_> =
        columns.iter().map(|(_, results)| format!("{} of {}", results.passed(), results.0.len())).collect();
    let lines: String = lines.collect();
    format!("{}{lines}{}", line(title, &names), line("scenarios passed", &totals))
}

fn line(first: &str, cells: &[String]) -> String {
    let line = cells.iter().fold(format!("{first:<48}"), |line, cell| line + &format!(" {cell:>12}"));
    line + "\n"
}

/// `8/9 !` for a scenario of which eight of nine checks succeeded and that did not pass.
fn cell(checks: Option<&Vec<Check>>) -> String {
    let Some(checks) = checks else { return "not run".to_owned() };
    let judged = checks.iter().filter(|check| check.status != Status::Info).count();
    let successes = checks.iter().filter(|check| check.status == Status::Success).count();
    format!("{successes}/{judged} {}", if passed(checks) { "." } else { "!" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_beside_each_other() {
        let check = |status| Check { id: String::new(), status, message: None };
        let direct = Results(
            [("a".to_owned(), vec![check(Status::Success)]), ("b".to_owned(), vec![check(Status::Success)])].into(),
        );
        let through = Results([("a".to_owned(), vec![check(Status::Success), check(Status::Failure)])].into());
        let text = text("2026-07-28", &[("direct", &direct), ("through", &through)]);
        let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(cells[0], ["2026-07-28", "direct", "through"]);
        assert_eq!(cells[1], ["a", "1/1", ".", "1/2", "!"]);
        assert_eq!(cells[2], ["b", "1/1", ".", "not", "run"]);
        assert_eq!(cells[3], ["scenarios", "passed", "2", "of", "2", "0", "of", "1"]);
    }
}
