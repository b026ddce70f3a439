//! `switchboard snapshot show`.

use std::path::Path;
use std::process::ExitCode;

use crds::compile::Pepper;
use gateway::source::directory::{Directory, Read};

use crate::output;
use crate::random::random;
use crate::source::{scope, secrets};

/// Prints what the manifests of a directory are compiled to. Fingerprints are made with a key of this one run.
pub(crate) fn show(directory: &Path) -> Result<ExitCode, String> {
    let read = read(directory, None)?;
    for fault in &read.faults {
        output::error(&fault.to_string());
    }
    let text = serde_json::to_string_pretty(&read.compiled.snapshot).map_err(|error| error.to_string())?;
    output::line(&text);
    Ok(if read.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads a directory once, as `run` would at start, or as the cluster of a release, which has Secrets that manifests do not
/// hold.
pub(crate) fn read(directory: &Path, release_namespace: Option<&str>) -> Result<Read, String> {
    let mut source = Directory::new(directory.to_owned(), Pepper(random()?));
    source.look(None).map_err(|error| format!("{}: {error}", directory.display()))?;
    let (mut merged, faults) = source.objects();
    if release_namespace.is_some() {
        secrets::take_to_be_there(&mut merged.resources, &merged.unmarked);
    }
    Ok(source.compile_as(&scope(release_namespace), &merged, faults))
}
