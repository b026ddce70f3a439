//! What `tests/charts/install` installed, folders of the checkout and of the run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program or folder that was installed.
#[expect(clippy::disallowed_methods, reason = "tests/run says where it installed things by environment only")]
pub(crate) fn installed(name: &str) -> PathBuf {
    let folder = std::env::var("SWITCHBOARD_TESTS_CHARTS");
    PathBuf::from(folder.expect("SWITCHBOARD_TESTS_CHARTS is not set: run `tests/run charts`")).join(name)
}

/// A path of the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// A fresh, empty folder of this run below the target folder. It stays behind to be looked at.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs it to its end: its standard output, or both of its outputs if it fails.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{out}{errors}")) }
}
