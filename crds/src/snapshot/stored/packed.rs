//! Plain data as deflated JSON, and back.

use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::DecodeError;

/// The largest snapshot, in bytes of its parts' JSON.
pub const INFLATED_LIMIT: usize = 256 << 20;

/// How much JSON is deflated between two looks at what it has become.
const STRIDE: usize = 64 << 10;

/// A part of a stored snapshot. Only `split` makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// SHA-256 of the bytes: the same content has the same bytes, and so the same digest.
    pub digest: [u8; 32],
    /// What is stored; at most `PART_LIMIT`.
    pub bytes: Arc<[u8]>,
}

impl Part {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { digest: Sha256::digest(&bytes).into(), bytes: bytes.into() }
    }
}

/// Plain data as it is deflated.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data with string keys always serialises")
}

/// The JSON deflated, unless that takes more bytes than the limit.
pub(super) fn deflate(json: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    for some in json.chunks(STRIDE) {
        encoder.write_all(some).expect("writing to memory does not fail");
        if encoder.get_ref().len() > limit {
            return None;
        }
    }
    let bytes = encoder.finish().expect("writing to memory does not fail");
    (bytes.len() <= limit).then_some(bytes)
}

/// The JSON again, unless it has more bytes than the limit.
pub(super) fn inflate(bytes: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut json = Vec::new();
    DeflateDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut json).map_err(DecodeError::Inflate)?;
    if json.len() > limit { Err(DecodeError::TooLarge) } else { Ok(json) }
}

/// What the JSON says.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(json).map_err(DecodeError::Parse)
}
