//! Programs of `tests/clients`, and folders of the run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use tests::toolchain::{cache, checkout, node_modules, python1, python2};

/// A program of `tests/clients` with the packages that were installed for it.
pub(crate) fn program(interpreter: impl AsRef<OsStr>, source: &str) -> Command {
    tests::toolchain::program(interpreter, &format!("clients/{source}"))
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
