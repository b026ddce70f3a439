//! `switchboard crds`.

use std::process::ExitCode;

use crate::output;

/// Prints the definitions, ready for `kubectl apply -f -`.
pub fn print() -> Result<ExitCode, String> {
    output::line(crds::crd::crd_yaml().trim_end());
    Ok(ExitCode::SUCCESS)
}
