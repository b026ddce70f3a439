//! Runs the suite through `tests/conformance/run`, as a person would.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde::Deserialize;

use crate::results::{Check, Results, times};

/// What the suite runs, and at which revision of the protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Selection {
    /// What this revision requires, by the list that the suite froze for it.
    Required(&'static str),
    /// Every scenario that applies to this revision: for those that have no list.
    Whole(&'static str),
    /// Every scenario there is, extensions included, each at the revision that the suite holds it for.
    Everything,
}

impl Selection {
    /// What tables and folders call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Required(revision) | Self::Whole(revision) => revision,
            Self::Everything => "everything",
        }
    }

    fn options(self) -> Vec<&'static str> {
        match self {
            Self::Required(revision) => vec!["--requirements", revision],
            Self::Whole(revision) => vec!["--suite", "all", "--spec-version", revision],
            Self::Everything => vec!["--suite", "all"],
        }
    }

    /// The scenarios that count, if there is a list of them. The suite runs others beside, which nobody need pass.
    pub(crate) fn scored(self) -> Option<Vec<String>> {
        /// The suite's list for one revision.
        #[derive(Deserialize)]
        struct Requirements {
            server: Vec<String>,
        }
        match self {
            Self::Required(revision) => {
                let list = package().join("requirements").join(revision).with_extension("yaml");
                let list: Requirements = serde_yaml::from_slice(&std::fs::read(list).unwrap()).unwrap();
                Some(list.server)
            }
            Self::Whole(_) | Self::Everything => None,
        }
    }

    /// Those of the results that count.
    pub(crate) fn scored_of(self, results: &Results) -> Results {
        self.scored().map_or_else(|| results.clone(), |scored| results.only(&scored))
    }
}

/// When each scenario ran, by the clock of files.
pub(crate) type Times = BTreeMap<String, Range<SystemTime>>;

/// Runs a selection against the server at `url`; `column` names the folder of what the suite wrote.
pub(crate) fn run(url: &str, selection: Selection, column: &str) -> Results {
    run_timed(url, selection, column).0
}

/// As [`run`], with the times: scenarios run one after the other, and each writes its checks when it ends.
pub(crate) fn run_timed(url: &str, selection: Selection, column: &str) -> (Results, Times) {
    let begin = SystemTime::now();
    let folder = scratch(&format!("{column}-{}", selection.name()));
    let output =
        script().arg(url).args(selection.options()).arg("-o").arg(&folder).stdin(Stdio::null()).output().unwrap();
    // Its exit code says only whether all passed, which the checks say in more detail.
    std::fs::write(folder.join("stdout.log"), &output.stdout).unwrap();
    std::fs::write(folder.join("stderr.log"), &output.stderr).unwrap();
    (Results::read(&folder, "server-"), times(&folder, "server-", begin))
}

/// Runs one scenario for servers at a revision.
pub(crate) fn run_scenario(url: &str, scenario: &str, revision: &str, column: &str) -> Results {
    let folder = scratch(&format!("{column}-{revision}-{scenario}"));
    let mut command = script();
    command.args([url, "--scenario", scenario, "--spec-version", revision]).arg("-o").arg(&folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    std::fs::write(folder.join("stderr.log"), &output.stderr).unwrap();
    Results::read(&folder, "server-").only(&[scenario.to_owned()])
}

/// Runs a scenario for clients at a revision, with the gateway as the client: its checks, and whether the suite approves,
/// which it does not of warnings or of a client that breaks off.
pub(crate) fn run_client(scenario: &str, revision: &str) -> (Vec<Check>, bool) {
    let folder = scratch(&format!("client-{revision}-{scenario}"));
    let mut command = script();
    command.args(["--client", "--command", env!("CARGO_BIN_EXE_conformance-client"), "--scenario", scenario]);
    let output =
        command.args(["--spec-version", revision]).arg("-o").arg(&folder).stdin(Stdio::null()).output().unwrap();
    std::fs::write(folder.join("stderr.log"), &output.stderr).unwrap();
    let checks = Results::read(&folder, "").0.remove(scenario);
    (checks.unwrap_or_default(), output.status.success())
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/run"))
}

/// Where the suite is installed.
fn package() -> PathBuf {
    let output = script().arg("--install").stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the suite cannot be installed");
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    folder.join("node_modules/@modelcontextprotocol/conformance")
}

/// A fresh, empty folder below the target folder. It stays behind to be looked at.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
