//! Where parts go: never over one that the pointer in force names, so that
//! whoever reads by that pointer finds what it names until the next is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::before::before;
use super::packed::{INFLATED_LIMIT, Part, deflate, inflate, json};
use super::pointer::digest;
use super::{PART_LIMIT, PartRef, Pointer, SCHEMA, SLOTS, TooLarge, WHOLE, join};

/// What to write: all the slots first, then the pointer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// The next pointer. It denies nobody yet.
    pub pointer: Pointer,
    /// Slots with what goes into each; none that the live pointer names.
    pub writes: Vec<(u8, Part)>,
}

/// How the parts that `split` made are stored while `live` is in force. A part that is there keeps its slot. In schema 3
/// the snapshot is written whole, and in its words; any other `schema` is taken for [`SCHEMA`].
pub fn plan(live: Option<&Pointer>, parts: Vec<Part>, revision: u64, schema: u32) -> Result<Plan, TooLarge> {
    if schema == WHOLE {
        return Ok(Plan { pointer: whole(&before(parts), revision)?, writes: Vec::new() });
    }
    if let [part] = &parts[..] {
        let here = vec![PartRef { slot: None, digest: part.digest }];
        return Ok(Plan { pointer: pointer(here, Some(part.bytes.clone()), revision), writes: Vec::new() });
    }
    in_slots(live, parts, revision)
}

/// A slot for each part, and those of them that have to be written. Equal parts, as empty buckets are, share one.
fn in_slots(live: Option<&Pointer>, parts: Vec<Part>, revision: u64) -> Result<Plan, TooLarge> {
    let live = live.map(|live| live.parts.as_slice()).unwrap_or_default();
    let mut held: BTreeMap<[u8; 32], u8> = live.iter().filter_map(|part| Some((part.digest, part.slot?))).collect();
    let needed: BTreeSet<_> = parts.iter().map(|part| part.digest).filter(|it| !held.contains_key(it)).collect();
    let free: Vec<u8> = (0..SLOTS).filter(|slot| live.iter().all(|part| part.slot != Some(*slot))).collect();
    if needed.len() > free.len() {
        return Err(TooLarge::Slots { needed: needed.len(), free: free.len() });
    }
    let mut free = free.into_iter();
    let mut places = Vec::with_capacity(parts.len());
    let mut writes = Vec::new();
    for part in parts {
        let digest = part.digest;
        if !held.contains_key(&digest)
            && let Some(slot) = free.next()
        {
            held.insert(digest, slot);
            writes.push((slot, part));
        }
        places.push(PartRef { slot: held.get(&digest).copied(), digest });
    }
    Ok(Plan { pointer: pointer(places, None, revision), writes })
}

fn pointer(parts: Vec<PartRef>, inline: Option<Arc<[u8]>>, revision: u64) -> Pointer {
    Pointer { schema: SCHEMA, revision, digest: digest(&parts), parts, inline, denied: Vec::new() }
}

/// The snapshot of these parts as schema 3 has it.
fn whole(parts: &[Part], revision: u64) -> Result<Pointer, TooLarge> {
    let json = whole_json(parts);
    let bytes = match parts {
        [part] => part.bytes.clone(),
        _ => deflate(&json, PART_LIMIT).ok_or(TooLarge::Whole)?.into(),
    };
    Ok(Pointer::whole(revision, Sha256::digest(json).into(), bytes))
}

fn whole_json(parts: &[Part]) -> Vec<u8> {
    if let [part] = parts {
        return inflate(&part.bytes, INFLATED_LIMIT).expect("what split deflated inflates");
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| &*part.bytes).collect();
    json(&join(&parts).expect("what split cut joins"))
}
