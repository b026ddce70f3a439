//! `switchboard-operator`: the operator of a release.

use std::process::ExitCode;

fn main() -> ExitCode {
    operator::args::parse_and_run()
}
