//! `switchboard-gateway sidecar`: logs, a runtime of one thread, and the sidecar until it is told to end.

use std::process::ExitCode;

use gateway::process;
use gateway::sidecar::{self, Options};
use tokio::sync::watch;

use crate::args::SidecarArgs;
use crate::logs;

/// Passes requests on until SIGTERM or SIGINT.
pub(crate) fn pass(args: SidecarArgs) -> Result<ExitCode, String> {
    logs::begin(&args.log)?;
    // It serves one pod, and is to cost it next to nothing.
    let runtime = process::runtime(Some(1)).map_err(|error| error.to_string())?;
    let SidecarArgs { gateway, gateway_ca, token_file, listen, admin, .. } = args;
    let options = Options { gateway, gateway_ca, token_file, listen, admin };
    let ended = runtime.block_on(async {
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(process::end_when_asked(stop));
        sidecar::run(options, stopping).await
    });
    ended.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
}
