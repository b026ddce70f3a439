//! What is logged goes to standard error, as the flags say.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::args::{LogArgs, LogFormat};

/// Logs from now on.
pub(crate) fn begin(args: &LogArgs) -> Result<(), String> {
    // What the client for Kubernetes says of each failed attempt is said here, once.
    let quiet = ["kube_client=off", "kube_runtime=off", "tower=off"].join(",");
    let filter = EnvFilter::try_new(format!("{quiet},{}", args.log)).map_err(|error| format!("--log: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match args.log_format {
        LogFormat::Text => logs.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
    Ok(())
}
