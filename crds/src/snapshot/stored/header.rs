//! The line before a snapshot's bytes, for people and for whoever has to know the schema first.

use std::fmt;

use super::{DecodeError, READS};
use crate::digest::{from_hex, to_hex};

const MAGIC: &str = "switchboard-snapshot";
/// Longer than any header that is written; bounds the search for its end.
const HEADER_LIMIT: usize = 160;

/// What stands before a snapshot's bytes.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) schema: u32,
    pub(super) revision: u64,
    pub(super) digest: [u8; 32],
}

impl Header {
    /// The header, its line with the line's end, and what follows.
    pub(super) fn split(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), DecodeError> {
        let end = bytes.iter().take(HEADER_LIMIT).position(|byte| *byte == b'\n').ok_or(DecodeError::NotASnapshot)?;
        let (line, rest) = bytes.split_at(end + 1);
        Ok((Self::parse(line)?, line, rest))
    }

    fn parse(line: &[u8]) -> Result<Self, DecodeError> {
        let text = str::from_utf8(line).map_err(|_| DecodeError::NotASnapshot)?;
        let mut words = text.trim_end().split(' ');
        let mut value = |name: &str| words.next().and_then(|word| word.strip_prefix(name));
        value(MAGIC).filter(|rest| rest.is_empty()).ok_or(DecodeError::NotASnapshot)?;
        let schema = value("schema=").and_then(|word| word.parse().ok()).ok_or(DecodeError::NotASnapshot)?;
        // What follows the schema is the schema's own matter, the code's place included.
        if !READS.contains(&schema) {
            return Err(DecodeError::UnknownSchema(schema));
        }
        let revision = value("revision=").and_then(|word| word.parse().ok()).ok_or(DecodeError::NotASnapshot)?;
        let digest = value("sha256=").and_then(from_hex).ok_or(DecodeError::NotASnapshot)?;
        Ok(Self { schema, revision, digest })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, revision, digest } = self;
        writeln!(f, "{MAGIC} schema={schema} revision={revision} sha256={}", to_hex(digest))
    }
}
