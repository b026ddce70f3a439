//! `switchboard admission`.

use std::fs;
use std::process::ExitCode;

use crds::admission::{Release, policies_yaml};
use crds::resources::{FileFault, parse_settings};
use crds::settings::Settings;

use crate::args::AdmissionArgs;
use crate::output;

/// Prints the policies of a release, ready for `kubectl apply -f -`.
pub(crate) fn print(args: &AdmissionArgs) -> Result<ExitCode, String> {
    let release =
        Release { name: &args.release, namespace: &args.namespace, watched: args.watch_namespaces.as_deref() };
    output::line(policies_yaml(release, &settings(args)?).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn settings(args: &AdmissionArgs) -> Result<Settings, String> {
    let Some(file) = &args.settings else { return Ok(Settings::default()) };
    let path = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
    parse_settings(&text).map_err(|fault| FileFault { path, ..fault }.to_string())
}
