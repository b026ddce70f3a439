//! From a pointer and the parts that it names to the snapshot in force.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{DecodeError, Pointer, join};
use crate::snapshot::{Caller, Snapshot, TokenSubject};

/// The snapshot that an authentic pointer names, without the callers that it denies. `part` gives what a slot holds, if
/// it has the digest or if nothing better is known; bytes with another digest are as good as none.
pub fn open<B: AsRef<[u8]>>(
    pointer: &Pointer,
    mut part: impl FnMut(u8, &[u8; 32]) -> Option<B>,
) -> Result<Snapshot, DecodeError> {
    let mut found = Vec::with_capacity(pointer.parts.len());
    for named in &pointer.parts {
        let is_named = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes)) == named.digest;
        found.push(match named.slot {
            Some(slot) => {
                let bytes = part(slot, &named.digest).filter(|bytes| is_named(bytes.as_ref()));
                Some(bytes.ok_or(DecodeError::PartMissing { slot })?)
            }
            None if pointer.inline.as_deref().is_some_and(is_named) => None,
            None => return Err(DecodeError::Forged),
        });
    }
    let inline = pointer.inline.as_deref().unwrap_or_default();
    let parts: Vec<&[u8]> = found.iter().map(|bytes| bytes.as_ref().map_or(inline, AsRef::as_ref)).collect();
    let mut snapshot = join(&parts)?;
    snapshot.deny(&pointer.denied);
    Ok(snapshot)
}

impl Snapshot {
    /// Takes these callers out: their keys are unknown from now on (R42). Whose token would be another caller's then is
    /// suspended instead.
    pub fn deny(&mut self, ids: &[String]) {
        let denied: BTreeSet<&String> = ids.iter().collect();
        for caller in self.callers.iter_mut().filter(|caller| denied.contains(&caller.id)) {
            caller.suspended = true;
        }
        let stays = |caller: &Caller| {
            let token = caller.token.as_ref();
            !caller.suspended || token.is_some_and(|token| !matches!(token, TokenSubject::Claims(_)))
        };
        self.callers.retain(stays);
        self.anonymous.take_if(|caller| denied.contains(&caller.id));
    }
}
