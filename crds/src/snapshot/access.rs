//! The one evaluator: may this caller use this tool? Lists, calls and the
//! questions of the command line all ask here. Everything was settled by
//! `compile`; this looks up and matches, without allocating.

use super::{AccessIndex, Caller, CallerKey, PatternsIndex, ServerIndex, Snapshot, UnixSeconds};
use crate::patterns::Patterns;

impl Snapshot {
    /// Whether the caller may use the server's tool now. The tool is named as the server names it.
    pub fn allows(&self, caller: &Caller, now: UnixSeconds, server: ServerIndex, tool: &str) -> bool {
        caller.access_at(now).is_some_and(|access| self.gives(access, server, tool)) && self.offers(server, tool)
    }

    /// Servers of which the caller may use anything now, in rising order; none that is off.
    pub fn servers_of(&self, caller: &Caller, now: UnixSeconds) -> impl Iterator<Item = ServerIndex> {
        let set = caller.access_at(now).and_then(|access| self.access.get(access as usize));
        set.into_iter().flatten().map(|(server, _)| *server).filter(|server| self.is_on(*server))
    }

    /// Whether the access set, of a caller or of a group's members, holds the server's tool.
    pub fn gives(&self, access: AccessIndex, server: ServerIndex, tool: &str) -> bool {
        let Some(set) = self.access.get(access as usize) else { return false };
        let Ok(position) = set.binary_search_by_key(&server, |(server, _)| *server) else { return false };
        let filter = self.filters.get(set[position].1 as usize);
        filter.is_some_and(|lists| lists.iter().all(|list| self.matches(*list, tool)))
    }

    /// Whether the tool exists for callers at all: the server is on and its own filter passes it. Deny wins.
    pub fn offers(&self, server: ServerIndex, tool: &str) -> bool {
        self.servers.get(server as usize).is_some_and(|server| {
            !server.off
                && server.allow.is_none_or(|allow| self.matches(allow, tool))
                && !server.deny.is_some_and(|deny| self.matches(deny, tool))
        })
    }

    fn is_on(&self, server: ServerIndex) -> bool {
        self.servers.get(server as usize).is_some_and(|server| !server.off)
    }

    fn matches(&self, list: PatternsIndex, tool: &str) -> bool {
        self.patterns.get(list as usize).is_some_and(|globs| Patterns::new(globs).matches(tool))
    }
}

impl Caller {
    /// Whether the caller still is somebody. One who is not is answered as an unknown key: 401.
    pub fn is_known(&self, now: UnixSeconds) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// What the caller may use now: nothing once it or one of its parents has expired.
    pub fn access_at(&self, now: UnixSeconds) -> Option<AccessIndex> {
        let in_force = self.is_known(now) && self.access_until.is_none_or(|until| now < until);
        in_force.then_some(self.access)
    }
}

impl CallerKey {
    /// Whether the key still names its caller.
    pub fn is_known(&self, now: UnixSeconds) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}
