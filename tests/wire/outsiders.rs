//! Clients that nobody here has written: Python's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("wire/outsiders").join(name)
}

/// Posts a message over this version of TLS: what Python's client makes of the answer.
pub(crate) fn python(url: &str, key: &str, (trusted, version): (&Path, &str), message: &str) -> Value {
    let mut command = Command::new("python3");
    command.arg(script("https.py")).args([url, key]).arg(trusted).args([version, message]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
