//! What the suite found, per scenario and check. In: the folder that it wrote, one folder a scenario, each with a
//! `checks.json`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

/// What each scenario's folder holds.
const CHECKS: &str = "checks.json";

/// The results of one run: the checks of each scenario, in their order. A scenario that broke off has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results(pub(crate) BTreeMap<String, Vec<Check>>);

/// One check.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Check {
    /// Its name within the scenario, which may occur more than once.
    pub(crate) id: String,
    pub(crate) status: Status,
    /// Why, unless it is a success.
    #[serde(rename = "errorMessage")]
    pub(crate) message: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Success,
    Failure,
    /// Something that should be, and is not.
    Warning,
    Skipped,
    /// Something observed, not judged.
    Info,
}

impl Results {
    /// Reads what the suite wrote to a folder; `prefix` stands before the names of the scenarios' own folders.
    pub(crate) fn read(folder: &Path, prefix: &str) -> Self {
        let scenarios = folders(folder, prefix).map(|(scenario, folder)| {
            let checks = match std::fs::read(folder.join(CHECKS)) {
                Ok(json) => serde_json::from_slice(&json).unwrap(),
                Err(_) => Vec::new(),
            };
            (scenario, checks)
        });
        Self(scenarios.collect())
    }

    /// These scenarios alone; one that did not run stands there without checks.
    pub(crate) fn only(&self, scenarios: &[String]) -> Self {
        let checks = |scenario: &String| self.0.get(scenario).cloned().unwrap_or_default();
        Self(scenarios.iter().map(|scenario| (scenario.clone(), checks(scenario))).collect())
    }

    /// The scenarios that passed.
    pub(crate) fn passed(&self) -> usize {
        self.0.values().filter(|checks| passed(checks)).count()
    }

    /// Every check that is neither a success nor merely observed, as `scenario: check: message`.
    pub(crate) fn flaws(&self) -> Vec<String> {
        let checks = self.0.iter().flat_map(|(scenario, checks)| checks.iter().map(move |check| (scenario, check)));
        checks
            .filter(|(_, check)| !matches!(check.status, Status::Success | Status::Info))
            .map(|(scenario, check)| {
                let message = check.message.as_deref().unwrap_or_default();
                format!("{scenario}: {}: {:?} {message}", check.id, check.status)
            })
            .collect()
    }
}

/// From when to when each scenario ran that wrote its checks, if they ran one after the other from `begin` on.
pub(crate) fn times(folder: &Path, prefix: &str, mut begin: SystemTime) -> BTreeMap<String, Range<SystemTime>> {
    let ended = |folder: PathBuf| std::fs::metadata(folder.join(CHECKS)).and_then(|file| file.modified()).ok();
    let ends = folders(folder, prefix).filter_map(|(scenario, folder)| Some((ended(folder)?, scenario)));
    let mut ends: Vec<_> = ends.collect();
    ends.sort();
    ends.into_iter().map(|(end, scenario)| (scenario, std::mem::replace(&mut begin, end)..end)).collect()
}

/// The scenarios with their folders.
fn folders(folder: &Path, prefix: &str) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.file_type().unwrap().is_dir()).map(move |entry| {
        let name = entry.file_name().into_string().unwrap();
        let scenario = scenario_of(&name, prefix).unwrap_or_else(|| panic!("{name} is not a scenario's folder"));
        (scenario.to_owned(), entry.path())
    })
}

/// Whether a scenario passed: something succeeded and nothing failed. Stricter than the suite, which takes silence.
pub(crate) fn passed(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.status == Status::Success)
        && checks.iter().all(|check| check.status != Status::Failure)
}

/// The scenario in a folder's name, `{prefix}SCENARIO-TIME`, where TIME is as long as `2026-01-02T03-04-05-678Z`.
fn scenario_of<'f>(folder: &'f str, prefix: &str) -> Option<&'f str> {
    const TIME: usize = "-2026-01-02T03-04-05-678Z".len();
    let name = folder.strip_prefix(prefix)?;
    name.get(..name.len().checked_sub(TIME)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn reads_scenarios_and_keeps_those_that_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let whole = folder.path().join("server-server-stateless-2026-01-02T03-04-05-678Z");
        std::fs::create_dir(&whole).unwrap();
        let checks = r#"[{"id": "a", "status": "SUCCESS", "name": "A"},
                         {"id": "b", "status": "FAILURE", "errorMessage": "no"}]"#;
        std::fs::write(whole.join("checks.json"), checks).unwrap();
        std::fs::create_dir(folder.path().join("server-ping-2026-01-02T03-04-05-678Z")).unwrap();
        std::fs::write(folder.path().join("stdout.log"), "").unwrap();
        let results = Results::read(folder.path(), "server-");
        assert_eq!(results.0.keys().collect::<Vec<_>>(), ["ping", "server-stateless"]);
        assert_eq!(results.passed(), 0, "one failed, one broke off");
        assert_eq!(results.flaws(), ["server-stateless: b: Failure no"]);
    }

    #[test]
    fn a_scenario_ran_from_the_end_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let begin = SystemTime::UNIX_EPOCH;
        let at = |seconds| begin + Duration::from_secs(seconds);
        for (scenario, end) in [("ping", 5), ("caching", 3)] {
            let own = folder.path().join(format!("server-{scenario}-2026-01-02T03-04-05-678Z"));
            std::fs::create_dir(&own).unwrap();
            std::fs::File::create(own.join(CHECKS)).unwrap().set_modified(at(end)).unwrap();
        }
        std::fs::create_dir(folder.path().join("server-broke-off-2026-01-02T03-04-05-678Z")).unwrap();
        let expected = [("caching".to_owned(), begin..at(3)), ("ping".to_owned(), at(3)..at(5))];
        assert_eq!(times(folder.path(), "server-", begin), expected.into());
    }

    #[test]
    fn a_scenario_that_did_not_run_has_not_passed() {
        let only = Results::default().only(&["ping".to_owned()]);
        assert_eq!((only.0.len(), only.passed()), (1, 0));
    }
}
