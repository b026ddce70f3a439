//! Text to plain values: YAML streams and JSON, each value with the line of
//! every part of it. What a word means (`yes`, `010`, `1e3`) is as kubectl reads it, so
//! that a file is the same thing here and in a cluster.
//!
//! Bounded: size, depth, and how much aliases may expand to.

use serde_json::Value;

mod json;
mod lines;
mod scalar;
mod yaml;

pub(crate) use lines::Lines;

/// The largest file, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// The deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 64;

/// One document of a file.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    pub(crate) lines: Lines,
}

/// Why a text cannot be read, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unreadable {
    /// Counts from 1.
    pub(crate) line: u32,
    /// Counts from 1.
    pub(crate) column: u32,
    /// What is wrong and what to do. Quotes nothing but keys.
    pub(crate) message: String,
}

impl Unreadable {
    fn new(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { line: line.max(1) as u32, column: column.max(1) as u32, message: message.into() }
    }
}

/// Reads all documents of a file, empty ones left out. `path` tells JSON from YAML by its ending.
pub(crate) fn read(path: &str, bytes: &[u8]) -> Result<Vec<Document>, Unreadable> {
    if bytes.len() > MAX_BYTES {
        return Err(Unreadable::new(1, 1, format!("the file is larger than {} MiB: split it", MAX_BYTES >> 20)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        Unreadable::new(line, column, "not UTF-8: save the file in that encoding")
    })?;
    let json = path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("json"));
    let mut documents = if json { json::read(text)? } else { yaml::read(text)? };
    documents.retain(|document| !document.value.is_null());
    Ok(documents)
}

#[cfg(test)]
mod tests;
