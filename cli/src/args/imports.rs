//! What `import` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Output;

#[derive(Subcommand)]
pub(super) enum ImportCommand {
    /// The MCP servers of a client: `mcpServers` of Cursor or Claude, `servers` of VS Code.
    McpServers(ImportMcpServersArgs),
    /// The MCP servers of LiteLLM's config.yaml, and the keys, teams and organizations that may use them.
    Litellm(ImportLitellmArgs),
}

/// What `import mcp-servers` takes.
#[derive(Args)]
pub(crate) struct ImportMcpServersArgs {
    /// The client's file: mcp.json, claude_desktop_config.json, .mcp.json …
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: ImportOutputArgs,
}

/// What `import litellm` takes.
#[derive(Args)]
pub(crate) struct ImportLitellmArgs {
    /// LiteLLM's configuration.
    pub(crate) config: PathBuf,
    /// What /key/list?return_full_object=true, /team/list, /organization/list and /user/list answered, in a file each or
    /// under keys, teams, organizations and users of one. May be repeated.
    #[arg(long, value_name = "EXPORT.json")]
    pub(crate) keys: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: ImportOutputArgs,
}

/// Where manifests go.
#[derive(Args)]
pub(crate) struct ImportOutputArgs {
    /// A directory for the manifests, one file an object. Default: standard output, all in one stream.
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Write over files that are there.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// The namespace of the objects.
    #[arg(short, long)]
    pub(crate) namespace: Option<String>,
    /// How what has no counterpart is said on standard error. json: a list of file, at and message.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) report: Output,
}
