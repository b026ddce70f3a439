//! Messages of the structural check, in words.

use serde_json::Value;

/// What to say of a value of the wrong type. Never the value itself: it may be a secret.
pub(super) fn of_type(wanted: &str, found: &Value) -> String {
    let (found, quotable) = match found {
        Value::Null => ("null", false),
        Value::Bool(_) => ("a boolean", true),
        Value::Number(_) => ("a number", true),
        Value::String(_) => ("a text", false),
        Value::Array(_) => ("a list", false),
        Value::Object(_) => ("a mapping", false),
    };
    let (wanted, hint) = match wanted {
        "string" if quotable => ("a text", ": put it in quotes"),
        "string" => ("a text", ""),
        "integer" => ("a whole number", ""),
        "boolean" => ("true or false", ""),
        "array" => ("a list", ""),
        _ => ("a mapping", ""),
    };
    format!("must be {wanted}, not {found}{hint}")
}

/// `a, b, c`.
pub(super) fn enumerate(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut text = String::new();
    for name in names {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(name.as_ref());
    }
    text
}

/// The known word that `word` was probably meant to be: at most two letters, and a third of it, away.
pub(crate) fn closest<T: AsRef<str>>(word: &str, known: impl IntoIterator<Item = T>) -> Option<T> {
    let allowed = (word.chars().count() / 3).clamp(1, 2);
    known
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.as_ref().to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added, taken out or swapped with their neighbour.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().take(64).collect(), right.chars().take(64).collect());
    let mut rows = vec![vec![0_usize; right.len() + 1]; left.len() + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        row[0] = index;
    }
    rows[0] = (0..=right.len()).collect();
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let change = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}
