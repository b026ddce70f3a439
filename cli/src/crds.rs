//! `switchboard crds`.

use std::process::ExitCode;

use crate::output;

/// Prints the definitions, ready for `kubectl apply -f -`.
pub(crate) fn print() -> ExitCode {
    output::line(crds::crd::crd_yaml().trim_end());
    ExitCode::SUCCESS
}
