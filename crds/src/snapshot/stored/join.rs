//! Parts put together again: every table united and numbered by content, as
//! `compile` numbers it, so that what was split comes back equal.

use std::mem::take;

use super::DecodeError;
use super::bucket::Bucket;
use super::packed::{INFLATED_LIMIT, inflate, parse};
use crate::snapshot::{Inconsistent, Snapshot};

/// The snapshot of which these are the parts, base first, checked: `join(split(x)) == x` for every `x` that `compile`
/// made. Whether the bytes are authentic is for [`open`](super::open()) to say.
pub fn join(parts: &[&[u8]]) -> Result<Snapshot, DecodeError> {
    let (base, buckets) = parts.split_first().ok_or_else(|| Inconsistent("parts".to_owned()))?;
    let json = inflate(base, INFLATED_LIMIT)?;
    let mut left = INFLATED_LIMIT - json.len();
    let base: Snapshot = parse(&json)?;
    drop(json);
    let mut read = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let json = inflate(bucket, left)?;
        left -= json.len();
        read.push(parse(&json)?);
    }
    let snapshot = if read.is_empty() { base } else { unite(base, read)? };
    snapshot.check()?;
    Ok(snapshot)
}

/// Whatever the parts name must be there; the rest is for `check` to see. Numbers rise in the table of all as they do in
/// a part's own, so that lists of them stay in order.
fn unite(mut base: Snapshot, buckets: Vec<Bucket>) -> Result<Snapshot, Inconsistent> {
    let of_base = Bucket {
        patterns: take(&mut base.patterns),
        filters: take(&mut base.filters),
        access: take(&mut base.access),
        namespaces: take(&mut base.namespaces).into_iter().map(|name| (name, Vec::new())).collect(),
        callers: take(&mut base.callers),
    };
    let mut parts: Vec<Bucket> = std::iter::once(of_base).chain(buckets).collect();

    let (patterns, lists_at) = numbered(parts.iter_mut().map(|part| take(&mut part.patterns)));
    for (part, lists_at) in parts.iter_mut().zip(&lists_at) {
        renumber(part.filters.iter_mut().flatten(), lists_at, "filters")?;
    }
    let (filters, filters_at) = numbered(parts.iter_mut().map(|part| take(&mut part.filters)));
    for (part, filters_at) in parts.iter_mut().zip(&filters_at) {
        let shares = part.access.iter_mut().flatten();
        renumber(shares.flat_map(|(_, share)| share.iter_mut().flatten()), filters_at, "access")?;
    }
    let (access, sets_at) = numbered(parts.iter_mut().map(|part| take(&mut part.access)));
    let names = |part: &Bucket| part.namespaces.iter().map(|(name, _)| name.clone()).collect();
    let (namespaces, names_at) = numbered(parts.iter().map(names));

    for server in &mut base.servers {
        let filters = server.filters.iter_mut();
        renumber(filters.flat_map(|filter| filter.allow.iter_mut().chain(&mut filter.deny)), &lists_at[0], "servers")?;
    }
    for group in &mut base.groups {
        renumber([&mut group.members], &sets_at[0], "groups")?;
        renumber(&mut group.admits, &names_at[0], "groups")?;
    }
    if let Some(anonymous) = &mut base.anonymous {
        renumber([&mut anonymous.access], &sets_at[0], "anonymous")?;
        renumber([&mut anonymous.namespace], &names_at[0], "anonymous")?;
    }
    for ((mut part, sets_at), names_at) in parts.into_iter().zip(&sets_at).zip(&names_at) {
        for ((_, groups), namespace) in part.namespaces.iter().zip(names_at) {
            for group in groups {
                let group = base.groups.get_mut(*group as usize);
                group.ok_or_else(|| Inconsistent("namespaces".to_owned()))?.admits.push(*namespace);
            }
        }
        renumber(part.callers.iter_mut().map(|caller| &mut caller.access), sets_at, "callers")?;
        renumber(part.callers.iter_mut().map(|caller| &mut caller.namespace), names_at, "callers")?;
        base.callers.append(&mut part.callers);
    }
    for group in &mut base.groups {
        // Both the base and a bucket know a namespace that the anonymous caller shares with others.
        group.admits.sort_unstable();
        group.admits.dedup();
    }
    base.callers.sort_unstable_by(|one, next| one.id.cmp(&next.id));
    Ok(Snapshot { patterns, filters, access, namespaces, ..base })
}

/// The rows of all parts in rising order, each once, and for each part where its rows are now.
fn numbered<T: Ord>(parts: impl Iterator<Item = Vec<T>>) -> (Vec<T>, Vec<Vec<u32>>) {
    let (mut all, mut places) = (Vec::new(), Vec::new());
    for (part, rows) in parts.enumerate() {
        places.push(vec![0; rows.len()]);
        all.extend(rows.into_iter().enumerate().map(|(at, row)| (row, part, at)));
    }
    all.sort_unstable();
    let mut table: Vec<T> = Vec::new();
    for (row, part, at) in all {
        if table.last() != Some(&row) {
            table.push(row);
        }
        places[part][at] = table.len() as u32 - 1;
    }
    (table, places)
}

/// Puts the new number in each place.
fn renumber<'n>(numbers: impl IntoIterator<Item = &'n mut u32>, at: &[u32], table: &str) -> Result<(), Inconsistent> {
    for number in numbers {
        *number = *at.get(*number as usize).ok_or_else(|| Inconsistent(table.to_owned()))?;
    }
    Ok(())
}
