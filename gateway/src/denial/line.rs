//! A denial as a line of the log has it, in either format.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Reason;

/// What a line of the log says of a denial.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// Its id.
    pub request: String,
    /// When, as the log writes it.
    pub time: String,
    /// Why.
    pub reason: Reason,
    /// Its other fields, as [`super::Denial`] has them.
    fields: BTreeMap<String, String>,
}

/// What a line in text has before the fields of a denial.
const HEAD: &str = "gateway::denial: denied ";

impl Line {
    /// Reads a line; none if it is about something else.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let (time, mut fields) = if line.starts_with('{') { json(line)? } else { text(line)? };
        let reason = Reason::from_word(&fields.remove("reason")?)?;
        Some(Self { request: fields.remove("request")?, time, reason, fields })
    }

    /// One of its fields.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// All of them that it has beside the id, the time and the reason.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn json(line: &str) -> Option<(String, BTreeMap<String, String>)> {
    let mut fields: Map<String, Value> = serde_json::from_str(line).ok()?;
    if fields.remove("target")? != "gateway::denial" || fields.remove("message")? != "denied" {
        return None;
    }
    fields.remove("level");
    let time = fields.remove("timestamp")?.as_str()?.to_owned();
    let text = |value: Value| match value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    Some((time, fields.into_iter().map(|(name, value)| (name, text(value))).collect()))
}

fn text(line: &str) -> Option<(String, BTreeMap<String, String>)> {
    let (before, mut rest) = line.split_once(HEAD)?;
    let time = before.split_whitespace().next()?.to_owned();
    let mut fields = BTreeMap::new();
    while let Some((name, value)) = rest.split_once('=') {
        let value = match value.strip_prefix('"') {
            None => {
                let end = value.find(' ').unwrap_or(value.len());
                rest = &value[end..];
                value[..end].to_owned()
            }
            Some(quoted) => {
                let (value, after) = unquoted(quoted)?;
                rest = after;
                value
            }
        };
        fields.insert(name.trim().to_owned(), value);
    }
    Some((time, fields))
}

/// A text in quotes, without the first one, as `{:?}` writes it; and what follows.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, &quoted[at + 1..])),
            '\\' => text.push(match letters.next()?.1 {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let digits = quoted[letters.next()?.0 + 1..].split_once('}')?.0;
                    letters.nth(digits.len());
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                letter => letter,
            }),
            letter => text.push(letter),
        }
    }
    None
}
