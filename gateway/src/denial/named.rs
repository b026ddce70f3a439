//! What a name would have led to, had its caller been allowed everything, and
//! what is in the way. Looked into once the answer is no: it decides nothing.

use std::borrow::Cow;

use crds::snapshot::{Item, ServerIndex};

use super::{Denial, Reason, RequestId};
use crate::catalogue::{Entry, List};
use crate::exchange::Exchange;
use crate::failure::About;
use crate::gateway::{Gateway, View};
use crate::index::At;
use crate::proxy::Admitted;
use crate::published::{is_qualified, native_uri};
use crate::route;
use crate::table::Named;
use crate::uri_template::may_make;

/// Something of a server that a name means.
struct Meant<'n> {
    server: ServerIndex,
    native: Cow<'n, str>,
}

/// Tells of a tool, prompt or resource that its caller was not given by this name. `of`: the one server that was asked.
pub fn of_item(exchange: &Exchange<'_>, about: About, of: Option<ServerIndex>, name: &str) -> Option<RequestId> {
    let list = match about {
        About::Tool | About::RestTool => List::Tools,
        About::Prompt => List::Prompts,
        About::Resource => List::Resources,
        About::Task => return tell(exchange, about, Reason::NotTheirs, (None, None)),
    };
    let meant = if name.len() > list.longest_called() { None } else { meant(exchange, list, of, name) };
    let reason = meant.as_ref().map_or(Reason::UnknownName, |meant| reason(exchange, list, meant));
    tell(exchange, about, reason, (Some(name), meant))
}

/// Tells of what was taken away while it was used.
pub fn of_lost(
    exchange: &Exchange<'_>,
    about: About,
    reason: Reason,
    (server, native): (ServerIndex, &str),
) -> Option<RequestId> {
    let meant = Meant { server, native: native.into() };
    tell(exchange, about, reason, (None, Some(meant)))
}

fn tell(
    exchange: &Exchange<'_>,
    about: About,
    reason: Reason,
    (name, meant): (Option<&str>, Option<Meant<'_>>),
) -> Option<RequestId> {
    let table = &exchange.view.table;
    exchange.gateway.deny_request(&Denial {
        caller: Some(exchange.caller.id()),
        binding: exchange.caller.bindings().next().map(|binding| &*binding.id),
        verb: Some(match about {
            About::Tool | About::RestTool | About::Task => "call",
            About::Prompt => "get",
            About::Resource => "read",
        }),
        // What means nothing may be anything, also a key that got into the wrong field.
        name: name.filter(|_| meant.is_some()),
        server: meant.as_ref().map(|meant| &*table.snapshot.servers[meant.server as usize].id),
        item: meant.as_ref().map(|meant| &*meant.native),
        ..Denial::new(reason, table.version.revision)
    })
}

/// The most likely meaning: what is listed before what is not, a full name before a bare one.
fn meant<'n>(exchange: &Exchange<'_>, list: List, of: Option<ServerIndex>, name: &'n str) -> Option<Meant<'n>> {
    let index = &exchange.view.index;
    let exact = |list: List| {
        let at = index.find(list, name)?;
        let native = index.servers[at.server as usize].native(list, at.entry).name.clone();
        Some(Meant { server: at.server, native: native.into() })
    };
    if list == List::Resources {
        return exact(list).or_else(|| exact(List::Templates)).or_else(|| uri(exchange, name));
    }
    let lists = |server: ServerIndex, native: &str| {
        let entries = &index.servers[server as usize].catalogue().of(list).entries;
        entries.iter().any(|entry| entry.name == native)
    };
    let readings = route::readings(exchange, name);
    let spelled = |(server, native): (ServerIndex, &'n str)| Meant { server, native: native.into() };
    let native = |server: ServerIndex| Meant { server, native: name.into() };
    of.filter(|server| lists(*server, name))
        .map(native)
        .or_else(|| exact(list))
        .or_else(|| readings.iter().copied().find(|(server, native)| lists(*server, native)).map(spelled))
        .or_else(|| bare(exchange, list, name).map(native))
        .or_else(|| of.map(native))
        .or_else(|| readings.first().copied().map(spelled))
}

/// The first server that lists this name and whose it may be called, else the first that lists it.
fn bare(exchange: &Exchange<'_>, list: List, name: &str) -> Option<ServerIndex> {
    let all = (0..).zip(&exchange.view.index.servers);
    let lists = all.filter(|(_, lists)| lists.catalogue().of(list).entries.iter().any(|entry| entry.name == name));
    let listing: Vec<ServerIndex> = lists.map(|(server, _)| server).collect();
    let may = |server: &ServerIndex| exchange.permit(*server, list.item(name)).is_some();
    listing.iter().copied().find(may).or_else(|| listing.first().copied())
}

/// A URI that no list has: of the server that its form names, or of the first with a template that makes it.
fn uri<'n>(exchange: &Exchange<'_>, uri: &'n str) -> Option<Meant<'n>> {
    let view = exchange.view;
    let all = || (0..).zip(&view.table.snapshot.servers);
    let mut named = all().filter(|(_, server)| is_qualified(uri) || server.uri_prefix.is_some());
    let mut made = all().filter(|(at, _)| {
        let templates = &view.index.servers[*at as usize].catalogue().of(List::Templates).entries;
        templates.iter().any(|template: &Entry| may_make(&template.name, uri))
    });
    let meant = |(at, server)| native_uri(uri, server).map(|native| Meant { server: at, native: native.into() });
    named.find_map(meant).or_else(|| made.find_map(meant))
}

/// What is in the caller's way; of several bindings the one that comes furthest.
fn reason(exchange: &Exchange<'_>, list: List, meant: &Meant<'_>) -> Reason {
    let Meant { server, native } = meant;
    let (table, server) = (&exchange.view.table, *server);
    let item: Item<'_> = list.item(native);
    let obstacles =
        exchange.caller.bindings().map(|caller| table.snapshot.obstacle(caller, exchange.now, server, item));
    // Where nothing is in the way, that comes furthest of all.
    let nearest = obstacles.max_by_key(|obstacle| obstacle.map_or((1, None), |obstacle| (0, Some(obstacle))));
    if let Some(Some(obstacle)) = nearest {
        return obstacle.into();
    }
    if !exchange.caller.reaches(&table.snapshot, server) {
        return Reason::InternalOnly;
    }
    if !exchange.scope.holds(table, server, item) {
        return Reason::OutOfScope;
    }
    let lists = &exchange.view.index.servers[server as usize];
    let entries = &lists.catalogue().of(list).entries;
    match entries.iter().position(|entry| entry.name == **native && entry.exists_in(exchange.revision)) {
        None => Reason::NotListed,
        Some(entry) if exchange.view.index.is_visible(list, At { server, entry: entry as u32 }) => Reason::Ambiguous,
        Some(_) => Reason::Hidden,
    }
}

/// Tells of a server that its caller named and was not given.
pub fn of_server(gateway: &Gateway, view: &View, admitted: &Admitted<'_>, name: &str) -> Option<RequestId> {
    let (server, reason) = named(view, admitted, name);
    tell_of_server(gateway, view, admitted, (server, reason, name))
}

/// Tells of names in a path that leave their caller nothing.
pub fn of_scope(gateway: &Gateway, view: &View, admitted: &Admitted<'_>, names: &str) -> Option<RequestId> {
    let all = names.split(',').map(|name| named(view, admitted, name.trim()));
    let (server, reason) = all.max_by_key(|(server, _)| server.is_some()).unwrap_or((None, Reason::UnknownName));
    tell_of_server(gateway, view, admitted, (server, reason, names))
}

fn named(view: &View, admitted: &Admitted<'_>, name: &str) -> (Option<ServerIndex>, Reason) {
    let table = &view.table;
    let snapshot = &table.snapshot;
    let by_id = || snapshot.servers.iter().position(|server| server.id == name).map(|at| at as ServerIndex);
    let server = match table.named(name) {
        Some(Named::Server(server)) => Some(server),
        Some(Named::Group(_)) => return (None, Reason::ServerNotGranted),
        None => by_id(),
    };
    let Some(server) = server else { return (None, Reason::UnknownName) };
    let (caller, now) = (&admitted.caller, admitted.now);
    let reason = if snapshot.servers[server as usize].off {
        Reason::ServerOff
    } else if caller.access(table, now).iter().any(|(has, _)| *has == server) {
        Reason::OutOfScope
    } else if !caller.reaches(snapshot, server) {
        Reason::InternalOnly
    } else if caller.bindings().all(|binding| binding.access_at(now).is_none()) {
        Reason::ParentExpired
    } else {
        Reason::ServerNotGranted
    };
    (Some(server), reason)
}

fn tell_of_server(
    gateway: &Gateway,
    view: &View,
    admitted: &Admitted<'_>,
    (server, reason, name): (Option<ServerIndex>, Reason, &str),
) -> Option<RequestId> {
    let table = &view.table;
    gateway.deny_request(&Denial {
        caller: Some(admitted.caller.id()),
        binding: admitted.caller.bindings().next().map(|binding| &*binding.id),
        name: Some(name).filter(|_| reason != Reason::UnknownName),
        server: server.map(|server| &*table.snapshot.servers[server as usize].id),
        ..Denial::new(reason, table.version.revision)
    })
}
