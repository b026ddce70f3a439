//! What questions about access take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use crds::snapshot::{ItemKind, UnixSeconds};
use gateway::clock;

use super::Output;

/// Which cluster is meant, and as whose release.
#[derive(Args, Clone)]
pub(crate) struct ClusterArgs {
    /// The context of the kubeconfig of a cluster whose objects are asked about.
    #[arg(long)]
    pub(crate) context: Option<String>,
    /// The release in the cluster: the beginning of the names of its ConfigMaps.
    #[arg(long, default_value = "switchboard")]
    pub(crate) release: String,
    /// The namespace of the release. Of a cluster: default the context's. With a directory: answers as a cluster with such a
    /// release would, and without it as `run` does.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) release_namespace: Option<String>,
    /// The namespaces that the release watches in the cluster, separated by commas. Default: all.
    #[arg(long, value_name = "NAMESPACE,…", value_delimiter = ',')]
    pub(crate) watch_namespaces: Option<Vec<String>>,
    /// The moment that is asked about, as in 2027-01-31T00:00:00Z. Default: now; of `explain`, when it was denied.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<jiff::Timestamp>,
}

impl ClusterArgs {
    /// The moment that is asked about.
    pub(crate) fn now(&self) -> UnixSeconds {
        self.at.map_or_else(clock::now, jiff::Timestamp::as_second)
    }
}

/// Whose objects a question is about.
#[derive(Args)]
pub(crate) struct SourceArgs {
    /// The directory of manifests.
    #[arg(short, long, value_name = "DIR", default_value = ".", conflicts_with_all = ["live", "context", "snapshot"])]
    pub(crate) directory: PathBuf,
    /// Ask a snapshot, as `snapshot show` prints it. It knows callers alone, and not why they may what they may.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["live", "context"])]
    pub(crate) snapshot: Option<PathBuf>,
    /// Ask about the objects of a cluster: that of --context, or of the current context.
    #[arg(long)]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
}

/// What is done with an item.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Verb {
    /// Call a tool.
    #[default]
    Call,
    /// Get a prompt.
    Get,
    /// Read a resource.
    Read,
}

impl Verb {
    /// What it is done with.
    pub(crate) fn kind(self) -> ItemKind {
        match self {
            Verb::Call => ItemKind::Tool,
            Verb::Get => ItemKind::Prompt,
            Verb::Read => ItemKind::Resource,
        }
    }

    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verb::Call => "call",
            Verb::Get => "get",
            Verb::Read => "read",
        }
    }
}

/// Who is asked about.
#[derive(Args)]
#[group(id = "subject", required = true, multiple = false, args = ["key", "team", "user", "organization", "service_account", "claims", "anonymous"])]
pub(crate) struct SubjectArgs {
    /// The holder of a key, by its McpKeyBinding: metadata.name or NAMESPACE/NAME.
    #[arg(long, value_name = "NAME")]
    pub(crate) key: Option<String>,
    /// A key of this team, without grants of its own.
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// A key of this user, without grants of its own.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// A key of this organization, without grants of its own.
    #[arg(long)]
    pub(crate) organization: Option<String>,
    /// The holder of a token of this service account.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) service_account: Option<String>,
    /// The holder of a token that has the claims of this McpKeyBinding, and of no other: metadata.name or NAMESPACE/NAME.
    #[arg(long, value_name = "NAME")]
    pub(crate) claims: Option<String>,
    /// Whoever brings no credential.
    #[arg(long)]
    pub(crate) anonymous: bool,
    /// The namespace of the key. Default: that of the subject, if there is one.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
}

/// What `can-i` takes.
#[derive(Args)]
pub(crate) struct CanIArgs {
    #[command(flatten)]
    pub(crate) subject: SubjectArgs,
    /// What is done.
    pub(crate) verb: Verb,
    /// What it is done with, by its server and native name: SERVER/TOOL, SERVER/PROMPT or SERVER/URI. The server goes by
    /// its alias, its metadata.name, or NAMESPACE/NAME.
    #[arg(value_name = "SERVER/NAME")]
    pub(crate) item: String,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// json: one object.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// What `who-can` takes.
#[derive(Args)]
pub(crate) struct WhoCanArgs {
    /// What is asked about, by its server and native name: SERVER/TOOL, SERVER/PROMPT or SERVER/URI. The server goes by
    /// its alias, its metadata.name, or NAMESPACE/NAME.
    #[arg(value_name = "SERVER/NAME")]
    pub(crate) item: String,
    /// What is done with it.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// json: one object.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// What `explain` takes.
#[derive(Args)]
pub(crate) struct ExplainArgs {
    /// The id that the answer had: its header `switchboard-request-id`, or `switchboard.dev/requestId` in the `_meta` of a
    /// tool's result or the `data` of an error.
    pub(crate) id: String,
    /// A log of a gateway, in text or JSON; - is standard input. May be repeated. Default, with --live or --context: those of
    /// the release's gateway pods.
    #[arg(long = "log", value_name = "FILE")]
    pub(crate) logs: Vec<PathBuf>,
    /// The directory of manifests whose objects say what the rule follows from.
    #[arg(short, long, value_name = "DIR", conflicts_with_all = ["live", "context"])]
    pub(crate) directory: Option<PathBuf>,
    /// Ask a cluster, for logs and objects: that of --context, or of the current context.
    #[arg(long)]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// json: one object.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

impl ExplainArgs {
    /// Whether a cluster is asked.
    pub(crate) fn is_of_a_cluster(&self) -> bool {
        self.live || self.cluster.context.is_some()
    }

    /// Whose objects are asked, if any are.
    pub(crate) fn source(&self) -> Option<SourceArgs> {
        let directory = self.directory.clone().or_else(|| self.is_of_a_cluster().then(PathBuf::new))?;
        Some(SourceArgs { directory, snapshot: None, live: self.live, cluster: self.cluster.clone() })
    }
}

#[derive(Subcommand)]
pub(crate) enum AccessCommand {
    /// Print what each caller may use of each server, as rules over native names.
    Matrix(AccessMatrixArgs),
}

/// What `access matrix` takes.
#[derive(Args)]
pub(crate) struct AccessMatrixArgs {
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// csv, json: for machines.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: MatrixOutput,
}

/// How a matrix is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum MatrixOutput {
    /// For a person.
    #[default]
    Table,
    /// With a line of heads.
    Csv,
    /// A list of objects.
    Json,
}

/// What `plan` takes.
#[derive(Args)]
pub(crate) struct PlanArgs {
    /// What is in force: a directory, REVISION:DIRECTORY of the git repository here, or `live` for the cluster.
    #[arg(value_name = "OLD")]
    pub(crate) before: String,
    /// What would be: as OLD.
    #[arg(value_name = "NEW")]
    pub(crate) after: String,
    /// Which differences are a failure.
    #[arg(long, value_enum)]
    pub(crate) fail_on: Option<FailOn>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// markdown: for a comment on a pull request. json: one object.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: PlanOutput,
}

/// See [`PlanArgs::fail_on`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FailOn {
    /// Somebody may use more.
    Widen,
    /// Somebody may use less.
    Narrow,
    /// Both.
    Any,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum PlanOutput {
    /// For a person.
    #[default]
    Text,
    /// A section with a table.
    Markdown,
    /// For a machine.
    Json,
}

/// What `test` takes.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Files of tests.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// json: one object.
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}
