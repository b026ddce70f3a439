//! Servers as clients are configured with them: `mcpServers` of Cursor, Claude Desktop and Claude Code, `servers` with
//! `inputs` of VS Code, in a file of its own or below `mcp` of its settings.

use serde_json::{Map, Value, json};

use super::Import;
use super::draft::{Draft, Texts};
use super::value::scalar;

mod jsonc;

/// Takes in every server of a client's file.
pub(super) fn read(import: &mut Import, text: &str) -> Result<(), String> {
    let file: Value = serde_json::from_str(&jsonc::plain(text)).map_err(|error| format!("no JSON: {error}"))?;
    let of_client = |member: &str| file.get(member).and_then(Value::as_object);
    let of_settings = file.get("mcp").and_then(|mcp| mcp.get("servers")).and_then(Value::as_object);
    let (path, servers) = match (of_client("mcpServers"), of_client("servers"), of_settings) {
        (Some(servers), _, _) => ("mcpServers", servers),
        (None, Some(servers), _) => ("servers", servers),
        (None, None, Some(servers)) => ("mcp.servers", servers),
        (None, None, None) => return Err("there is neither `mcpServers` nor `servers` in it".to_owned()),
    };
    let inputs = file.get("inputs").or_else(|| file.get("mcp").and_then(|mcp| mcp.get("inputs")));
    for input in inputs.and_then(Value::as_array).into_iter().flatten() {
        if let Some(id) = input["id"].as_str() {
            import.inputs.insert(id.to_owned(), input["description"].as_str().unwrap_or("an input").to_owned());
        }
    }
    for (name, server) in servers {
        one(import, format!("{path}.{name}"), (name, server));
    }
    Ok(())
}

fn one(import: &mut Import, at: String, (name, server): (&str, &Value)) {
    let Some(members) = server.as_object() else {
        return import.report.say(&at, "is no mapping: left out");
    };
    if members.get("disabled") == Some(&Value::Bool(true)) || members.get("enabled") == Some(&Value::Bool(false)) {
        return import.report.say(&at, "is disabled: left out");
    }
    let text = |member: &str| members.get(member).and_then(Value::as_str);
    let (command, url) = (text("command"), text("url"));
    if command.is_some() == url.is_some() {
        return import.report.say(&at, "has to have one of `command` and `url`: left out");
    }
    let mut draft = Draft::begin(import, at, name, name);
    if let Some(command) = command {
        let (args, env) = (list(&mut draft, members, "args"), texts(&mut draft, members, "env"));
        draft.stdio(command, &args, &env);
    }
    if let Some(url) = url {
        draft.http(url);
        if text("type").or(text("transport")) == Some("sse") {
            draft.transport("SSE");
        }
        let headers = texts(&mut draft, members, "headers");
        draft.headers(&headers);
    }
    for (member, value) in members {
        other(&mut draft, member, value);
    }
    draft.finish();
}

/// What else a client may say of a server.
fn other(draft: &mut Draft<'_>, member: &str, value: &Value) {
    let is_stdio = draft.spec.contains_key("stdio");
    match (member, value) {
        ("command" | "args" | "env", _) if is_stdio => {}
        ("url" | "headers", _) if !is_stdio => {}
        ("disabled" | "enabled", _) => {}
        ("type" | "transport", Value::String(type_)) => {
            let known: &[&str] =
                if is_stdio { &["stdio"] } else { &["http", "sse", "streamable-http", "streamableHttp"] };
            if !known.contains(&type_.as_str()) {
                draft.say(member, "is a transport that is not known: it is taken for what the other members say");
            }
        }
        ("cwd", Value::String(cwd)) if is_stdio && cwd.starts_with('/') && !cwd.contains("${") => {
            if let Some(stdio) = draft.spec.get_mut("stdio") {
                stdio["workingDir"] = json!(cwd);
            }
        }
        ("cwd", _) => draft.say(member, "is no absolute path, or refers to one: set `stdio.workingDir`"),
        ("envFile", _) => {
            draft.say(member, "is not read: put its variables into a Secret, and name them in `stdio.env`");
        }
        ("disabledTools", Value::Array(_)) => {
            let tools: Vec<_> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            draft.spec.insert("tools".to_owned(), json!({ "deny": tools }));
        }
        ("autoApprove" | "alwaysAllow" | "trust", _) => draft.say(member, "is for the client to decide: left out"),
        _ => draft.say(member, "has no counterpart: left out"),
    }
}

/// A list of texts. What is no text is one nevertheless to clients that start a program.
fn list(draft: &mut Draft<'_>, members: &Map<String, Value>, member: &str) -> Vec<String> {
    let items = members.get(member).and_then(Value::as_array).into_iter().flatten();
    items.enumerate().filter_map(|(index, item)| written(draft, &format!("{member}[{index}]"), item)).collect()
}

fn texts(draft: &mut Draft<'_>, members: &Map<String, Value>, member: &str) -> Texts {
    let entries = members.get(member).and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(name, value)| Some((name.clone(), written(draft, &format!("{member}.{name}"), value)?)))
        .collect()
}

fn written(draft: &mut Draft<'_>, field: &str, value: &Value) -> Option<String> {
    let text = scalar(value);
    if text.is_none() {
        draft.say(field, "is no text: left out");
    }
    text
}
