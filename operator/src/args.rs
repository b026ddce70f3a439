//! Flags and the environment: everything that is read of either is read here.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tokio::runtime::Builder;
use tracing_subscriber::EnvFilter;

use crate::release::{Release, Watched};
use crate::run::{Options, run};

/// What kube's own watcher says of each try that fails: here a stream that fails says so once.
const QUIET: &str = "kube_runtime=off";

/// Compiles the objects of a cluster into the snapshot that the gateways of a release run, and reports in their status.
#[derive(Parser)]
#[command(name = "switchboard-operator", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator of a release until SIGTERM.
    Run(RunArgs),
}

#[derive(Args)]
struct RunArgs {
    /// The name of the release: what the names of its objects begin with, as in RELEASE-snapshot.
    #[arg(long, value_parser = name)]
    release: String,
    /// The namespace of the release.
    #[arg(long, env = "POD_NAMESPACE", value_parser = name)]
    namespace: String,
    /// The label app.kubernetes.io/instance of the gateway's pods. Default: the name of the release.
    #[arg(long)]
    instance: Option<String>,
    #[command(flatten)]
    watched: WatchedArgs,
    /// Tells this process from others of the release; the name of its pod.
    #[arg(long, env = "POD_NAME", value_parser = name)]
    identity: String,
    /// The address of the admin port: /livez /readyz /metrics.
    #[arg(long, default_value = "0.0.0.0:9090")]
    admin: SocketAddr,
    /// What is logged to standard error: error, warn, info, debug, or a filter such as operator=debug.
    #[arg(long, default_value = "info")]
    log: String,
    /// How it is logged.
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

/// Nothing is watched unless it is named: all namespaces only by saying so (R45).
#[derive(Args)]
#[group(required = true, multiple = false)]
struct WatchedArgs {
    /// The namespaces whose objects are compiled, separated by commas.
    #[arg(long, value_name = "NAMESPACE,…", value_delimiter = ',', value_parser = name)]
    watch_namespaces: Vec<String>,
    /// Compile the objects of every namespace.
    #[arg(long)]
    all_namespaces: bool,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    /// For a person.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// Reads the arguments of the process and does what they say.
pub fn parse_and_run() -> ExitCode {
    let Command::Run(args) = Cli::parse().command;
    match start(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: RunArgs) -> Result<(), String> {
    log(&args.log, args.log_format)?;
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(run(options(args))).map_err(|error| error.to_string())
}

fn options(args: RunArgs) -> Options {
    let instance = args.instance.unwrap_or_else(|| args.release.clone());
    let WatchedArgs { watch_namespaces: mut namespaces, all_namespaces } = args.watched;
    namespaces.sort();
    namespaces.dedup();
    Options {
        release: Release { name: args.release, namespace: args.namespace, instance },
        watched: if all_namespaces { Watched::All } else { Watched::These(namespaces) },
        identity: args.identity,
        admin: args.admin,
    }
}

fn log(filter: &str, format: LogFormat) -> Result<(), String> {
    let of_kube = QUIET.parse().map_err(|error| format!("{QUIET}: {error}"))?;
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log: {error}"))?.add_directive(of_kube);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}

/// A name of Kubernetes, as far as a mistake would not be noticed otherwise.
fn name(text: &str) -> Result<String, String> {
    let may = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '.');
    let is_name = !text.is_empty() && text.len() <= 253 && text.chars().all(may);
    if is_name { Ok(text.to_owned()) } else { Err("not the name of an object: a-z, 0-9, `-` and `.`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "switchboard-operator run --release mcp --namespace tools --identity pod-1";

    fn parse(flags: &str) -> Result<Options, String> {
        let words = BASE.split(' ').chain(flags.split(' ').filter(|word| !word.is_empty()));
        let Command::Run(args) = Cli::try_parse_from(words).map_err(|error| error.to_string())?.command;
        Ok(options(args))
    }

    #[test]
    fn r45_all_namespaces_are_watched_only_when_that_is_said() {
        assert!(parse("").is_err());
        assert!(parse("--watch-namespaces ").is_err());
        assert!(parse("--watch-namespaces a --all-namespaces").is_err());
        assert_eq!(parse("--all-namespaces").unwrap().watched, Watched::All);
        let these = Watched::These(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(parse("--watch-namespaces b,a,b").unwrap().watched, these);
        assert!(parse("--watch-namespaces a,,b").is_err(), "an empty name is a mistake, not every namespace");
        assert!(parse("--watch-namespaces *").is_err());
    }

    #[test]
    fn the_instance_is_the_release_unless_it_is_named() {
        assert_eq!(parse("--all-namespaces").unwrap().release.instance, "mcp");
        assert_eq!(parse("--all-namespaces --instance prod").unwrap().release.instance, "prod");
    }
}
