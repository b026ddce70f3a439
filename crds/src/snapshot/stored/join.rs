//! Parts put together again: every table united and numbered by content, as
//! `compile` numbers it, so that what was split comes back equal.

use super::DecodeError;
use super::bucket::Bucket;
use super::packed::{INFLATED_LIMIT, inflate, parse};
use crate::snapshot::{Caller, Inconsistent, Share, Snapshot};

/// The rows of a table: of each part, its own.
type Rows<T> = Vec<Vec<T>>;
/// Of each part, where its rows are in the table of all.
type Places = Vec<Vec<u32>>;

/// The snapshot of which these are the parts, base first, checked: `join(split(x)) == x` for every `x` that `compile`
/// made. Whether the bytes are authentic is for [`open`](super::open) to say.
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

/// Whatever the parts name must be there; the rest is for `check` to see.
fn unite(mut base: Snapshot, mut buckets: Vec<Bucket>) -> Result<Snapshot, Inconsistent> {
    fn rows<T>(of_base: Vec<T>, of_buckets: impl Iterator<Item = Vec<T>>) -> Rows<T> {
        std::iter::once(of_base).chain(of_buckets).collect()
    }
    use std::mem::take;

    let patterns = rows(take(&mut base.patterns), buckets.iter_mut().map(|it| take(&mut it.patterns)));
    let (patterns, lists_at) = numbered(patterns);

    let mut filters = rows(take(&mut base.filters), buckets.iter_mut().map(|it| take(&mut it.filters)));
    for (filters, at) in filters.iter_mut().zip(&lists_at) {
        for filter in filters {
            renumber(filter, at, "filters")?;
            filter.sort_unstable();
        }
    }
    let (filters, filters_at) = numbered(filters);

    let mut access = rows(take(&mut base.access), buckets.iter_mut().map(|it| take(&mut it.access)));
    for (sets, at) in access.iter_mut().zip(&filters_at) {
        for (_, share) in sets.iter_mut().flatten() {
            renumber_share(share, at)?;
        }
    }
    let (access, sets_at) = numbered(access);

    let names = |it: &Bucket| it.namespaces.iter().map(|(name, _)| name.clone()).collect();
    let (namespaces, names_at) = numbered(rows(take(&mut base.namespaces), buckets.iter().map(names)));

    for server in &mut base.servers {
        let filters = &mut server.filters;
        for filter in [&mut filters.tools, &mut filters.prompts, &mut filters.resources] {
            renumber(filter.allow.as_mut_slice(), &lists_at[0], "servers")?;
            renumber(filter.deny.as_mut_slice(), &lists_at[0], "servers")?;
        }
    }
    for group in &mut base.groups {
        renumber(std::slice::from_mut(&mut group.members), &sets_at[0], "groups")?;
        renumber(&mut group.admits, &names_at[0], "groups")?;
    }
    renumber_callers(base.anonymous.as_mut_slice(), &sets_at[0], &names_at[0])?;
    renumber_callers(&mut base.callers, &sets_at[0], &names_at[0])?;
    for ((mut bucket, sets_at), names_at) in buckets.into_iter().zip(&sets_at[1..]).zip(&names_at[1..]) {
        for ((_, groups), namespace) in bucket.namespaces.iter().zip(names_at) {
            for group in groups {
                let group = base.groups.get_mut(*group as usize);
                group.ok_or_else(|| Inconsistent("namespaces".to_owned()))?.admits.push(*namespace);
            }
        }
        renumber_callers(&mut bucket.callers, sets_at, names_at)?;
        base.callers.append(&mut bucket.callers);
    }
    for group in &mut base.groups {
        group.admits.sort_unstable();
        group.admits.dedup();
    }
    base.callers.sort_unstable_by(|one, next| one.id.cmp(&next.id));
    Ok(Snapshot { patterns, filters, access, namespaces, ..base })
}

/// All rows in rising order, each once.
fn numbered<T: Ord>(rows: Rows<T>) -> (Vec<T>, Places) {
    let mut places: Places = rows.iter().map(|rows| vec![0; rows.len()]).collect();
    let parts = rows.into_iter().enumerate();
    let mut all: Vec<(T, usize, usize)> =
        parts.flat_map(|(part, rows)| rows.into_iter().enumerate().map(move |(at, row)| (row, part, at))).collect();
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

fn renumber(numbers: &mut [u32], at: &[u32], table: &str) -> Result<(), Inconsistent> {
    for number in numbers {
        *number = *at.get(*number as usize).ok_or_else(|| Inconsistent(table.to_owned()))?;
    }
    Ok(())
}

fn renumber_share(share: &mut Share, at: &[u32]) -> Result<(), Inconsistent> {
    for filter in [&mut share.tools, &mut share.prompts, &mut share.resources] {
        renumber(filter.as_mut_slice(), at, "access")?;
    }
    Ok(())
}

fn renumber_callers(callers: &mut [Caller], sets_at: &[u32], names_at: &[u32]) -> Result<(), Inconsistent> {
    for caller in callers {
        renumber(std::slice::from_mut(&mut caller.access), sets_at, "callers")?;
        renumber(std::slice::from_mut(&mut caller.namespace), names_at, "callers")?;
    }
    Ok(())
}
