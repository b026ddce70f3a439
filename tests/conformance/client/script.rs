//! What the caller does in each scenario.

use serde_json::{Value, json};
use tests::client::MODERN;

use crate::caller::Caller;

/// The last revision with sessions.
const LEGACY: &str = "2025-11-25";

/// Does what the scenario needs to see, at the gateway's URL.
pub(crate) async fn run(scenario: &str, revision: &str, context: &Value, url: &str) {
    let mut caller = Caller::open(url, revision).await;
    match scenario {
        // What the gateway does by itself is all that they look at, as long as somebody asks.
        "initialize" | "request-metadata" | "json-schema-ref-no-deref" => drop(caller.tools().await),
        "tools_call" | "elicitation-sep1034-client-defaults" | "sse-retry" | "sep-2322-client-request-state" => {
            call_all(&mut caller).await;
        }
        "http-standard-headers" => read_and_call_all(&mut caller).await,
        // A caller of the older era mirrors nothing, so that all headers are the gateway's own.
        "http-custom-headers" => call_as_told(&mut Caller::open(url, LEGACY).await, context).await,
        // To callers of both eras such a tool must not exist, or the gateway would call it.
        "http-invalid-tool-headers" => {
            for revision in [MODERN, LEGACY] {
                call_all(&mut Caller::open(url, revision).await).await;
            }
        }
        "json-schema-2020-12-preservation" => give_back_schema(&mut caller).await,
        other => panic!("no script for the scenario {other}"),
    }
}

/// Calls every tool with arguments of the types that it asks for.
async fn call_all(caller: &mut Caller) {
    let tools = caller.tools().await;
    assert!(!tools.is_empty(), "the suite offers tools");
    for tool in tools {
        let arguments = arguments(&tool["inputSchema"]);
        caller.call(tool["name"].as_str().unwrap(), &arguments).await;
    }
}

async fn read_and_call_all(caller: &mut Caller) {
    for resource in caller.list("resources").await {
        caller.ask("resources/read", resource["uri"].as_str(), json!({"uri": resource["uri"]})).await;
    }
    for prompt in caller.list("prompts").await {
        caller.ask("prompts/get", prompt["name"].as_str(), json!({"name": prompt["name"]})).await;
    }
    call_all(caller).await;
}

/// Makes the calls that the context names.
async fn call_as_told(caller: &mut Caller, context: &Value) {
    let calls = context["toolCalls"].as_array().unwrap();
    assert!(!caller.tools().await.is_empty());
    for call in calls {
        caller.call(call["name"].as_str().unwrap(), &call["arguments"]).await;
    }
}

/// Hands the schema of one tool to another, as it was listed.
async fn give_back_schema(caller: &mut Caller) {
    let tools = caller.tools().await;
    let focal = tools.iter().find(|tool| tool["name"] == "json_schema_2020_12_tool").unwrap();
    caller.call("json_schema_echo", &json!({"schema": focal["inputSchema"]})).await;
}

/// A value for each property of an object's schema.
fn arguments(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let value = |schema: &Value| match schema["type"].as_str() {
        Some("number" | "integer") => json!(5),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        Some("null") => Value::Null,
        _ => json!("text"),
    };
    properties.iter().map(|(name, schema)| (name.clone(), value(schema))).collect::<serde_json::Map<_, _>>().into()
}
