//! `switchboard-gateway run`: logs, a runtime, and the gateway until it is told to end.

use std::ffi::OsString;
use std::process::ExitCode;

use gateway::cluster::{self, Options};
use gateway::node::{self, PeerOptions};
use gateway::process;
use tokio::sync::watch;

use crate::args::RunArgs;
use crate::logs;

/// Serves until SIGTERM or SIGINT.
pub(crate) fn serve(args: RunArgs, environment: Vec<(String, OsString)>) -> Result<ExitCode, String> {
    logs::begin(&args.log)?;
    let runtime = process::runtime(args.workers).map_err(|error| error.to_string())?;
    let scratch = process::scratch(Some(&args.scratch));
    let scratch = scratch.map_err(|error| format!("--scratch {}: {error}", args.scratch.display()))?;
    let options = Options {
        release: args.release,
        namespace: args.namespace,
        kept: args.kept,
        apiserver: args.apiserver_host.map(|host| (host, args.apiserver_port)),
        node: node::Options {
            listen: args.listen,
            certificates: args.tls_certificates,
            admin: args.admin,
            peers: args.peer_listen.map(|listen| PeerOptions { listen, names: args.peers }),
            cache: args.cache,
            scratch: scratch.path().to_owned(),
            binary: std::env::current_exe().unwrap_or_else(|_| "switchboard-gateway".into()),
            environment,
            client_side_auth_header: args.client_side_auth_header.filter(|name| !name.is_empty()),
        },
    };
    let ended = runtime.block_on(async {
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(process::end_when_asked(stop));
        Box::pin(cluster::run(options, stopping)).await
    });
    ended.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
}
