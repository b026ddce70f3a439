//! Agent frameworks and LiteLLM's SDK, with a key that may use a part: two tools of one server, another one whole.

use serde_json::{Value, json};
use tests::jobs::{Job, headers};

use crate::client::{Client, Outcome, Task};
use crate::keys::PART;
use crate::program::Program;
use crate::world::{SERVER3, World};

/// Each of them.
pub(crate) fn clients(world: &World) -> Vec<Client> {
    let tasks = tasks(&world.gateway.mcp);
    let client = |name, programs: &[Program]| Client { name, programs: programs.to_vec(), tasks: tasks.clone() };
    vec![
        client("LangChain MCP adapters", &[Program::LangChain]),
        client("OpenAI Agents SDK", &[Program::OpenAiAgents]),
        client("Pydantic AI", &[Program::PydanticAi]),
        client("FastMCP", &[Program::FastMcp]),
        client("LiteLLM Python SDK", &["mcp", "openai"].map(Program::LiteLlm)),
    ]
}

/// A call of each server that is allowed, one of a tool that the key's filter leaves out, and one of a server that the
/// key does not have.
fn tasks(mcp: &str) -> Vec<Task> {
    let mut tools: Vec<String> = ["Server2-echo", "Server2-get-sum"].map(ToOwned::to_owned).into();
    tools.extend(SERVER3.map(ToOwned::to_owned));
    let task = |tool: &str, arguments: Value, outcome| Task {
        job: Job::listing(tool, mcp, headers([("x-litellm-api-key", &format!("Bearer {PART}"))]))
            .calling(tool, arguments),
        tools: tools.clone(),
        outcome,
    };
    vec![
        task("Server2-get-sum", json!({"a": 2, "b": 3}), Outcome::Says("The sum of 2 and 3 is 5.")),
        task("Server3-shout", json!({"text": "hello"}), Outcome::Says("HELLO")),
        task("Server2-get-env", json!({}), Outcome::NotFound),
        task("Zapier_Gmail-send_email", json!({}), Outcome::NotFound),
    ]
}
