//! One entry of `mcp_servers`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::known::{Known, ids};
use super::{auth, is_true, members, scalar, texts};
use crate::import::Import;
use crate::import::draft::{Draft, Texts, is_the_gateways};

mod cost;
mod tools;

pub(super) use tools::is_exact;

/// What an entry says.
pub(super) struct Entry<'c> {
    pub(super) name: &'c str,
    /// Its own, or that of `mcp_aliases`.
    pub(super) alias: Option<&'c str>,
    pub(super) members: &'c Map<String, Value>,
    /// `allow_all_keys` does not go for keys with servers of their own.
    pub(super) all_keys_is_scoped: bool,
}

/// Fields that are read, or that say nothing which a gateway does.
const READ: [&str; 36] = [
    "url",
    "transport",
    "command",
    "args",
    "env",
    "env_vars",
    "auth_type",
    "auth_value",
    "authentication_token",
    "client_id",
    "client_secret",
    "token_url",
    "token_exchange_endpoint",
    "token_exchange_profile",
    "token_endpoint_auth_method",
    "subject_token_type",
    "audience",
    "scopes",
    "oauth2_flow",
    "extra_headers",
    "static_headers",
    "allowed_tools",
    "disallowed_tools",
    "allowed_params",
    "access_groups",
    "allow_all_keys",
    "available_on_public_internet",
    "mcp_info",
    "timeout",
    "max_concurrent_requests",
    "alias",
    "server_name",
    "server_id",
    "allow_sampling",
    "allow_elicitation",
    "spec_path",
];

/// Writes the server.
pub(super) fn write(import: &mut Import, known: &mut Known, entry: &Entry<'_>) {
    let at = format!("mcp_servers.{}", entry.name);
    let text = |member: &str| entry.members.get(member).and_then(scalar);
    let (url, command) = (text("url"), text("command"));
    // Its `url`, if it has one, is where the API is: no MCP is spoken there.
    if text("spec_path").is_some() {
        return import.report.say(&at, "is made of an OpenAPI document: left out");
    }
    if url.is_none() && command.is_none() {
        return import.report.say(&at, "has neither url nor command: left out");
    }
    let published = entry.alias.unwrap_or(entry.name);
    let mut draft = Draft::begin(import, at, entry.name, published);
    match (&command, &url) {
        (Some(command), _) if text("transport").as_deref() == Some("stdio") || url.is_none() => {
            let env = pairs(&mut draft, entry.members, "env");
            let args = entry.members.get("args").and_then(Value::as_array).into_iter().flatten();
            draft.stdio(command, &args.filter_map(scalar).collect::<Vec<_>>(), &env);
        }
        (_, Some(url)) => http(&mut draft, entry, url),
        (_, None) => {}
    }
    auth::write(&mut draft, entry.members);
    if draft.spec.contains_key("http") {
        headers(&mut draft, entry.members);
    }
    tools::write(&mut draft, entry);
    access(&mut draft, known, entry);
    bounds(&mut draft, entry.members);
    if let Some(info) = entry.members.get("mcp_info").and_then(Value::as_object) {
        cost::write(&mut draft, info);
    }
    for name in entry.members.keys().filter(|name| !READ.contains(&name.as_str())) {
        draft.say(name, "has no counterpart: left out");
    }

    let (object, all_keys) = (draft.name.clone(), draft.spec.get("access") == Some(&json!("AllKeys")));
    if draft.finish() {
        let auth = text("auth_type").unwrap_or_default();
        let mut names = ids(
            entry.name,
            url.as_deref().unwrap_or_default(),
            entry.members.get("transport").and_then(Value::as_str),
            &auth,
            entry.alias.unwrap_or_default(),
        );
        names.extend([entry.name, published].map(str::to_owned));
        names.extend(["server_id", "server_name"].into_iter().filter_map(text));
        known.add_server(names, &object);
        for group in texts(entry.members.get("access_groups")) {
            known.join(&group, &object);
        }
        if all_keys {
            known.add_for_all_keys(&object);
        }
    }
}

fn http(draft: &mut Draft<'_>, entry: &Entry<'_>, url: &str) {
    draft.http(url);
    match entry.members.get("transport").and_then(Value::as_str) {
        Some("sse") => draft.transport("SSE"),
        // The server's URL may say otherwise than the field, and has been right so far.
        Some("http") if !url.ends_with("/sse") => draft.transport("StreamableHTTP"),
        _ => {}
    }
}

/// Headers of every request, and of the caller.
fn headers(draft: &mut Draft<'_>, entry: &Map<String, Value>) {
    let mut variables = BTreeMap::new();
    for variable in entry.get("env_vars").and_then(Value::as_array).into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        match variable["scope"].as_str() {
            Some("user") => draft.say("env_vars", format!("`{name}` has another value for each user: no counterpart")),
            _ => drop(variables.insert(name.to_owned(), variable["value"].as_str().unwrap_or_default().to_owned())),
        }
    }
    let mut headers = pairs(draft, entry, "static_headers");
    for (_, value) in &mut headers {
        for (name, meant) in &variables {
            *value = value.replace(&format!("${{{name}}}"), meant);
        }
    }
    draft.headers(&headers);
    let mut forwarded = Vec::new();
    if auth::passes_through(entry) && draft.spec.contains_key("auth") {
        draft.say("auth_type", "left out: the server has another credential for Authorization");
    } else if auth::passes_through(entry) {
        let words = "callers' `Authorization` is forwarded: they say who they are here in `x-litellm-api-key`";
        draft.say("auth_type", words);
        forwarded.push("authorization".to_owned());
    }
    for name in texts(entry.get("extra_headers")) {
        if forwarded.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            continue;
        }
        if may_be_forwarded(&name) {
            forwarded.push(name);
        } else {
            draft.say("extra_headers", format!("`{name}` is a header that the gateway keeps to itself: left out"));
        }
    }
    if !forwarded.is_empty() {
        draft.in_http("forwardHeaders", json!(forwarded));
    }
}

/// Of what a caller may bring, what a server may be given (R22).
fn may_be_forwarded(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_key = crds::names::is_key_header(&name) && name != "authorization";
    let is_hop = name == "forwarded" || name.starts_with("x-forwarded-");
    !(name.is_empty() || is_key || is_hop || name.starts_with("x-mcp-") || is_the_gateways(&name))
}

/// Who has the server.
fn access(draft: &mut Draft<'_>, known: &Known, entry: &Entry<'_>) {
    if is_true(entry.members.get("allow_all_keys")) {
        if entry.all_keys_is_scoped {
            draft.say(
                "allow_all_keys",
                "is left out, since keys with servers of their own are not to have it: grant it to the others",
            );
        } else {
            draft.spec.insert("access".to_owned(), json!("AllKeys"));
        }
    }
    let groups = texts(entry.members.get("access_groups"));
    let groups: Vec<Value> =
        groups.iter().filter_map(|group| known.group_object(group)).map(|name| json!({ "name": name })).collect();
    if !groups.is_empty() {
        draft.spec.insert("accessGroups".to_owned(), json!(groups));
    }
    if entry.members.get("available_on_public_internet") == Some(&json!(false)) {
        draft.spec.insert("exposure".to_owned(), json!("Internal"));
    }
}

/// Deadlines, limits, and who may be asked.
fn bounds(draft: &mut Draft<'_>, entry: &Map<String, Value>) {
    let timeout = entry.get("timeout").and_then(Value::as_f64).map(Duration::try_from_secs_f64);
    if let Some(Ok(timeout)) = timeout {
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        draft.spec.insert("timeouts".to_owned(), json!({ "callSeconds": seconds.clamp(1, 86_400) }));
    }
    if let Some(calls) = entry.get("max_concurrent_requests").and_then(Value::as_u64) {
        draft.spec.insert("limits".to_owned(), json!({ "maxConcurrentCalls": calls.clamp(1, 10_000) }));
    }
    if is_true(entry.get("allow_sampling")) || is_true(entry.get("allow_elicitation")) {
        draft.spec.insert("sessionMode".to_owned(), json!("PerClient"));
    }
}

fn pairs(draft: &mut Draft<'_>, entry: &Map<String, Value>, member: &str) -> Texts {
    let mut pairs = Texts::new();
    for (name, value) in members(entry, member) {
        match scalar(value) {
            Some(value) => pairs.push((name.clone(), value)),
            None => draft.say(&format!("{member}.{name}"), "is no text: left out"),
        }
    }
    pairs
}
