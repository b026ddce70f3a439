//! Flags and the environment: everything that is read of either is read here.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gateway::flags::{header_name, peer, peer_listen};

use crate::questions::{can_i, exit, explain, matrix, plan, policy, who_can};
use crate::{admission, crds, import, key, output, rollout, run, snapshot, validate};

mod imports;
mod questions;

use imports::ImportCommand;
pub(crate) use imports::{ImportLitellmArgs, ImportMcpServersArgs, ImportOutputArgs};

pub(crate) use questions::{
    AccessCommand, AccessMatrixArgs, CanIArgs, ClusterArgs, ExplainArgs, FailOn, MatrixOutput, PlanArgs, PlanOutput,
    SourceArgs, SubjectArgs, TestArgs, Verb, WhoCanArgs,
};

/// One address for all MCP servers of a company, and who may use which.
#[derive(Parser)]
#[command(name = "switchboard", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the manifests of a directory at /mcp; edits are in force in under a second.
    Run(RunArgs),
    /// Check the manifests of a directory as `run` would, or with --release-namespace as the apiserver and the operator of a
    /// cluster would in which there is nothing else. Exit code: 0 clean, 1 findings.
    Validate(ValidateArgs),
    /// Make keys for callers.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make manifests of what a client or LiteLLM is configured with. Exit code: 0 all of it, 1 something has no
    /// counterpart, which is said on standard error, 2 nothing was made.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Say who may use a tool, and why each of them may.
    WhoCan(WhoCanArgs),
    /// Say whether somebody may use a tool, and why. Exit code: 0 yes, 1 no, 2 no answer.
    CanI(CanIArgs),
    /// Say by which rule a request was denied: the answer to it has the id, the log the rule. Exit code: 0, 2 no answer.
    Explain(ExplainArgs),
    /// What everybody may use.
    #[command(subcommand)]
    Access(AccessCommand),
    /// Say what a change of the manifests comes to: who may use what that they could not, and the other way round.
    /// Exit code: 0, 1 a difference that --fail-on names, 2 no answer.
    Plan(PlanArgs),
    /// Ask what files of tests say must hold of access. Exit code: 0 all hold, 1 some do not, 2 no answer.
    Test(TestArgs),
    /// Print the CustomResourceDefinitions.
    Crds,
    /// How far a change has come in a cluster.
    #[command(subcommand)]
    Rollout(RolloutCommand),
    /// Print admission policies: with them the apiserver refuses what the settings do not allow, before it is stored.
    Admission(AdmissionArgs),
    /// Look at what manifests are compiled to.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// A small MCP server on standard input and output, to try things with.
    DemoServer,
}

/// What `run` takes.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// The directory of manifests.
    pub(crate) directory: PathBuf,
    /// The address for clients.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// A directory with tls.crt and tls.key, as a Secret of type kubernetes.io/tls is mounted: clients are served over TLS
    /// (HTTP/2 or HTTP/1.1), with a new pair once the files change. Without it clients are served in clear text.
    #[arg(long, value_name = "DIR")]
    pub(crate) tls_certificates: Option<PathBuf>,
    /// The address of the admin port: /livez /readyz /metrics, and, on loopback only, /status /revision.
    #[arg(long, default_value = "127.0.0.1:9090")]
    pub(crate) admin: SocketAddr,
    /// The peer ports of other processes that serve the same directory with the same state directory, as HOST:PORT,
    /// separated by commas. Every address of a host counts; this process may be among them.
    #[arg(long, value_name = "ADDR,…", value_delimiter = ',', requires = "peer_listen", value_parser = peer)]
    pub(crate) peers: Vec<String>,
    /// The address of this process's peer port, as the others reach it. Only peers are let in.
    #[arg(long, value_name = "ADDR", requires = "peers", value_parser = peer_listen)]
    pub(crate) peer_listen: Option<SocketAddr>,
    /// Threads that serve requests. Default: one a core.
    #[arg(long)]
    pub(crate) workers: Option<usize>,
    /// json: one event a line.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// What is logged to standard error: error, warn, info, debug, or a filter such as gateway=debug. What is denied is
    /// logged at info, by gateway::denial.
    #[arg(long, default_value = "warn,gateway::denial=info")]
    pub(crate) log: String,
    /// Overrides the settings' clientSideAuthHeader, unless it is empty.
    #[arg(long, env = "LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME", hide_env_values = true, value_parser = header_name)]
    pub(crate) client_side_auth_header: Option<String>,
}

/// What `validate` takes.
#[derive(Args)]
pub(crate) struct ValidateArgs {
    /// The directory of manifests.
    pub(crate) directory: PathBuf,
    /// Check it as a cluster would whose release is in this namespace: only that is a platform namespace, unless the settings
    /// say otherwise, and Secrets that are not in the directory count as there.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) release_namespace: Option<String>,
    /// json: a list of findings.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Print a new key once, on standard error, and its manifest, which holds only its SHA-256, on standard output.
    Create(KeyCreateArgs),
}

/// What `key create` takes.
#[derive(Args)]
pub(crate) struct KeyCreateArgs {
    /// The name of the binding and of the key.
    pub(crate) name: String,
    /// The team that the key belongs to: it may use what the team may.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// A server that the key is granted, by metadata.name. May be repeated.
    #[arg(long = "server")]
    pub(crate) servers: Vec<String>,
    /// An access group that the key is granted, by metadata.name. May be repeated.
    #[arg(long = "access-group")]
    pub(crate) access_groups: Vec<String>,
    /// The namespace of the binding.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

/// What `admission` takes.
#[derive(Args)]
pub(crate) struct AdmissionArgs {
    /// The name of the release.
    #[arg(long)]
    pub(crate) release: String,
    /// The namespace of the release: its platform namespace, where the settings name no other.
    #[arg(short, long)]
    pub(crate) namespace: String,
    /// A file with the settings document of the release, the text of its settings.yaml. Default: no settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// The namespaces that the release watches, separated by commas. Default: all.
    #[arg(long, value_name = "NAMESPACE,…", value_delimiter = ',')]
    pub(crate) watch_namespaces: Option<Vec<String>>,
}

#[derive(Subcommand)]
enum RolloutCommand {
    /// Wait until every serving gateway of a release runs a revision. Exit code: 0 it does, 1 not in time.
    Status(RolloutStatusArgs),
}

/// What `rollout status` takes.
#[derive(Args)]
pub(crate) struct RolloutStatusArgs {
    /// The release: the beginning of the names of its ConfigMaps.
    #[arg(long, default_value = "switchboard")]
    pub(crate) release: String,
    /// The namespace of the release. Default: the context's.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// The context of the kubeconfig. Default: the current one, or that of the pod.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// The revision that has to be in force. Default: the newest there is now.
    #[arg(long)]
    pub(crate) revision: Option<u64>,
    /// How long to wait, in seconds; 0 looks once.
    #[arg(long, default_value_t = 60)]
    pub(crate) timeout: u64,
    /// json: one object at the end.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Subcommand)]
enum SnapshotCommand {
    /// Print the snapshot of a directory as JSON. No secret is in it.
    Show {
        /// The directory of manifests.
        directory: PathBuf,
    },
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Output {
    /// For a person.
    #[default]
    Text,
    /// For a machine.
    Json,
}

/// What the process was started with, beside its flags.
pub(crate) struct Surroundings {
    /// All of the environment.
    pub(crate) environment: Vec<(String, OsString)>,
    /// `$XDG_STATE_HOME/switchboard`.
    pub(crate) state: PathBuf,
    /// `$XDG_CACHE_HOME/switchboard`.
    pub(crate) cache: PathBuf,
}

impl Surroundings {
    /// Of this process. Keys and homes have a place that is the user's own, or it does not run.
    pub(crate) fn read() -> Result<Self, String> {
        Self::of(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect())
    }

    fn of(environment: Vec<(String, OsString)>) -> Result<Self, String> {
        let place = |wanted: &str, below_home: &str| {
            // The XDG specification has relative paths ignored.
            let path = |wanted: &str| {
                let found = environment.iter().find(|(name, _)| name == wanted);
                found.map(|(_, value)| PathBuf::from(value)).filter(|path| path.is_absolute())
            };
            let base = path(wanted).or_else(|| path("HOME").map(|home| home.join(below_home)));
            base.map(|base| base.join("switchboard")).ok_or_else(|| format!("set HOME or {wanted} to an absolute path"))
        };
        let state = place("XDG_STATE_HOME", ".local/state")?;
        let cache = place("XDG_CACHE_HOME", ".cache")?;
        Ok(Self { environment, state, cache })
    }
}

/// Parses the command line and does what it says.
pub(crate) fn parse_and_run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => Surroundings::read().and_then(|surroundings| run::run(args, surroundings)),
        Command::Validate(args) => validate::validate(&args),
        Command::Key(KeyCommand::Create(args)) => key::create(&args),
        Command::Import(ImportCommand::Litellm(args)) => Ok(exit(import::litellm::litellm(&args))),
        Command::Import(ImportCommand::McpServers(args)) => Ok(exit(import::mcp_servers(&args))),
        Command::WhoCan(args) => Ok(exit(who_can::who_can(&args))),
        Command::CanI(args) => Ok(exit(can_i::can_i(&args))),
        Command::Explain(args) => Ok(exit(explain::explain(&args))),
        Command::Access(AccessCommand::Matrix(args)) => Ok(exit(matrix::matrix(&args))),
        Command::Plan(args) => Ok(exit(plan::plan(&args))),
        Command::Test(args) => Ok(exit(policy::test(&args))),
        Command::Crds => Ok(crds::print()),
        Command::Rollout(RolloutCommand::Status(args)) => rollout::status(&args),
        Command::Admission(args) => admission::print(&args),
        Command::Snapshot(SnapshotCommand::Show { directory }) => snapshot::show(&directory),
        Command::DemoServer => {
            let served = gateway::demo_server::run(std::io::stdin().lock(), std::io::stdout());
            served.map(|()| ExitCode::SUCCESS).map_err(|error| error.to_string())
        }
    };
    result.unwrap_or_else(|error| {
        output::error(&error);
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(environment: &[(&str, &str)]) -> Result<(PathBuf, PathBuf), String> {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
        Surroundings::of(environment).map(|surroundings| (surroundings.state, surroundings.cache))
    }

    #[test]
    fn r9_keys_have_a_place_of_the_users_or_none() {
        let at = |state: &str, cache: &str| Ok((PathBuf::from(state), PathBuf::from(cache)));
        assert_eq!(places(&[("HOME", "/h")]), at("/h/.local/state/switchboard", "/h/.cache/switchboard"));
        let both = [("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "/c")];
        assert_eq!(places(&both), at("/s/switchboard", "/c/switchboard"));
        for environment in [&[][..], &[("HOME", "")], &[("XDG_STATE_HOME", "s")], &[("XDG_CACHE_HOME", "/c")]] {
            assert_eq!(places(environment), Err("set HOME or XDG_STATE_HOME to an absolute path".to_owned()));
        }
        let stateful = places(&[("XDG_STATE_HOME", "/s")]);
        assert_eq!(stateful, Err("set HOME or XDG_CACHE_HOME to an absolute path".to_owned()));
    }

    #[test]
    fn peers_go_with_an_address_of_ones_own() {
        let parsed = |arguments: &[&str]| Cli::try_parse_from([&["switchboard", "run", "."], arguments].concat());
        assert!(parsed(&["--peers", "a:1,b:2", "--peer-listen", "127.0.0.1:1"]).is_ok());
        assert!(parsed(&["--peers", "a:1"]).is_err() && parsed(&["--peer-listen", "127.0.0.1:1"]).is_err());
    }
}
