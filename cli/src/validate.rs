//! `switchboard validate`.

use std::process::ExitCode;

use crate::args::{Output, ValidateArgs};
use crate::{output, snapshot};

/// Prints every finding; success only if none is an error.
pub(crate) fn validate(args: &ValidateArgs) -> Result<ExitCode, String> {
    let read = snapshot::read(&args.directory, args.release_namespace.as_deref())?;
    let errors = read.findings.iter().filter(|finding| finding.is_error()).count();
    match args.output {
        Output::Json => {
            let text = serde_json::to_string_pretty(&read.findings).map_err(|error| error.to_string())?;
            output::line(&text);
        }
        Output::Text => {
            for finding in &read.findings {
                output::line(&finding.to_string());
            }
            let snapshot = &read.compiled.snapshot;
            let (servers, groups, callers) = (snapshot.servers.len(), snapshot.groups.len(), snapshot.callers.len());
            output::note(&format!("{servers} servers, {groups} access groups, {callers} callers; {errors} errors"));
        }
    }
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
