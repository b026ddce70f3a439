//! What `tests/run` installed outside the checkout, and folders of the run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the pinned npm packages: both SDKs and the reference server.
pub(crate) fn node_modules() -> PathBuf {
    installed("SWITCHBOARD_TESTS_NODE_MODULES")
}

/// The Python of the virtual environment that holds the pinned SDK 1.x.
pub(crate) fn python1() -> PathBuf {
    installed("SWITCHBOARD_TESTS_PYTHON1")
}

/// The Python of the virtual environment that holds the pinned SDK 2.x.
pub(crate) fn python2() -> PathBuf {
    installed("SWITCHBOARD_TESTS_PYTHON2")
}

/// A cache folder that outlives the run, so that npx and uvx download once.
pub(crate) fn cache() -> PathBuf {
    installed("SWITCHBOARD_TESTS_CACHE")
}

#[expect(clippy::disallowed_methods, reason = "tests/run says where it installed things by environment only")]
fn installed(variable: &str) -> PathBuf {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run `tests/run clients`")).into()
}

/// A program of `tests/clients` with the packages that were installed for it.
pub(crate) fn program(interpreter: impl AsRef<OsStr>, source: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(checkout().join("tests/clients").join(source)).env("NODE_PATH", node_modules());
    command
}

/// The root of the checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A fresh, empty folder of this run below the target folder. It stays behind to be looked at.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
