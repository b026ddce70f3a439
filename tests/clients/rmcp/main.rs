//! The official Rust SDK (rmcp) as a client: reads a JSON list of jobs on stdin and prints one JSON line a job.
//!
//! The job and result lines are those of `python2/client.py` and `typescript/jobs.cjs`. Without an `era` it takes
//! rmcp's own default, the `initialize` handshake; `auto` probes `server/discover` first, `modern` insists on it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rmcp::ClientHandler;
use rmcp::model::{
    CallToolRequestParams, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability,
    ErrorData, FormElicitationCapability, JsonObject, ProgressNotificationParam, ProtocolVersion,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt, NotificationContext, RequestContext, RoleClient, RunningService,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Value, from_value, to_value};

/// Longer than any job takes; a job that hangs is an error of that job.
const TIMEOUT: Duration = Duration::from_secs(60);

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
struct Job {
    name: String,
    url: String,
    headers: BTreeMap<String, String>,
    list: bool,
    call: Option<Call>,
    ask: Vec<Ask>,
    elicit: Option<Value>,
    era: Option<Era>,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    arguments: JsonObject,
}

#[derive(Deserialize)]
struct Ask {
    method: String,
    params: Value,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Era {
    Auto,
    Legacy,
    Modern,
}

#[derive(Default, Serialize)]
struct Outcome {
    name: String,
    protocol: Option<String>,
    tools: Option<Vec<String>>,
    call: Option<Answer>,
    answers: Vec<Value>,
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    is_error: bool,
    text: String,
    progress: Vec<f64>,
}

/// Who sits before the client: accepts every form with the content given, and writes progress down. rmcp asks for
/// progress with every call.
#[derive(Default)]
struct Person {
    content: Option<Value>,
    progress: Mutex<Vec<f64>>,
}

impl ClientHandler for Person {
    fn get_info(&self) -> ClientConfig {
        let form = || ElicitationCapability::new().with_form(FormElicitationCapability::default());
        let mut config = ClientConfig::default();
        config.capabilities.elicitation = self.content.as_ref().map(|_| form());
        config
    }

    async fn create_elicitation(
        &self,
        _request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(match &self.content {
            Some(content) => ElicitResult::new(ElicitationAction::Accept).with_content(content.clone()),
            None => ElicitResult::new(ElicitationAction::Decline),
        })
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).push(params.progress);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let jobs: Vec<Job> = serde_json::from_reader(std::io::stdin().lock())?;
    for job in jobs {
        let mut outcome = Outcome { name: job.name.clone(), ..Outcome::default() };
        outcome.error = match tokio::time::timeout(TIMEOUT, converse(job, &mut outcome)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(elapsed) => Some(elapsed.to_string()),
        };
        write_line(&outcome)?;
    }
    Ok(())
}

async fn converse(job: Job, outcome: &mut Outcome) -> Result<(), Error> {
    let client = connect(&job).await?;
    outcome.protocol = client.peer_info().map(|info| info.protocol_version.to_string());
    if job.list {
        let mut names: Vec<String> = client.list_all_tools().await?.into_iter().map(|tool| tool.name.into()).collect();
        names.sort();
        outcome.tools = Some(names);
    }
    if let Some(call) = job.call {
        let answer = client.call_tool(CallToolRequestParams::new(call.name).with_arguments(call.arguments)).await?;
        let texts: Vec<&str> = answer.content.iter().filter_map(|block| Some(block.as_text()?.text.as_str())).collect();
        let progress = client.service().progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        outcome.call = Some(Answer { is_error: answer.is_error.unwrap_or(false), text: texts.join("\n"), progress });
    }
    for asked in job.ask {
        outcome.answers.push(ask(&client, asked).await?);
    }
    client.cancel().await?;
    Ok(())
}

/// The entries of a list, all pages, or the result's member that says it.
async fn ask(client: &RunningService<RoleClient, Person>, Ask { method, params }: Ask) -> Result<Value, Error> {
    Ok(match method.as_str() {
        "prompts/list" => to_value(client.list_all_prompts().await?)?,
        "resources/list" => to_value(client.list_all_resources().await?)?,
        "resources/templates/list" => to_value(client.list_all_resource_templates().await?)?,
        "prompts/get" => to_value(client.get_prompt(from_value(params)?).await?.messages)?,
        "resources/read" => to_value(client.read_resource(from_value(params)?).await?.contents)?,
        "completion/complete" => to_value(client.complete(from_value(params)?).await?.completion)?,
        _ => return Err(format!("no such method: {method}").into()),
    })
}

async fn connect(job: &Job) -> Result<RunningService<RoleClient, Person>, Error> {
    let mut headers = HashMap::new();
    for (name, value) in &job.headers {
        headers.insert(name.parse::<HeaderName>()?, HeaderValue::from_str(value)?);
    }
    let config = StreamableHttpClientTransportConfig::with_uri(job.url.as_str()).custom_headers(headers);
    let transport = StreamableHttpClientTransport::from_config(config);
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    let lifecycle = match job.era.unwrap_or(Era::Legacy) {
        Era::Auto => ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
        Era::Legacy => ClientLifecycleMode::Initialize,
        Era::Modern => ClientLifecycleMode::Discover { preferred_versions },
    };
    let person = Person { content: job.elicit.clone(), ..Person::default() };
    Ok(person.serve_with_lifecycle(transport, lifecycle).await?)
}

fn write_line(outcome: &Outcome) -> Result<(), Error> {
    use std::io::Write;
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, outcome)?;
    stdout.write_all(b"\n")?;
    Ok(stdout.flush()?)
}
