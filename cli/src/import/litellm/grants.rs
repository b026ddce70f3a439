//! LiteLLM's permissions of one holder, as grants. Never wider: what cannot be said here is less, and a line.
//!
//! Silence is no restriction, and inherits. Anything that is set restricts, also if nothing comes of it. Permissions on tools
//! give the server too, and hold whichever way it came; here several ways to a server unite, so that a group with such a
//! server is written out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::known::Known;
use super::server::is_exact;
use super::texts;

/// The word by which a key has no server, whatever else holds.
pub(super) const NO_SERVERS: &str = "no-mcp-servers";

/// What a holder may use by its own permissions.
#[derive(Default)]
pub(super) struct Restriction {
    /// None: they are silent.
    pub(super) grants: Option<Value>,
    /// Not even what everybody has.
    pub(super) is_absolute: bool,
    /// They narrow what everybody has, which nothing does here: the holder has to be suspended.
    pub(super) is_beyond: bool,
    /// What had to be left out.
    pub(super) lines: Vec<String>,
}

/// The restriction of a key, team, organization or user as LiteLLM lists it.
pub(super) fn of(holder: &Value, known: &Known) -> Restriction {
    let permission = &holder["object_permission"];
    let mut lines = Vec::new();
    if permission.is_null() {
        let is_elsewhere = holder["object_permission_id"].is_string();
        if is_elsewhere {
            lines.push(
                "its permissions are not in the export: it may use nothing; export it with `object_permission`"
                    .to_owned(),
            );
        }
        let is_beyond = is_elsewhere && known.has_all_keys();
        if is_beyond {
            lines.push("and is suspended, since it would have the servers of all keys".to_owned());
        }
        return Restriction { grants: is_elsewhere.then(|| json!({})), is_beyond, lines, ..Restriction::default() };
    }
    let (servers, groups) = (texts(permission.get("mcp_servers")), texts(permission.get("mcp_access_groups")));
    let toolsets = texts(permission.get("mcp_toolsets"));
    let tools = permission["mcp_tool_permissions"].as_object().cloned().unwrap_or_default();
    if !toolsets.is_empty() {
        lines.push("toolsets have no counterpart: left out; grant single tools, or a group".to_owned());
    }
    if servers.is_empty() && groups.is_empty() && tools.is_empty() && toolsets.is_empty() {
        return Restriction { lines, ..Restriction::default() };
    }
    if servers.iter().any(|server| server == NO_SERVERS) {
        return Restriction { grants: Some(json!({})), is_absolute: true, lines, ..Restriction::default() };
    }
    let mut granted: BTreeMap<String, Option<BTreeSet<String>>> = BTreeMap::new();
    let mut is_beyond = false;
    let unknown = |name: &str| format!("`{name}` is not among what is imported: left out");
    for (server, only) in &tools {
        let Some(object) = known.server(server) else {
            lines.push(unknown(server));
            continue;
        };
        if known.is_for_all_keys(object) {
            lines.push(format!("is granted single tools of `{server}`, which every key has whole (`allow_all_keys`): it is suspended; grant the server to those who are to have it instead"));
            is_beyond = true;
        }
        let (only, wider): (BTreeSet<String>, Vec<String>) = {
            let (exact, wider): (Vec<String>, Vec<String>) =
                texts(Some(only)).into_iter().partition(|tool| is_exact(tool));
            (exact.into_iter().collect(), wider)
        };
        lines.extend(
            wider
                .iter()
                .map(|tool| format!("`{tool}` would be more tools here, where `*` and `?` are wildcards: left out")),
        );
        // Two names of one server: what both give.
        let both = granted.get(object).and_then(Option::as_ref).map(|other| other & &only);
        granted.insert(object.to_owned(), Some(both.unwrap_or(only)));
    }
    for server in &servers {
        match known.server(server) {
            Some(object) => drop(granted.entry(object.to_owned()).or_insert(None)),
            None => lines.push(unknown(server)),
        }
    }
    let mut whole = Vec::new();
    for group in &groups {
        let Some((object, members)) = known.group(group) else {
            lines.push(unknown(group));
            continue;
        };
        if members.iter().any(|member| granted.get(member).is_some_and(Option::is_some)) {
            lines.push(format!("group `{group}` is written out, server by server, since single tools of one are granted: who joins it later is not granted"));
            for member in members {
                granted.entry(member.clone()).or_insert(None);
            }
        } else {
            whole.push(json!({ "name": object }));
        }
    }
    Restriction { grants: Some(written(granted, &whole)), is_beyond, lines, ..Restriction::default() }
}

fn written(servers: BTreeMap<String, Option<BTreeSet<String>>>, groups: &[Value]) -> Value {
    let mut grants = json!({});
    let servers: Vec<Value> = servers
        .into_iter()
        .map(|(name, tools)| match tools {
            None => json!({ "name": name }),
            // Tools alone are restricted.
            Some(tools) => json!({ "name": name, "tools": tools, "prompts": ["*"], "resources": ["*"] }),
        })
        .collect();
    if !servers.is_empty() {
        grants["servers"] = json!(servers);
    }
    if !groups.is_empty() {
        grants["accessGroups"] = json!(groups);
    }
    grants
}
