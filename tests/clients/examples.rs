//! The examples of `deploy/examples`, each served as it is but for the addresses of its servers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tests::process::Switchboard;

use crate::driver::{Answer, Client, Job, headers, run};
use crate::everything::Everything;
use crate::recorder::Recorder;
use crate::{gateway, toolchain};

const KEY: &str = "sb-example";

#[test]
fn everything_serves_the_reference_server_over_three_transports() {
    let (http, sse) = (Everything::streamable_http(), Everything::sse());
    let gateway = gateway::start(&copied("everything", &[(":3001", http.port), (":3002", sse.port)]));
    for server in ["everything_http", "everything_sse", "everything_stdio"] {
        let job = with_key(server, &gateway).calling(format!("{server}-echo"), json!({"message": server}));
        let answer = done(&job);
        assert_eq!(servers_of(&answer), ["everything_http", "everything_sse", "everything_stdio"]);
        assert_eq!(answer.call.unwrap().text, format!("Echo: {server}"));
    }
}

#[test]
fn python_servers_are_started_by_uvx() {
    let gateway = gateway::start(&copied("python-servers", &[]));
    let job = with_key("time", &gateway).calling("time-get_current_time", json!({"timezone": "UTC"}));
    let answer = done(&job);
    let tools = answer.tools.unwrap();
    assert_eq!(tools, ["fetch-fetch", "time-convert_time", "time-get_current_time"]);
    let call = answer.call.unwrap();
    assert!(!call.is_error && call.text.contains("UTC"), "{call:?}");
}

#[test]
fn cursor_configuration_reaches_the_access_group_alone() {
    let sse = Everything::sse();
    let gateway = gateway::start(&copied("zapier", &[(":3002", sse.port)]));
    let configuration = document("cursor/mcp.json", &gateway);
    let server = &configuration["mcpServers"]["LiteLLM"];
    let answer = done(&job_of("cursor", &server["url"], &server["headers"]));
    assert_eq!(servers_of(&answer), ["Server2", "Zapier_Gmail"]);
}

#[test]
fn responses_tool_blocks_reach_what_they_name() {
    let sse = Everything::sse();
    let upstream = Recorder::before(sse.port);
    let gateway = gateway::start(&copied("zapier", &[(":3002", upstream.port)]));
    assert_eq!(servers_of(&block("all", &gateway)), ["Server2", "Server3", "Zapier_Gmail"]);
    assert_eq!(servers_of(&block("one-server", &gateway)), ["Zapier_Gmail"]);
    assert_eq!(servers_of(&block("access-group", &gateway)), ["Server2", "Zapier_Gmail"]);
    let credentials = upstream.header("authorization");
    assert!(credentials.iter().all(|value| value == "Bearer example-token"), "{credentials:?}");
    assert_eq!(servers_of(&block("mcp-auth", &gateway)), ["Server2", "Server3", "Zapier_Gmail"]);
    let credentials = upstream.header("authorization");
    assert!(credentials.iter().any(|value| value == "Bearer YOUR_MCP_AUTH_TOKEN"), "{credentials:?}");
    assert!(upstream.header("x-litellm-api-key").is_empty(), "the gateway's key stays with the gateway");
}

#[test]
fn responses_tool_block_with_authorization_as_the_callers_credential() {
    let sse = Everything::sse();
    let upstream = Recorder::before(sse.port);
    let renamed = [("LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME", "authorization")];
    let gateway = gateway::start_with(&copied("zapier", &[(":3002", upstream.port)]), &renamed);
    assert_eq!(servers_of(&block("authorization", &gateway)), ["Server2", "Server3", "Zapier_Gmail"]);
    let credentials = upstream.header("authorization");
    assert!(credentials.iter().any(|value| value == "Bearer sk-zapier-token-123"), "{credentials:?}");
}

/// Sends a tool block by the TypeScript SDK, and calls Zapier_Gmail so that a credential has to travel.
fn block(name: &str, gateway: &Switchboard) -> Answer {
    let block = document(&format!("responses/{name}.json"), gateway);
    let job = job_of(name, &block["server_url"], &block["headers"]);
    let answer = done(&job.calling("Zapier_Gmail-echo", json!({"message": name})));
    assert_eq!(answer.call.as_ref().unwrap().text, format!("Echo: {name}"));
    answer
}

/// A client's document, filled in.
fn document(path: &str, gateway: &Switchboard) -> Value {
    tests::examples::document(path, &gateway.mcp, KEY)
}

fn job_of(name: &str, url: &Value, headers: &Value) -> Job {
    let headers: BTreeMap<String, String> = serde_json::from_value(headers.clone()).unwrap();
    Job::listing(name, url.as_str().unwrap(), headers)
}

fn with_key(name: &str, gateway: &Switchboard) -> Job {
    Job::listing(name, &gateway.mcp, headers([("x-litellm-api-key", KEY)]))
}

fn done(job: &Job) -> Answer {
    let answer = run(Client::TypeScript1, std::slice::from_ref(job)).remove(0);
    assert_eq!(answer.error, None, "{}", job.name);
    answer
}

/// The servers whose tools are listed, by their prefixes, sorted.
fn servers_of(answer: &Answer) -> Vec<&str> {
    let prefixes = answer.tools.iter().flatten().map(|tool| tool.split_once('-').unwrap().0);
    prefixes.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A copy of an example's manifests with other ports; each port must occur.
fn copied(example: &str, ports: &[(&str, u16)]) -> PathBuf {
    let thread = std::thread::current();
    let copy = toolchain::scratch(thread.name().unwrap().rsplit("::").next().unwrap()).join("manifests");
    fs::create_dir(&copy).unwrap();
    let mut replaced = BTreeSet::new();
    for entry in fs::read_dir(examples().join(example)).unwrap() {
        let path = entry.unwrap().path();
        let mut text = fs::read_to_string(&path).unwrap();
        for (written, port) in ports {
            if path.extension().is_some_and(|extension| extension == "yaml") && text.contains(written) {
                replaced.insert(*written);
                text = text.replace(written, &format!(":{port}"));
            }
        }
        fs::write(copy.join(path.file_name().unwrap()), text).unwrap();
    }
    assert_eq!(replaced.len(), ports.len(), "{example} names each of {ports:?}");
    copy
}

fn examples() -> PathBuf {
    toolchain::checkout().join("deploy/examples")
}
