//! The one evaluator: may this caller use this tool, prompt or resource? Lists,
//! calls and the questions of the command line all ask here. Everything was
//! settled by `compile`; this looks up and matches, without allocating.

use super::{AccessIndex, Caller, CallerKey, Item, PatternsIndex, ServerIndex, Snapshot, UnixSeconds};
use crate::patterns::Patterns;

impl Snapshot {
    /// Whether the caller may use the server's item now.
    pub fn allows(&self, caller: &Caller, now: UnixSeconds, server: ServerIndex, item: Item) -> bool {
        caller.access_at(now).is_some_and(|access| self.gives(access, server, item)) && self.offers(server, item)
    }

    /// Servers of which the caller may use anything now, in rising order; none that is off.
    pub fn servers_of(&self, caller: &Caller, now: UnixSeconds) -> impl Iterator<Item = ServerIndex> {
        let set = caller.access_at(now).and_then(|access| self.access.get(access as usize));
        set.into_iter().flatten().map(|(server, _)| *server).filter(|server| self.is_on(*server))
    }

    /// Whether the access set, of a caller or of a group's members, holds the server's item.
    pub fn gives(&self, access: AccessIndex, server: ServerIndex, item: Item) -> bool {
        let Some(set) = self.access.get(access as usize) else { return false };
        let Ok(position) = set.binary_search_by_key(&server, |(server, _)| *server) else { return false };
        let filter = set[position].1.of(item).and_then(|filter| self.filters.get(filter as usize));
        filter.is_some_and(|lists| lists.iter().all(|list| self.lets_in(*list, item)))
    }

    /// Whether the item exists for callers at all: the server is on and its own filter passes it. Deny wins.
    pub fn offers(&self, server: ServerIndex, item: Item) -> bool {
        self.servers.get(server as usize).is_some_and(|server| {
            let filter = server.filters.of(item);
            !server.off
                && filter.allow.is_none_or(|allow| self.lets_in(allow, item))
                && !filter.deny.is_some_and(|deny| self.keeps_out(deny, item))
        })
    }

    fn is_on(&self, server: ServerIndex) -> bool {
        self.servers.get(server as usize).is_some_and(|server| !server.off)
    }

    /// Whether a list of what may be used has the item. A list that is not there has nothing.
    fn lets_in(&self, list: PatternsIndex, item: Item) -> bool {
        self.list(list).is_some_and(|list| item.is_let_in_by(list))
    }

    /// Whether a list of what may not be used has the item. A list that is not there has everything.
    fn keeps_out(&self, list: PatternsIndex, item: Item) -> bool {
        self.list(list).is_none_or(|list| item.is_kept_out_by(list))
    }

    fn list(&self, list: PatternsIndex) -> Option<Patterns<'_>> {
        self.patterns.get(list as usize).map(|globs| Patterns::new(globs))
    }
}

impl Caller {
    /// Whether the caller still is somebody. One who is not is answered as an unknown key: 401.
    pub fn is_known(&self, now: UnixSeconds) -> bool {
        !self.suspended && self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether it is anybody who presents nothing.
    pub fn is_anonymous(&self) -> bool {
        self.keys.is_empty() && self.token.is_none()
    }

    /// Whether anybody can be the caller now: it is known, and so is one of its keys, if it is one with keys.
    pub fn is_presentable(&self, now: UnixSeconds) -> bool {
        self.is_known(now) && (self.keys.is_empty() || self.keys.iter().any(|key| key.is_known(now)))
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
