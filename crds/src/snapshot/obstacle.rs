//! Why the evaluator says no: for whoever looks into it, never for the caller.

use super::{Caller, Item, ServerIndex, Snapshot, UnixSeconds};

/// What is in the way of a caller and an item; what lies nearer to the item comes later.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Obstacle {
    /// The caller has expired or is suspended.
    CallerEnded,
    /// One of the caller's parents has expired.
    ParentEnded,
    /// Nothing gives the caller any of the server, or a parent's ceiling takes it all.
    ServerNotGranted,
    /// What gives the caller the server does not give this item of it.
    ItemNotGranted,
    /// The server is off: a Secret of it cannot be used.
    ServerOff,
    /// The server's own filter keeps the item from everybody.
    Filtered,
}

impl Snapshot {
    /// What is in the way; none where [`Snapshot::allows`].
    pub fn obstacle(&self, caller: &Caller, now: UnixSeconds, server: ServerIndex, item: Item) -> Option<Obstacle> {
        if !caller.is_known(now) {
            return Some(Obstacle::CallerEnded);
        }
        let Some(access) = caller.access_at(now) else { return Some(Obstacle::ParentEnded) };
        if !self.gives(access, server, item) {
            let set = self.access.get(access as usize);
            let has_server = set.is_some_and(|set| set.iter().any(|(has, _)| *has == server));
            return Some(if has_server { Obstacle::ItemNotGranted } else { Obstacle::ServerNotGranted });
        }
        if self.offers(server, item) {
            return None;
        }
        let is_off = self.servers.get(server as usize).is_none_or(|server| server.off);
        Some(if is_off { Obstacle::ServerOff } else { Obstacle::Filtered })
    }
}
