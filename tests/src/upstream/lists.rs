//! The lists of a scripted server, page by page, and what it says that it offers.

use std::time::Duration;

use serde::Deserialize;

use super::answer::{Next, failure, response};
use super::entry::Entry;
use super::script::{Does, Script, Tool};

/// The capabilities: tools, unless there are only other things, and each other kind that there is.
pub(super) fn capabilities(script: &Script) -> String {
    let completes = script.completes.is_some();
    let prompts = !script.prompts.is_empty();
    let resources = !(script.resources.is_empty() && script.templates.is_empty());
    let tools = !script.tools.is_empty() || !(completes || prompts || resources);
    let kinds = [("tools", tools), ("prompts", prompts), ("resources", resources), ("completions", completes)];
    let tells = if script.list_changed { r#"{"listChanged":true}"# } else { "{}" };
    let offered: Vec<String> =
        kinds.iter().filter(|(_, offered)| *offered).map(|(kind, _)| format!(r#""{kind}":{tells}"#)).collect();
    format!("{{{}}}", offered.join(","))
}

/// A page of the list that `method` reads; none if it reads none. `caller` has an entry of their own at its end.
pub(super) fn list(script: &Script, method: &str, caller: Option<&str>, id: &str, params: &str) -> Option<Next> {
    let listed = |entries: &[Entry]| -> Vec<String> {
        entries.iter().filter(|entry| entry.is_listed).map(|entry| entry.definition.clone()).collect()
    };
    let own = caller.map(own_name);
    let (member, mut entries, own) = match method {
        "tools/list" => {
            ("tools", script.tools.iter().map(define).collect(), own.map(|own| define(&Tool::new(&own, Does::Echo))))
        }
        "prompts/list" => {
            ("prompts", listed(&script.prompts), own.map(|own| Entry::prompt(&own, Does::Echo).definition))
        }
        "resources/list" => {
            let own = own.map(|own| Entry::resource(&own_uri(&own), Does::Echo).definition);
            ("resources", listed(&script.resources), own)
        }
        "resources/templates/list" => ("resourceTemplates", listed(&script.templates), None),
        _ => return None,
    };
    Some(page(script, (member, &mut entries, own), id, params))
}

/// The name that only this caller sees.
pub(super) fn own_name(caller: &str) -> String {
    format!("for_{caller}")
}

/// The URI of the resource with this name.
pub(super) fn own_uri(name: &str) -> String {
    format!("test://{name}")
}

fn page(
    script: &Script,
    (member, entries, own): (&str, &mut Vec<String>, Option<String>),
    id: &str,
    params: &str,
) -> Next {
    #[derive(Default, Deserialize)]
    struct Params {
        cursor: Option<String>,
    }
    let cursor = serde_json::from_str::<Params>(params).unwrap_or_default().cursor;
    let start: usize = match cursor.as_deref().map(|cursor| cursor.strip_prefix("from ").unwrap_or("").parse()) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => return failure(id, -32602, "unknown cursor"),
    };
    let end = script.page.map_or(entries.len(), |page| entries.len().min(start + page));
    let mut cursor = String::new();
    if end < entries.len() {
        cursor = format!(r#","nextCursor":"from {end}""#);
        entries.truncate(end);
    } else {
        entries.extend(own);
    }
    let entries = entries.get(start..).unwrap_or_default().join(",");
    let page = response(id, &format!(r#"{{"{member}":[{entries}]{cursor}}}"#));
    Next::Say { after: Duration::from_millis(script.list_after), messages: vec![page] }
}

fn define(tool: &Tool) -> String {
    let Tool { name, schema, members, .. } = tool;
    format!(r#"{{"name":"{name}","inputSchema":{schema}{members}}}"#)
}
