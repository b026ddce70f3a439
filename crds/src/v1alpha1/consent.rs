//! Who admits whom: consent of namespaces, and label selectors.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::patterns::{LABEL_KEY, LABEL_VALUE};

/// Which namespaces are meant. The own namespace always is.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("(self.from == 'Selector') == has(self.selector)")
    .message("`selector` goes with `from: Selector` and only with it: add what is missing, or take out what is too much"))]
pub struct NamespaceConsent {
    /// Same (default): the own namespace only. All: every namespace. Selector: the namespaces whose labels `selector` matches.
    #[serde(default)]
    pub from: From,
    /// Matches labels of Namespace objects. Required with `from: Selector`, refused otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// See [`NamespaceConsent::from`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum From {
    /// The own namespace only.
    #[default]
    Same,
    /// Every namespace.
    All,
    /// The namespaces that the selector matches.
    Selector,
}

/// A label selector. At least one term; all terms must hold.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("has(self.matchLabels) || has(self.matchExpressions)")
    .message("a selector needs a term: give it matchLabels or matchExpressions"))]
pub struct Selector {
    /// Labels that must have exactly these values. 1 to 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 32, "additionalProperties" = label_value()))]
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Terms over one label each. 1 to 32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub match_expressions: Option<Vec<SelectorTerm>>,
}

/// A term of a label selector.
#[derive(Clone, Debug, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == has(self.values)")
    .message("In and NotIn need `values`, Exists and DoesNotExist take none"))]
pub struct SelectorTerm {
    /// The label's key.
    #[schemars(length(min = 1, max = 316), regex(pattern = LABEL_KEY))]
    pub key: String,
    /// How the label's value relates to `values`: In, NotIn, Exists or DoesNotExist.
    pub operator: SelectorOperator,
    /// With In and NotIn 1 to 32 values; with Exists and DoesNotExist none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), inner(length(max = 63), regex(pattern = LABEL_VALUE)))]
    pub values: Option<Vec<String>>,
}

/// See [`SelectorTerm::operator`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum SelectorOperator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

fn label_value() -> serde_json::Value {
    json!({ "type": "string", "maxLength": 63, "pattern": LABEL_VALUE })
}
