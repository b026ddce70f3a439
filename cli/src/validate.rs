//! `switchboard validate`.

use std::process::ExitCode;

use crds::compile::Pepper;
use gateway::source::directory::{Directory, Read};

use crate::args::{Output, ValidateArgs};
use crate::output;
use crate::random::random;
use crate::source::{scope, secrets};

/// Prints every finding; success only if none is an error.
pub(crate) fn validate(args: &ValidateArgs) -> Result<ExitCode, String> {
    let read = read(args)?;
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

/// Compiles the directory as `run` does, or as the cluster of a release, which has Secrets that manifests do not hold.
fn read(args: &ValidateArgs) -> Result<Read, String> {
    let mut directory = Directory::new(args.directory.clone(), Pepper(random()?));
    directory.look(None).map_err(|error| format!("{}: {error}", args.directory.display()))?;
    let (mut merged, faults) = directory.objects();
    if args.release_namespace.is_some() {
        secrets::take_to_be_there(&mut merged.resources, &merged.unmarked);
    }
    Ok(directory.compile_as(&scope(args.release_namespace.as_deref()), &merged, faults))
}
