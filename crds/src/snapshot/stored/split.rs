//! A snapshot cut into parts that change independently of each other.

use serde::Serialize;

use super::before::before;
use super::bucket::{Bucket, base, bucket_of};
use super::packed::{INFLATED_LIMIT, Part, deflate, json};
use super::{BEFORE, PART_LIMIT, TooLarge};
use crate::snapshot::Snapshot;

/// The largest snapshot, deflated, that stays in one part.
const ONE_PART: usize = 512 << 10;

/// A snapshot in parts, as each schema that can be written has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parts {
    newest: Vec<Part>,
    /// Where that is another one.
    before: Option<Vec<Part>>,
}

/// The parts of a snapshot that `compile` made or `check` passed: one while it is small, else a base and 3, 7 or 15
/// buckets of callers. The same snapshot gives the same parts. A change of one caller changes one bucket, and a new
/// server that comes last changes none.
pub fn split(snapshot: &Snapshot) -> Result<Parts, TooLarge> {
    let before = before(snapshot).map(|before| in_parts(&before)).transpose()?;
    Ok(Parts { newest: in_parts(snapshot)?, before })
}

fn in_parts(snapshot: &Snapshot) -> Result<Vec<Part>, TooLarge> {
    let json = json(snapshot);
    if json.len() > INFLATED_LIMIT {
        return Err(TooLarge::Inflated);
    }
    match deflate(&json, ONE_PART) {
        Some(bytes) => Ok(vec![Part::new(bytes)]),
        None => cut(snapshot, bucket_count(snapshot.callers.len())),
    }
}

/// Base and buckets, whatever the size.
pub(super) fn cut(snapshot: &Snapshot, count: usize) -> Result<Vec<Part>, TooLarge> {
    let mut left = INFLATED_LIMIT;
    let mut buckets = vec![Vec::new(); count];
    for caller in &snapshot.callers {
        buckets[bucket_of(&caller.id, count)].push(caller);
    }
    let mut parts = vec![part(&base(snapshot), &mut left, TooLarge::Servers)?];
    for callers in buckets {
        parts.push(part(&Bucket::new(snapshot, &callers), &mut left, TooLarge::Callers)?);
    }
    Ok(parts)
}

/// How many buckets hold so many callers: about 50 bytes each, a bucket is near 100 KiB at most, and only beyond 20,000
/// callers larger. With the base never more than half of the slots, so that all can be replaced at once.
fn bucket_count(callers: usize) -> usize {
    match callers {
        0..5_000 => 3,
        5_000..12_000 => 7,
        _ => 15,
    }
}

fn part(content: &impl Serialize, left: &mut usize, too_large: TooLarge) -> Result<Part, TooLarge> {
    let json = json(content);
    *left = left.checked_sub(json.len()).ok_or(TooLarge::Inflated)?;
    deflate(&json, PART_LIMIT).map(Part::new).ok_or(too_large)
}

// === impl Parts ===

impl Parts {
    /// Those of a schema that can be written.
    pub fn of(&self, schema: u32) -> &[Part] {
        let before = self.before.as_ref().filter(|_| schema == BEFORE);
        before.unwrap_or(&self.newest)
    }
}
