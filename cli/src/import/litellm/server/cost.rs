//! What calls cost.

use crds::snapshot::Nanos;
use serde_json::{Map, Value, json};

use crate::import::draft::Draft;
use crate::import::litellm::members;

pub(super) fn write(draft: &mut Draft<'_>, info: &Map<String, Value>) {
    let mut cost = json!({});
    if let Some(Value::Object(prices)) = info.get("mcp_server_cost_info") {
        if let Some(default) = prices.get("default_cost_per_query").filter(|price| !price.is_null()) {
            match price(default) {
                Some(price) => cost["perCall"] = json!(price),
                None => draft.say("mcp_info.mcp_server_cost_info", "default_cost_per_query is no price: left out"),
            }
        }
        let mut per_tool = Vec::new();
        for (tool, amount) in members(prices, "tool_name_to_cost_per_query") {
            match price(amount) {
                Some(price) => per_tool.push(json!({ "tool": tool, "price": price })),
                None => {
                    draft.say("mcp_info.mcp_server_cost_info", format!("what `{tool}` costs is no price: left out"));
                }
            }
        }
        if !per_tool.is_empty() {
            cost["perTool"] = json!(per_tool);
        }
    }
    if cost != json!({}) {
        draft.spec.insert("cost".to_owned(), cost);
    }
    for name in info.keys().filter(|name| !["mcp_server_cost_info", "server_name"].contains(&name.as_str())) {
        draft.say(&format!("mcp_info.{name}"), "has no counterpart: left out");
    }
}

/// A price as it is written here: a number of LiteLLM may be `1e-05`, or have more digits than count.
fn price(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => format!("{:.9}", number.as_f64()?),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    Nanos::parse(&text).map(|price| price.to_string())
}
