//! Flags and the environment: everything that is read of either is read here.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gateway::flags::{header_name, loopback, peer, peer_listen};
use gateway::process;
use http::StatusCode;

use crate::{serve, sidecar};

/// How long `check` asks, if nobody answers.
const CHECK_WITHIN: Duration = Duration::from_secs(30);

/// The gateway of a cluster: serves at /mcp what the operator compiled.
#[derive(Parser)]
#[command(name = "switchboard-gateway", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the snapshot that the operator of a release writes. The apiserver is that of the pod, or of KUBECONFIG.
    Run(Box<RunArgs>),
    /// Beside an agent, in its pod: pass its requests on to a gateway with the token of the pod's ServiceAccount, so that
    /// the agent needs no key.
    Sidecar(SidecarArgs),
    /// Ask whether a gateway answers at a URL, without a key, as `helm test` does. Exit code: 0 it does, 1 not in 30 s.
    Check {
        /// As in http://HOST:PORT/mcp.
        url: String,
    },
    /// A small MCP server on standard input and output, to try things with.
    DemoServer,
}

/// What `run` takes.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// The release: what the names of its objects begin with.
    #[arg(long)]
    pub(crate) release: String,
    /// The namespace of the release.
    #[arg(long, env = "POD_NAMESPACE")]
    pub(crate) namespace: String,
    /// The address for clients.
    #[arg(long, default_value = "0.0.0.0:8080")]
    pub(crate) listen: SocketAddr,
    /// A directory with tls.crt and tls.key, as a Secret of type kubernetes.io/tls is mounted: clients are served over TLS
    /// (HTTP/2 or HTTP/1.1), with a new pair once the files change. Default: clear text.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls_certificates: Option<PathBuf>,
    /// The address of the admin port: /livez /readyz /metrics, and, with the fleet's token, /status /revision.
    #[arg(long, default_value = "0.0.0.0:9090")]
    pub(crate) admin: SocketAddr,
    /// The address of this process's peer port, as the others reach it. Only peers are let in.
    #[arg(long, value_name = "ADDR", requires = "peers", value_parser = peer_listen)]
    pub(crate) peer_listen: Option<SocketAddr>,
    /// The peer ports of the other processes, as HOST:PORT, separated by commas. Every address of a host counts; this
    /// process may be among them.
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', requires = "peer_listen", value_parser = peer)]
    pub(crate) peers: Vec<String>,
    /// The folder where what was last in force is kept, keys and credentials included, so that a container that starts
    /// again serves though the apiserver is away: one in memory, of this pod alone. Default: nothing is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) kept: Option<PathBuf>,
    /// The folder where homes of stdio servers are kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: PathBuf,
    /// The folder where private directories of stdio servers are made.
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: PathBuf,
    /// Threads that serve requests. Default: one a core.
    #[arg(long)]
    pub(crate) workers: Option<usize>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// Overrides the settings' clientSideAuthHeader, unless it is empty.
    #[arg(long, env = "LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME", hide_env_values = true, value_parser = header_name)]
    pub(crate) client_side_auth_header: Option<String>,
    /// Where pods reach the apiserver; no McpServer may lead there. Kubernetes tells every pod.
    #[arg(long, env = "KUBERNETES_SERVICE_HOST", hide = true)]
    pub(crate) apiserver_host: Option<String>,
    /// See `apiserver_host`.
    #[arg(long, env = "KUBERNETES_SERVICE_PORT", hide = true, default_value_t = 443)]
    pub(crate) apiserver_port: u16,
}

/// What `sidecar` takes.
#[derive(Args)]
pub(crate) struct SidecarArgs {
    /// Where the gateway is, without a path: http or https, and no way but this one is ever taken.
    #[arg(long, value_name = "URL")]
    pub(crate) gateway: String,
    /// The certificates (PEM) of the authorities that the gateway's certificate may be of, read again for each connection.
    /// Default: those that the image trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway_ca: Option<PathBuf>,
    /// The token that the gateway knows the pod by, as a projected volume has it. It is read for each request.
    #[arg(long, value_name = "FILE", default_value = "/var/run/secrets/switchboard/token")]
    pub(crate) token_file: PathBuf,
    /// The address for agents, on loopback: who reaches it is taken for the pod.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6270", value_parser = loopback)]
    pub(crate) listen: SocketAddr,
    /// The address of the admin port: /livez /readyz /metrics. Kubelet asks at the pod's own address.
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:6271")]
    pub(crate) admin: SocketAddr,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// What is logged, and how.
#[derive(Args)]
pub(crate) struct LogArgs {
    /// What is logged to standard error: error, warn, info, debug, or a filter such as gateway=debug.
    #[arg(long, default_value = "info")]
    pub(crate) log: String,
    /// How it is logged. json: an object a line.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// For a machine.
    Json,
}

/// Parses the command line and does what it says.
pub(crate) fn parse_and_run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => serve::serve(*args, environment()),
        Command::Sidecar(args) => sidecar::pass(args),
        Command::Check { url } => check(&url),
        Command::DemoServer => {
            let served = gateway::demo_server::run(io::stdin().lock(), io::stdout());
            served.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
        }
    };
    result.unwrap_or_else(|error| {
        if tracing::dispatcher::has_been_set() {
            tracing::error!("{error}");
        } else {
            // Nobody reads it, or somebody does.
            let _ = writeln!(io::stderr(), "error: {error}");
        }
        ExitCode::FAILURE
    })
}

fn check(url: &str) -> Result<ExitCode, String> {
    let runtime = process::runtime(Some(1)).map_err(|error| error.to_string())?;
    let status = runtime.block_on(gateway::check::check(url, CHECK_WITHIN));
    let status = status.map_err(|error| format!("{url}: {error}"))?;
    let said = match status {
        StatusCode::UNAUTHORIZED => "a gateway answers, and wants a key",
        _ => "a gateway answers, also without a key",
    };
    writeln!(io::stdout(), "{url}: {said}").map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// All of the environment, of which children see a part.
fn environment() -> Vec<(String, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<RunArgs, String> {
        let common = ["switchboard-gateway", "run", "--release=sb", "--namespace=mcp", "--cache=/c", "--scratch=/s"];
        match Cli::try_parse_from([common.as_slice(), arguments].concat()).map_err(|error| error.to_string())?.command {
            Command::Run(args) => Ok(*args),
            _ => Err("another command".to_owned()),
        }
    }

    fn sidecar(arguments: &[&str]) -> Result<SidecarArgs, String> {
        let common = ["switchboard-gateway", "sidecar", "--gateway=http://switchboard-gateway.switchboard.svc"];
        match Cli::try_parse_from([common.as_slice(), arguments].concat()).map_err(|error| error.to_string())?.command {
            Command::Sidecar(args) => Ok(args),
            _ => Err("another command".to_owned()),
        }
    }

    #[test]
    fn a_sidecar_needs_to_be_told_no_more_than_where_the_gateway_is() {
        let args = sidecar(&[]).unwrap();
        assert_eq!(args.listen, "127.0.0.1:6270".parse().unwrap());
        assert_eq!(args.admin, "0.0.0.0:6271".parse().unwrap());
        assert_eq!(args.token_file.to_str(), Some("/var/run/secrets/switchboard/token"));
        assert!(sidecar(&["--listen=0.0.0.0:6270"]).is_err(), "R14: loopback alone");
        assert!(Cli::try_parse_from(["switchboard-gateway", "sidecar"]).is_err());
    }

    #[test]
    fn the_flags_of_the_chart_are_understood() {
        let args = parsed(&[
            "--listen=0.0.0.0:8080",
            "--tls-certificates=/etc/switchboard/tls",
            "--admin=0.0.0.0:9090",
            "--peer-listen=10.244.0.7:8081",
            "--peers=sb-gateway-peers.mcp.svc:8081",
            "--kept=/run/switchboard",
            "--workers=2",
            "--log=info",
            "--log-format=json",
        ]);
        let args = args.unwrap();
        assert_eq!(args.peers, ["sb-gateway-peers.mcp.svc:8081"]);
        assert_eq!((args.workers, args.log.log_format), (Some(2), LogFormat::Json));
        assert!(parsed(&["--peers=a:1"]).is_err() && parsed(&["--peer-listen=10.0.0.7:1"]).is_err());
        assert!(parsed(&["--log-format=xml"]).is_err());
    }
}
