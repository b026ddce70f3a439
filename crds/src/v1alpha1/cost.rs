//! What calls cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::patterns::{PRICE, PRINTABLE};

/// What calls of a server's tools cost, in the settings' currency.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cost {
    /// What a call costs, as in "0.01": up to nine digits before and behind the point. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 19), regex(pattern = PRICE))]
    pub per_call: Option<String>,
    /// What a call of single tools costs instead. At most 512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["tool"]))]
    pub per_tool: Option<Vec<ToolCost>>,
}

/// What a call of one tool costs.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolCost {
    /// The tool, by its server's own name.
    #[schemars(length(min = 1, max = 128), regex(pattern = PRINTABLE))]
    pub tool: String,
    /// What a call costs, as in "0.01".
    #[schemars(length(min = 1, max = 19), regex(pattern = PRICE))]
    pub price: String,
}
