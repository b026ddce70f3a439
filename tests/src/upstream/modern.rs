//! What a scripted server of 2026-07-28 insists on (transports/streamable-http
//! and basic/index), and what only such a server says.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::{Next, failure, response};
use super::script::Script;

const META: &str = "io.modelcontextprotocol";

/// The revision.
pub const REVISION: &str = "2026-07-28";

/// Why such a server refuses a message, as a JSON-RPC error; none if it is right. `headers`: over HTTP.
pub(super) fn refusal(script: &Script, headers: Option<&HeaderMap>, body: &[u8]) -> Option<Value> {
    let message: Value = serde_json::from_slice(body).ok()?;
    if message["id"].is_null() {
        return None;
    }
    let error = |code: i64, words: &str, data: Value| {
        Some(json!({"jsonrpc": "2.0", "id": message["id"], "error": {"code": code, "message": words, "data": data}}))
    };
    let params = &message["params"];
    let version = &params["_meta"][format!("{META}/protocolVersion")];
    if version != REVISION {
        return error(-32022, "another revision", json!({"supported": [REVISION], "requested": version}));
    }
    if !params["_meta"][format!("{META}/clientCapabilities")].is_object() {
        return error(-32602, "no clientCapabilities", Value::Null);
    }
    let headers = headers?;
    let said = |name: &str| headers.get(name).and_then(|value| decoded(value.as_bytes()));
    let method = message["method"].as_str().unwrap_or_default();
    let named = match method {
        "tools/call" | "prompts/get" => params["name"].as_str(),
        "resources/read" => params["uri"].as_str(),
        _ => None,
    };
    let expected = [("mcp-protocol-version", Some(REVISION)), ("mcp-method", Some(method)), ("mcp-name", named)];
    for (name, value) in expected {
        if said(name).as_deref() != value {
            return error(-32020, name, Value::Null);
        }
    }
    let tool = script.tools.iter().find(|tool| method == "tools/call" && named == Some(&tool.name));
    let schema = tool.and_then(|tool| serde_json::from_str(&tool.schema).ok()).unwrap_or(Value::Null);
    mirrored(&schema, &params["arguments"], &mut |header, argument| {
        let argument = match argument {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        said(&format!("mcp-param-{header}")) == argument
    })
    .then_some(())
    .map_or_else(|| error(-32020, "Mcp-Param", Value::Null), |()| None)
}

/// Whether every annotated argument below `properties` is as `same` says of its header.
fn mirrored(schema: &Value, arguments: &Value, same: &mut impl FnMut(&str, &Value) -> bool) -> bool {
    let Some(properties) = schema["properties"].as_object() else { return true };
    properties.iter().all(|(name, property)| {
        let argument = &arguments[name];
        property["x-mcp-header"].as_str().is_none_or(|header| same(&header.to_lowercase(), argument))
            && mirrored(property, argument, same)
    })
}

fn decoded(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    match text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok(),
        None => Some(text.to_owned()),
    }
}

/// A message as such a server says it: a result has a type, and a lifetime if it is a list.
pub(super) fn finished(message: &Bytes) -> Bytes {
    let text = str::from_utf8(message).expect("scripts say JSON");
    let Some((head, result)) = text.split_once(r#""result":{"#).filter(|(_, result)| !result.contains("resultType"))
    else {
        return message.clone();
    };
    let comma = if result.starts_with('}') { "" } else { "," };
    let members = r#""resultType":"complete","ttlMs":0,"cacheScope":"private""#;
    Bytes::from(format!(r#"{head}"result":{{{members}{comma}{result}"#))
}

/// The state that such a server gives with what it asks for.
pub const STATE: &str = "the \"state\" of the server";

/// A result that asks for input, until the request brings it.
pub(super) fn require(questions: &[(String, String)], id: &str, params: &str) -> Next {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Brought<'a> {
        #[serde(borrow)]
        input_responses: Option<&'a RawValue>,
        request_state: Option<String>,
    }
    let brought: Brought<'_> = serde_json::from_str(params).expect("params are an object");
    let result = match (brought.input_responses, brought.request_state.as_deref()) {
        (Some(answers), Some(STATE)) => {
            format!(r#"{{"content":[],"structuredContent":{{"answers":{answers}}},"resultType":"complete"}}"#)
        }
        (None, None) => {
            let question = |(number, (method, params)): (usize, &(String, String))| {
                format!(r#""q{number}":{{"method":"{method}","params":{params}}}"#)
            };
            let questions: Vec<_> = questions.iter().enumerate().map(question).collect();
            let (questions, state) = (questions.join(","), Value::from(STATE));
            format!(r#"{{"resultType":"input_required","inputRequests":{{{questions}}},"requestState":{state}}}"#)
        }
        _ => return failure(id, -32602, "half of what was asked for, or the state of another"),
    };
    Next::Say { after: Duration::ZERO, messages: vec![response(id, &result)] }
}

/// The HTTP status that goes with a message.
pub(super) fn status(message: &[u8]) -> u16 {
    let message: Value = serde_json::from_slice(message).unwrap_or_default();
    match message["error"]["code"].as_i64() {
        Some(-32022..=-32020) => 400,
        Some(-32601) => 404,
        _ => 200,
    }
}

/// What a stream that listens begins with.
pub(super) fn acknowledged(request: &Value) -> Bytes {
    told(
        &request["id"],
        "notifications/subscriptions/acknowledged",
        &json!({"notifications": request["params"]["notifications"]}),
    )
}

/// A notification on the stream of the request `id`.
pub(super) fn told(id: &Value, method: &str, params: &Value) -> Bytes {
    let mut params = params.clone();
    params["_meta"] = json!({format!("{META}/subscriptionId"): id});
    Bytes::from(json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string())
}
