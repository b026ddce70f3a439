//! From the name that a caller says to a tool or prompt of a server, and from
//! a URI to a resource ([`resource`], [`template`]).
//!
//! A name leads, in this order: the exact published name; a norm-equal
//! spelling of a prefix before the native name; a bare native name; the name of
//! a server's object before the native name. Only what the caller's list shows
//! exists at any step, and two meanings are none. Where the caller's own values
//! may change what a server lists, the caller's own list of it counts.

use std::sync::Arc;

use crds::names::{SPELLING_MAX, norm};
use crds::snapshot::{Item, ServerIndex};

use crate::catalogue::{Catalogue, Entry, List, State};
use crate::discovery;
use crate::exchange::Exchange;
use crate::index::At;
use crate::permit::Permit;
use crate::published::published;
use crate::table::Named;
use crate::upstream::{CallerPart, Outcome, UpstreamError, tokens};

mod called;
mod own;
mod task;
mod uri;

pub use called::Called;
pub use task::task;
pub use uri::{resource, template};

use own::{OwnLists, own_lists};

/// What a name or a URI leads to.
pub enum Target {
    /// Something that the caller may use.
    Found(Found),
    /// A server that the caller may use, whose lists are not known because it cannot be reached.
    Down(ServerIndex, UpstreamError),
    /// Nothing, for this caller.
    Unknown,
}

/// A tool, prompt or resource, the leave to use it, and what the caller adds to the request.
pub struct Found {
    /// The leave.
    pub permit: Permit,
    /// What the caller adds.
    pub part: CallerPart,
    /// Which it is.
    pub called: Called,
}

impl Found {
    fn entry(permit: Permit, part: CallerPart, catalogue: Arc<Catalogue>, (list, position): (List, u32)) -> Self {
        let called = Called::entry(permit.server(), catalogue, list, position);
        Self { permit, part, called }
    }
}

/// Finds the tool or prompt that a name says.
pub async fn route(exchange: &Exchange<'_>, list: List, name: &str) -> Target {
    if name.len() > list.longest_called() {
        return Target::Unknown;
    }
    if let Some(found) = published_to_all(exchange, list, name).await {
        return found;
    }
    let own = Box::pin(own_lists(exchange, list)).await;
    if let Some(found) = own.find(exchange, list, name) {
        return Target::Found(found);
    }
    if let Some(found) = Box::pin(read(exchange, list, readings(exchange, name))).await {
        return found;
    }
    if let Some(found) = Box::pin(by_bare_name(exchange, list, &own, name)).await {
        return found;
    }
    Box::pin(read(exchange, list, readings_by_object(exchange, name))).await.unwrap_or(Target::Unknown)
}

/// Finds a tool of one server, to which the request is narrowed: by its native name, else as it is called on MCP.
pub async fn tool_of(exchange: &Exchange<'_>, server: ServerIndex, name: &str) -> Target {
    if name.len() > List::Tools.longest_called() {
        return Target::Unknown;
    }
    let native = match exchange.permit(server, Item::Tool(name)) {
        Some(permit) => listed(exchange, List::Tools, name, permit).await,
        None => Target::Unknown,
    };
    match native {
        Target::Unknown => route(exchange, List::Tools, name).await,
        target => target,
    }
}

/// What goes by this published name, for all callers; none if this one may not use it.
async fn published_to_all(exchange: &Exchange<'_>, list: List, name: &str) -> Option<Target> {
    let index = &exchange.view.index;
    let at = index.find(list, name)?;
    let entry = index.servers[at.server as usize].native(list, at.entry);
    if !entry.exists_in(exchange.revision) {
        return None;
    }
    let permit = exchange.permit(at.server, list.item(&entry.name))?;
    let part = exchange.caller_part(at.server);
    if part.digest().is_none() {
        let catalogue = index.servers[at.server as usize].catalogue().clone();
        return Some(Target::Found(Found::entry(permit, part, catalogue, (list, at.entry))));
    }
    Some(Box::pin(listed(exchange, list, &entry.name, permit)).await)
}

/// The entry, if the server lists it to this caller, whose own values may change that, and it goes by its published
/// name.
async fn listed(exchange: &Exchange<'_>, list: List, native: &str, permit: Permit) -> Target {
    let server = permit.server();
    let index = &exchange.view.index;
    let Some(upstreams) = &exchange.view.upstreams[server as usize] else {
        return Target::Down(server, UpstreamError::new(Outcome::Unreachable, "a Secret that it needs cannot be used"));
    };
    let part = exchange.caller_part(server);
    let own = part.digest().is_some();
    let catalogue = if own {
        discovery::of_caller(upstreams, exchange.caller, part.clone(), list).await
    } else {
        index.servers[server as usize].catalogue().clone()
    };
    let is_it = |entry: &Entry| entry.name == native && entry.exists_in(exchange.revision);
    let Some(position) = catalogue.of(list).entries.iter().position(is_it) else {
        return match &catalogue.of(list).state {
            State::Failed(error) => Target::Down(server, error.clone()),
            State::Unknown => Target::Down(server, UpstreamError::timeout("the first discovery")),
            State::PerCaller => Target::Down(server, tokens::no_subject()),
            State::Ready => Target::Unknown,
        };
    };
    let position = position as u32;
    let shown = if own {
        leaves_name(exchange, list, server, native)
    } else {
        index.is_visible(list, At { server, entry: position })
    };
    if shown { Target::Found(Found::entry(permit, part, catalogue, (list, position))) } else { Target::Unknown }
}

/// Whether no other server's entry has the published name of this one, for all callers.
fn leaves_name(exchange: &Exchange<'_>, list: List, server: ServerIndex, native: &str) -> bool {
    let snapshot = &exchange.view.table.snapshot;
    let name = published(list, native, &snapshot.servers[server as usize], &snapshot.settings);
    exchange.view.index.leaves_name(list, &name, server)
}

/// What the ways to read a name lead to; none where they lead to nothing.
async fn read(exchange: &Exchange<'_>, list: List, readings: Vec<(ServerIndex, &str)>) -> Option<Target> {
    let (mut found, mut down) = (Vec::new(), None);
    for (server, native) in readings {
        let Some(permit) = exchange.permit(server, list.item(native)) else { continue };
        match listed(exchange, list, native, permit).await {
            Target::Unknown => {}
            Target::Down(server, error) => down = Some(Target::Down(server, error)),
            target @ Target::Found(_) => found.push(target),
        }
    }
    match found.pop() {
        None => down,
        Some(target) if found.is_empty() => Some(target),
        Some(_) => Some(Target::Unknown),
    }
}

/// Every way to read a name as a spelling of a server's prefix, separator and native name.
pub(crate) fn readings<'n>(exchange: &Exchange<'_>, name: &'n str) -> Vec<(ServerIndex, &'n str)> {
    let table = &exchange.view.table;
    let readings = cuts(exchange, name).filter_map(|(head, native)| {
        let Some(Named::Server(server)) = table.held(head) else { return None };
        // Headers name a server by its alias too; published names begin with the prefix.
        let prefix = table.snapshot.servers[server as usize].prefix.as_deref()?;
        (norm(prefix) == norm(head)).then_some((server, native))
    });
    readings.collect()
}

/// Every way to read a name as that of a server's object, separator and native name, where its names have a prefix at all.
pub(crate) fn readings_by_object<'n>(exchange: &Exchange<'_>, name: &'n str) -> Vec<(ServerIndex, &'n str)> {
    let table = &exchange.view.table;
    let readings = cuts(exchange, name).filter_map(|(head, native)| Some((table.object(head)?, native)));
    readings.filter(|(server, _)| table.snapshot.servers[*server as usize].prefix.is_some()).collect()
}

/// A name at each separator. That may overlap with characters that do not count in a spelling, as in `a___b`.
fn cuts<'n>(exchange: &Exchange<'_>, name: &'n str) -> impl Iterator<Item = (&'n str, &'n str)> {
    let separator = exchange.view.table.snapshot.settings.separator.as_str();
    let places = name.char_indices().map(|(at, _)| at).take_while(|at| *at <= SPELLING_MAX);
    places.filter_map(move |at| Some((&name[..at], name[at..].strip_prefix(separator)?)))
}

/// The one entry of that native name that goes by its published name and that the caller may use; none if there is no
/// such entry.
async fn by_bare_name(exchange: &Exchange<'_>, list: List, own: &OwnLists, name: &str) -> Option<Target> {
    let index = &exchange.view.index;
    let mut only = None;
    for server in exchange.servers(list) {
        let of_caller = own.of(server);
        let catalogue = of_caller.unwrap_or_else(|| index.servers[server as usize].catalogue());
        let is_it = |entry: &Entry| entry.name == name && entry.exists_in(exchange.revision);
        let Some(position) = catalogue.of(list).entries.iter().position(is_it) else { continue };
        let shown = match of_caller {
            Some(_) => leaves_name(exchange, list, server, name),
            None => index.is_visible(list, At { server, entry: position as u32 }),
        };
        if !shown {
            continue;
        }
        let Some(permit) = exchange.permit(server, list.item(name)) else { continue };
        if only.replace(permit).is_some() {
            return Some(Target::Unknown);
        }
    }
    Some(listed(exchange, list, name, only?).await)
}
