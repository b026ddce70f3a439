//! What a pointer names, asked for by name: all of it at once.

use std::collections::{BTreeMap, BTreeSet};

use crds::compile::Pepper;
use crds::snapshot::stored::{Pointer, credential_slot};
use futures_util::future::join_all;
use sha2::{Digest, Sha256};

use super::credentials::{Found, Wanted};
use super::good::Parts;
use super::objects::{Objects, Unanswered};

/// The parts that a pointer names, those that are `known` without a question. One that its slot does not hold is not
/// among them.
pub(super) async fn parts(objects: &Objects, pointer: &Pointer, known: Option<&Parts>) -> Result<Parts, Unanswered> {
    let named = pointer.parts.iter().filter_map(|part| Some((part.digest, part.slot?)));
    let (mut parts, mut asked) = (Parts::new(), BTreeMap::new());
    for (digest, slot) in named {
        match known.and_then(|known| known.get(&digest)) {
            Some(part) => drop(parts.insert(digest, part.clone())),
            None => drop(asked.insert(slot, digest)),
        }
    }
    let answers = join_all(asked.keys().map(|slot| objects.part(*slot))).await;
    for (answer, digest) in answers.into_iter().zip(asked.into_values()) {
        if let Some(part) = answer?.filter(|part| <[u8; 32]>::from(Sha256::digest(part)) == digest) {
            parts.insert(digest, part.into());
        }
    }
    Ok(parts)
}

/// Those of the wanted credentials that are there.
pub(super) async fn credentials(objects: &Objects, pepper: &Pepper, wanted: &[Wanted]) -> Found {
    let slots: BTreeSet<u8> = wanted.iter().map(|wanted| credential_slot(&wanted.fingerprint)).collect();
    let mut found = Found::default();
    for answer in join_all(slots.iter().map(|slot| objects.credentials(*slot))).await {
        match answer {
            Ok(entries) => found.take(pepper, wanted, &entries),
            Err(error) => found.trouble = Some(error.to_string()),
        }
    }
    found
}
