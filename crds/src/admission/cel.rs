//! Pieces of CEL: texts, lists, and the functions of `names` over an expression.

use serde::Serialize;

use crate::names::{FOLDED, RESERVED, UNDERSCORED};

/// A text or a list of texts as CEL writes them, which is how JSON does.
pub(super) fn literal(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("texts are JSON")
}

/// `names::default_name` of an expression.
pub(super) fn default_name(expression: &str) -> String {
    replaced(expression, &UNDERSCORED, "_")
}

/// `names::is_reserved` of an expression.
pub(super) fn is_reserved(expression: &str) -> String {
    format!("{}.lowerAscii() in {}", replaced(expression, &FOLDED, ""), literal(&RESERVED))
}

fn replaced(expression: &str, what: &[char], by: &str) -> String {
    let by = literal(by);
    what.iter().fold(expression.to_owned(), |text, letter| format!("{text}.replace({}, {by})", literal(letter)))
}
