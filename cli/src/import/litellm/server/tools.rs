//! Which tools exist. Names are exact in LiteLLM and globs here, and a name may bear the server's before it there.

use serde_json::{Value, json};

use super::Entry;
use crate::import::draft::Draft;
use crate::import::litellm::{members, texts};

pub(super) fn write(draft: &mut Draft<'_>, entry: &Entry<'_>) {
    let mut filter = json!({});
    if let Some(Value::Array(_)) = entry.members.get("allowed_tools") {
        let mut allow = texts(entry.members.get("allowed_tools"));
        if allow.is_empty() {
            draft.say("allowed_tools", "is empty: no tool is published; take out `tools.allow` if it was to allow all");
        }
        allow.retain(|tool| {
            let is_exact = is_exact(tool);
            if !is_exact {
                draft.say(
                    "allowed_tools",
                    format!("`{tool}` would allow more here, where `*` and `?` are wildcards: left out"),
                );
            }
            is_exact
        });
        filter["allow"] = json!(allow);
    }
    let mut deny = texts(entry.members.get("disallowed_tools"));
    for prefix in [Some(entry.name), entry.alias].into_iter().flatten() {
        let native = deny.iter().filter_map(|tool| tool.strip_prefix(prefix)?.strip_prefix('-').map(str::to_owned));
        deny.extend(native.collect::<Vec<_>>());
    }
    for (tool, _) in members(entry.members, "allowed_params") {
        draft.say(
            "allowed_params",
            format!("has no counterpart: `{tool}` is not published, since it could be called with any"),
        );
        deny.push(tool.clone());
    }
    deny.sort();
    deny.dedup();
    if !deny.is_empty() {
        filter["deny"] = json!(deny);
    }
    if filter != json!({}) {
        draft.spec.insert("tools".to_owned(), filter);
    }
}

/// Whether a name means no other than itself here.
pub(in crate::import::litellm) fn is_exact(tool: &str) -> bool {
    !tool.contains(['*', '?'])
}
