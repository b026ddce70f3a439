//! What `tests/run` installed outside the checkout, and the programs of the checkout that run on it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the pinned npm packages: both SDKs, the reference server and mcp-remote.
pub fn node_modules() -> PathBuf {
    installed("SWITCHBOARD_TESTS_NODE_MODULES")
}

/// The Python of the virtual environment of this part that holds the pinned SDK 1.x.
pub fn python1() -> PathBuf {
    installed("SWITCHBOARD_TESTS_PYTHON1")
}

/// The Python of the virtual environment of this part that holds the pinned SDK 2.x.
pub fn python2() -> PathBuf {
    installed("SWITCHBOARD_TESTS_PYTHON2")
}

/// The Python of the virtual environment that holds LiteLLM with what its proxy needs.
pub fn litellm() -> PathBuf {
    installed("SWITCHBOARD_TESTS_LITELLM")
}

/// A cache folder that outlives the run, so that npx and uvx download once.
pub fn cache() -> PathBuf {
    installed("SWITCHBOARD_TESTS_CACHE")
}

#[expect(clippy::disallowed_methods, reason = "tests/run says where it installed things by environment only")]
fn installed(variable: &str) -> PathBuf {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: tests/run sets it")).into()
}

/// A program of `tests`, given by its path from there, with the packages that were installed for it.
pub fn program(interpreter: impl AsRef<OsStr>, source: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(checkout().join("tests").join(source)).env("NODE_PATH", node_modules());
    // What Python makes of a source does not belong beside it.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// The root of the checkout.
pub fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
