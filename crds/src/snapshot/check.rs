//! What a snapshot that came from outside must keep before anything looks
//! into it: no index out of range, sorted where a search relies on it.

use thiserror::Error;

use super::Snapshot;

/// The first place where a snapshot contradicts itself.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the snapshot contradicts itself at {0}")]
pub struct Inconsistent(pub String);

impl Snapshot {
    /// Whether every index is in range and every searched list in order.
    pub fn check(&self) -> Result<(), Inconsistent> {
        all("patterns", &self.patterns, |globs| rises(globs))?;
        let in_patterns = |index: &u32| (*index as usize) < self.patterns.len();
        all("filters", &self.filters, |lists| rises(lists) && lists.iter().all(in_patterns))?;
        all("access", &self.access, |set| {
            set.iter().all(|(server, share)| {
                let filters = || share.iter().flatten();
                (*server as usize) < self.servers.len()
                    && filters().all(|filter| (*filter as usize) < self.filters.len())
                    && filters().next().is_some()
            }) && set.is_sorted_by(|one, next| one.0 < next.0)
        })?;
        all("servers", &self.servers, |server| {
            server.filters.iter().flat_map(|filter| filter.allow.iter().chain(&filter.deny)).all(in_patterns)
                && server.cost.iter().all(|cost| cost.per_tool.is_sorted_by(|one, next| one.0 < next.0))
        })?;
        let in_access = |index: u32| (index as usize) < self.access.len();
        let in_namespaces = |index: u32| (index as usize) < self.namespaces.len();
        all("groups", &self.groups, |group| {
            in_access(group.members)
                && rises(&group.admits)
                && group.admits.iter().all(|namespace| in_namespaces(*namespace))
        })?;
        all("callers", &self.callers, |caller| in_access(caller.access) && in_namespaces(caller.namespace))?;
        all("anonymous", self.anonymous.as_slice(), |it| in_access(it.access) && in_namespaces(it.namespace))?;
        if !self.callers.is_sorted_by(|one, next| one.id < next.id) {
            return Err(Inconsistent("callers".to_owned()));
        }
        Ok(())
    }
}

fn all<T>(table: &str, rows: &[T], holds: impl Fn(&T) -> bool) -> Result<(), Inconsistent> {
    match rows.iter().position(|row| !holds(row)) {
        Some(row) => Err(Inconsistent(format!("{table}[{row}]"))),
        None => Ok(()),
    }
}

fn rises<T: Ord>(list: &[T]) -> bool {
    list.is_sorted_by(|one, next| one < next)
}
