//! The programs that clients are: each reads jobs and prints answers, see [`tests::jobs`].

use std::fmt;
use std::process::Command;

use tests::toolchain::{program, python1, python2};

/// A program, on the packages that are pinned for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    /// The official Python SDK 1.x: `initialize`.
    Python1,
    /// The official Python SDK 2.x: `server/discover` first.
    Python2,
    /// npm `mcp-remote`, started by `npx` and spoken to over stdio.
    McpRemote,
    /// PyPI `langchain-mcp-adapters`.
    LangChain,
    /// PyPI `openai-agents`.
    OpenAiAgents,
    /// PyPI `pydantic-ai-slim[mcp]`.
    PydanticAi,
    /// PyPI `fastmcp`.
    FastMcp,
    /// PyPI `litellm`: `load_mcp_tools` in this format, and `call_openai_tool`.
    LiteLlm(&'static str),
}

impl Program {
    /// The command that starts it.
    pub(crate) fn command(self) -> Command {
        match self {
            Self::Python1 => program(python1(), "clients/python1/client.py"),
            Self::Python2 => program(python2(), "clients/python2/client.py"),
            Self::McpRemote => program("node", "agents/programs/mcp_remote.cjs"),
            Self::LangChain => program(python1(), "agents/programs/langchain_tools.py"),
            Self::OpenAiAgents => program(python2(), "agents/programs/openai_agent.py"),
            Self::PydanticAi => program(python2(), "agents/programs/pydantic_agent.py"),
            Self::FastMcp => program(python2(), "agents/programs/fastmcp_client.py"),
            Self::LiteLlm(format) => {
                let mut command = program(python2(), "agents/programs/litellm_bridge.py");
                // By itself it asks for the prices of models when it is imported.
                command.arg(format).env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
                command
            }
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}
