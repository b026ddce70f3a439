//! LiteLLM's `config.yaml`, and keys, teams, organizations and users as its API lists them.
//!
//! ```text
//! mcp_servers ─► server ─► Draft        ┐
//! access_groups ─► McpAccessGroup       ├► Import
//! /key/list, /team/list … ─► holders ───┘
//!                              └ grants: LiteLLM's permission rule, never wider
//! ```

use serde_json::{Map, Value, json};

use super::{Import, text};
use crate::args::ImportLitellmArgs;

mod auth;
mod config;
mod export;
mod grants;
mod holders;
mod known;
mod server;

/// Imports a configuration, and what may use its servers. True if all of it has a counterpart.
pub(crate) fn litellm(args: &ImportLitellmArgs) -> Result<bool, String> {
    let mut import = Import::new(&args.config, &args.output);
    let config: Value =
        serde_yaml::from_str(&text(&args.config)?).map_err(|error| format!("{}: {error}", args.config.display()))?;
    let Some(config) = config.as_object() else {
        return Err(format!("{}: no configuration of LiteLLM: it is no mapping", args.config.display()));
    };
    let known = config::read(&mut import, config);
    if let Some(first) = args.keys.first() {
        let export = export::read(&args.keys)?;
        import.report.turn_to(first);
        holders::write(&mut import, &known, &export);
    }
    import.finish(&args.output)
}

/// The members of a mapping; none where there is no mapping.
fn members<'v>(value: &'v Map<String, Value>, name: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// The texts of a list.
fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// A value of a configuration as text, a reference to the environment as the other importers write it.
fn scalar(value: &Value) -> Option<String> {
    let text = super::value::scalar(value)?;
    Some(if text.starts_with("os.environ/") { format!("${{{text}}}") } else { text })
}

fn is_true(value: Option<&Value>) -> bool {
    value == Some(&json!(true))
}
