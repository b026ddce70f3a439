//! The pointer: which parts, in which slots, are the snapshot in force.
//!
//! ```text
//! switchboard-snapshot schema=5 revision=42 sha256=<of the snapshot>\n    a line that people can read
//! <HMAC-SHA256 over that line and all that follows, 32 bytes>
//! {"parts":[[3,"<sha256>"],…],"denied":[…]}\n
//! <the part, if it stands here>
//! ```
//!
//! The line, and with it the schema, is under the code: no schema is ever taken
//! for another.

use std::sync::Arc;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::header::Header;
use super::packed::{json, parse};
use super::{DecodeError, SLOTS};
use crate::digest::{from_hex, to_hex};
use crate::snapshot::Inconsistent;

const POINTER_LABEL: &[u8] = b"switchboard.dev/snapshot-pointer/v1\0";
const DIGEST_LABEL: &[u8] = b"switchboard.dev/snapshot-digest/v1\0";
const MAC_BYTES: usize = 32;

/// How many callers a pointer denies at most.
pub const DENIED_LIMIT: usize = 64;

/// The key under which snapshots are authenticated. Made once and kept, never a default.
#[derive(Clone)]
pub struct MacKey(pub [u8; 32]);

/// The snapshot in force, by its parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pointer {
    /// The schema it is written in: one of [`READS`](super::READS).
    pub schema: u32,
    /// Rises with each change.
    pub revision: u64,
    /// Of the snapshot: equal digests of one schema are equal snapshots.
    pub digest: [u8; 32],
    /// Base first, then buckets; all in slots, or one that stands here.
    pub parts: Vec<PartRef>,
    /// The bytes of the part that stands here.
    pub inline: Option<Arc<[u8]>>,
    /// Ids of callers that the snapshot still has and that have nothing any more (R42): the next snapshot is without
    /// them. At most [`DENIED_LIMIT`] are told, the first.
    pub denied: Vec<String>,
}

/// A part, and where it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PartRef {
    /// Below [`SLOTS`]; none: in the pointer.
    pub slot: Option<u8>,
    /// SHA-256 of the part's bytes.
    pub digest: [u8; 32],
}

/// What stands between the code and the part.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    parts: Vec<(Option<u8>, String)>,
    denied: Vec<String>,
}

/// The digest of a snapshot. Its parts follow from it, and it from them.
pub(super) fn digest(parts: &[PartRef]) -> [u8; 32] {
    let digest =
        parts.iter().fold(Sha256::new_with_prefix(DIGEST_LABEL), |digest, part| digest.chain_update(part.digest));
    digest.finalize().into()
}

fn mac(key: &MacKey, line: &[u8], payload: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
    mac.chain_update(POINTER_LABEL).chain_update(line).chain_update(payload)
}

fn inconsistent(what: &str) -> DecodeError {
    DecodeError::Inconsistent(Inconsistent(what.to_owned()))
}

// === impl Pointer ===

impl Pointer {
    /// What is stored, in the pointer's own schema. The same pointer and key give the same bytes.
    pub fn encode(&self, key: &MacKey) -> Vec<u8> {
        let line = Header { schema: self.schema, revision: self.revision, digest: self.digest }.to_string();
        let inline = self.inline.as_deref().unwrap_or_default();
        let body = Body {
            parts: self.parts.iter().map(|part| (part.slot, to_hex(&part.digest))).collect(),
            denied: self.denied.iter().take(DENIED_LIMIT).cloned().collect(),
        };
        let payload = [&json(&body), b"\n".as_slice(), inline].concat();
        let code = mac(key, line.as_bytes(), &payload).finalize().into_bytes();
        [line.as_bytes(), code.as_slice(), &payload].concat()
    }

    /// The pointer in these bytes, of either schema, authenticated. That its revision has risen is for the caller to see.
    pub fn decode(bytes: &[u8], key: &MacKey) -> Result<Self, DecodeError> {
        let (header, line, rest) = Header::split(bytes)?;
        let (code, payload) = rest.split_at_checked(MAC_BYTES).ok_or(DecodeError::Forged)?;
        // Constant-time.
        mac(key, line, payload).verify_slice(code).map_err(|_| DecodeError::Forged)?;
        Self::of_payload(header, payload)
    }

    fn of_payload(header: Header, payload: &[u8]) -> Result<Self, DecodeError> {
        let end = payload.iter().position(|byte| *byte == b'\n').ok_or_else(|| inconsistent("parts"))?;
        let (body, inline) = (&payload[..end], &payload[end + 1..]);
        let body: Body = parse(body)?;
        let part = |(slot, digest): (Option<u8>, String)| Some(PartRef { slot, digest: from_hex(&digest)? });
        let parts: Option<Vec<PartRef>> = body.parts.into_iter().map(part).collect();
        let parts = parts.ok_or_else(|| inconsistent("parts"))?;
        let stands_here = matches!(parts[..], [PartRef { slot: None, .. }]);
        let in_slots = !parts.is_empty()
            && parts.len() <= usize::from(SLOTS)
            && parts.iter().all(|part| part.slot.is_some_and(|slot| slot < SLOTS));
        if !(stands_here || in_slots && inline.is_empty()) {
            return Err(inconsistent("parts"));
        }
        if header.digest != digest(&parts) {
            return Err(inconsistent("sha256"));
        }
        if body.denied.len() > DENIED_LIMIT {
            return Err(inconsistent("denied"));
        }
        let Header { schema, revision, digest } = header;
        let inline = stands_here.then(|| inline.into());
        Ok(Self { schema, revision, digest, parts, inline, denied: body.denied })
    }
}
