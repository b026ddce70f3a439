//! The caller's own lists: of each server in scope for which the caller's
//! values may change what it lists; of none, most often.

use std::sync::Arc;

use crds::snapshot::ServerIndex;
use futures_util::future::join_all;

use super::Found;
use crate::catalogue::{Catalogue, Entry, List};
use crate::discovery;
use crate::exchange::Exchange;
use crate::published::published;
use crate::upstream::CallerPart;

/// What servers list to this caller only.
pub(super) struct OwnLists(Vec<OwnList>);

struct OwnList {
    server: ServerIndex,
    part: CallerPart,
    catalogue: Arc<Catalogue>,
}

/// Reads them, of the servers that may show the caller anything in this list. All servers are asked at once, so that together they take no longer than one.
pub(super) async fn own_lists(exchange: &Exchange<'_>, list: List) -> OwnLists {
    let lists = exchange.servers(list).filter_map(|server| {
        let upstreams = exchange.view.upstreams[server as usize].as_ref()?;
        let part = exchange.caller_part(server);
        part.digest()?;
        Some(async move {
            let catalogue = discovery::of_caller(upstreams, exchange.caller, part.clone(), list).await;
            OwnList { server, part, catalogue }
        })
    });
    OwnLists(join_all(lists).await)
}

impl OwnLists {
    /// What a server lists to this caller, if that is the caller's own.
    pub(super) fn of(&self, server: ServerIndex) -> Option<&Arc<Catalogue>> {
        self.0.iter().find(|own| own.server == server).map(|own| &own.catalogue)
    }

    /// What goes by this published name in a list of the caller's own: of the earliest server, as the list has it.
    pub(super) fn find(&self, exchange: &Exchange<'_>, list: List, name: &str) -> Option<Found> {
        let snapshot = &exchange.view.table.snapshot;
        self.0.iter().filter(|own| exchange.view.index.leaves_name(list, name, own.server)).find_map(|own| {
            let server = &snapshot.servers[own.server as usize];
            let entries = &own.catalogue.of(list).entries;
            let goes_by = |entry: &Entry| published(list, &entry.name, server, &snapshot.settings) == name;
            let position = entries.iter().position(|entry| entry.exists_in(exchange.revision) && goes_by(entry))?;
            let permit = exchange.permit(own.server, list.item(&entries[position].name))?;
            Some(Found::entry(permit, own.part.clone(), own.catalogue.clone(), (list, position as u32)))
        })
    }
}
