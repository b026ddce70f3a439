//! Where parts go: never over one that the pointer in force names, so that
//! whoever reads by that pointer finds what it names until the next is there.

use std::collections::{BTreeMap, BTreeSet};

use super::packed::Part;
use super::pointer::digest;
use super::{PartRef, Pointer, SLOTS, TooLarge};

/// Slots with what goes into each.
type Writes = Vec<(u8, Part)>;

/// What to write: all the slots first, then the pointer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// The next pointer. It denies nobody yet.
    pub pointer: Pointer,
    /// Slots with what goes into each; none that the live pointer names.
    pub writes: Writes,
}

/// How the parts of a schema, as `split` made them, are stored while `live` is in force. A part that is there keeps its slot.
pub fn plan(live: Option<&Pointer>, parts: &[Part], revision: u64, schema: u32) -> Result<Plan, TooLarge> {
    let (parts, writes, inline) = if let [part] = parts {
        (vec![PartRef { slot: None, digest: part.digest }], Vec::new(), Some(part.bytes.clone()))
    } else {
        let (parts, writes) = in_slots(live, parts)?;
        (parts, writes, None)
    };
    Ok(Plan {
        pointer: Pointer { schema, revision, digest: digest(&parts), parts, inline, denied: Vec::new() },
        writes,
    })
}

/// A slot for each part, and those of them that have to be written. Equal parts, as empty buckets are, share one.
fn in_slots(live: Option<&Pointer>, parts: &[Part]) -> Result<(Vec<PartRef>, Writes), TooLarge> {
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
            writes.push((slot, part.clone()));
        }
        places.push(PartRef { slot: held.get(&digest).copied(), digest });
    }
    Ok((places, writes))
}
