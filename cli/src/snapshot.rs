//! `switchboard snapshot show`.

use std::path::Path;
use std::process::ExitCode;

use crds::compile::Pepper;
use gateway::source::directory::Directory;

use crate::output;
use crate::random::random;

/// Prints what the manifests of a directory are compiled to. Fingerprints are made with a key of this one run.
pub(crate) fn show(directory: &Path) -> Result<ExitCode, String> {
    let read = read(directory)?;
    for fault in &read.faults {
        output::error(&fault.to_string());
    }
    let text = serde_json::to_string_pretty(&read.compiled.snapshot).map_err(|error| error.to_string())?;
    output::line(&text);
    Ok(if read.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads a directory once, as `run` would at start.
fn read(directory: &Path) -> Result<gateway::source::directory::Read, String> {
    let mut source = Directory::new(directory.to_owned(), Pepper(random()?));
    source.read(None).map_err(|error| format!("{}: {error}", directory.display()))
}
