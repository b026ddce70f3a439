//! Snapshot to bytes and back.
//!
//! ```text
//! switchboard-snapshot schema=2 revision=42 sha256=<of the JSON>\n    a line that people can read
//! <HMAC-SHA256 over that line and all that follows, 32 bytes>
//! <the JSON, deflated>
//! ```
//!
//! The code is authenticated before anything is inflated, inflation is bounded
//! (R13), and the result is checked before anybody looks into it.

use std::fmt;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Snapshot;
use super::check::Inconsistent;

/// The schema that is written, and the only one that is read.
pub const SCHEMA: u32 = 3;

/// The largest snapshot, in bytes of its JSON.
pub const INFLATED_LIMIT: usize = 256 << 20;

const MAGIC: &str = "switchboard-snapshot";
const MAC_LABEL: &[u8] = b"switchboard.dev/snapshot-mac/v1\0";
const MAC_BYTES: usize = 32;
/// Longer than any header that is written; bounds the search for its end.
const HEADER_LIMIT: usize = 160;

/// The key under which snapshots are authenticated. Made once and kept, never a default.
#[derive(Clone)]
pub struct MacKey(pub [u8; 32]);

/// What stands before a snapshot's bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The schema it was written in.
    pub schema: u32,
    /// Rises with each change.
    pub revision: u64,
    /// SHA-256 of the JSON: equal digests are equal snapshots, whatever deflated them.
    pub digest: [u8; 32],
}

/// The snapshot is larger than any gateway would inflate.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the snapshot has {bytes} bytes, more than the {limit} that a gateway reads")]
pub struct TooLarge {
    /// Its JSON's length.
    pub bytes: usize,
    /// [`INFLATED_LIMIT`].
    pub limit: usize,
}

/// Why bytes are not taken for a snapshot. The last good one serves on.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// They do not start like one.
    #[error("these bytes are not a snapshot")]
    NotASnapshot,
    /// They come from another release.
    #[error("the snapshot has schema {0}, this build reads schema {SCHEMA}: bring both to the same release")]
    UnknownSchema(u32),
    /// They were changed, cut, or made under another key.
    #[error("the snapshot's authentication code is wrong: it was changed, cut, or made under another key")]
    Forged,
    /// They inflate to more than the limit.
    #[error("the snapshot inflates to more than {INFLATED_LIMIT} bytes")]
    TooLarge,
    /// They do not inflate, although authentic.
    #[error("the snapshot does not inflate")]
    Inflate(#[source] std::io::Error),
    /// They do not parse, although authentic.
    #[error("the snapshot does not parse")]
    Parse(#[source] serde_json::Error),
    /// They contradict themselves, although authentic.
    #[error(transparent)]
    Inconsistent(#[from] Inconsistent),
}

/// The snapshot's bytes. The same snapshot, revision and key give the same bytes.
pub fn encode(snapshot: &Snapshot, revision: u64, key: &MacKey) -> Result<Vec<u8>, TooLarge> {
    let json = json(snapshot);
    if json.len() > INFLATED_LIMIT {
        return Err(TooLarge { bytes: json.len(), limit: INFLATED_LIMIT });
    }
    let header = Header { schema: SCHEMA, revision, digest: Sha256::digest(&json).into() }.to_string();
    let payload = deflate(&json);
    let mac = mac(key, header.as_bytes(), &payload).finalize().into_bytes();
    Ok([header.as_bytes(), mac.as_slice(), &payload].concat())
}

/// The snapshot in these bytes, authenticated and checked.
pub fn decode(bytes: &[u8], key: &MacKey) -> Result<(Snapshot, Header), DecodeError> {
    let (line, rest) = split_header(bytes).ok_or(DecodeError::NotASnapshot)?;
    let header = Header::parse(line)?;
    let (code, payload) = rest.split_at_checked(MAC_BYTES).ok_or(DecodeError::Forged)?;
    // Constant-time.
    mac(key, line, payload).verify_slice(code).map_err(|_| DecodeError::Forged)?;
    let json = inflate(payload, INFLATED_LIMIT)?;
    if header.digest != <[u8; 32]>::from(Sha256::digest(&json)) {
        return Err(DecodeError::Forged);
    }
    let snapshot: Snapshot = serde_json::from_slice(&json).map_err(DecodeError::Parse)?;
    snapshot.check()?;
    Ok((snapshot, header))
}

fn json(snapshot: &Snapshot) -> Vec<u8> {
    serde_json::to_vec(snapshot).expect("plain data with string keys always serialises")
}

fn deflate(json: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn inflate(payload: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut json = Vec::new();
    DeflateDecoder::new(payload).take(limit as u64 + 1).read_to_end(&mut json).map_err(DecodeError::Inflate)?;
    if json.len() > limit { Err(DecodeError::TooLarge) } else { Ok(json) }
}

fn mac(key: &MacKey, header: &[u8], payload: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
    mac.chain_update(MAC_LABEL).chain_update(header).chain_update(payload)
}

/// The header with its line end, and what follows.
fn split_header(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(HEADER_LIMIT).position(|byte| *byte == b'\n')?;
    Some(bytes.split_at(end + 1))
}

// === impl Header ===

impl Header {
    fn parse(line: &[u8]) -> Result<Self, DecodeError> {
        let text = str::from_utf8(line).map_err(|_| DecodeError::NotASnapshot)?;
        let mut words = text.trim_end().split(' ');
        let mut value = |name: &str| words.next().and_then(|word| word.strip_prefix(name));
        value(MAGIC).filter(|rest| rest.is_empty()).ok_or(DecodeError::NotASnapshot)?;
        let schema = value("schema=").and_then(|word| word.parse().ok()).ok_or(DecodeError::NotASnapshot)?;
        // What follows the schema is the schema's own matter, the code's place included.
        if schema != SCHEMA {
            return Err(DecodeError::UnknownSchema(schema));
        }
        let revision = value("revision=").and_then(|word| word.parse().ok()).ok_or(DecodeError::NotASnapshot)?;
        let digest = value("sha256=").and_then(crate::digest::from_hex).ok_or(DecodeError::NotASnapshot)?;
        Ok(Self { schema, revision, digest })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MAGIC} schema={} revision={} sha256=", self.schema, self.revision)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("\n")
    }
}

#[cfg(test)]
mod tests;
