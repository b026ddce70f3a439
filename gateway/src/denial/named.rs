//! What a name would have led to, had its caller been allowed everything, and
//! what is in the way. Looked into once the answer is no: it decides nothing.

use std::borrow::Cow;

use crds::snapshot::{Item, Obstacle, Server, ServerIndex, UnixSeconds};

use super::{Denial, Reason, RequestId};
use crate::caller::Caller;
use crate::catalogue::List;
use crate::exchange::Exchange;
use crate::failure::About;
use crate::gateway::{Gateway, View};
use crate::index::{At, ServerLists};
use crate::published::{is_qualified, native_uri};
use crate::route;
use crate::scope::MAX_NAMES;
use crate::table::Named;
use crate::uri_template::may_make;

/// Something of a server that a name means.
struct Meant<'n> {
    server: ServerIndex,
    native: Cow<'n, str>,
}

/// Tells of a tool, prompt or resource that its caller was not given by this name. `of`: the one server that was asked.
pub fn of_item(exchange: &Exchange<'_>, about: About, of: Option<ServerIndex>, name: &str) -> Option<RequestId> {
    let revision = exchange.view.table.version.revision;
    let list = match about {
        About::Tool | About::RestTool => List::Tools,
        About::Prompt => List::Prompts,
        About::Resource => List::Resources,
        About::Task => return tell(exchange, about, &Denial::new(Reason::NotTheirs, revision)),
    };
    let meant = if name.len() > list.longest_called() { None } else { meant(exchange, list, of, name) };
    let Some(meant) = meant else {
        // What means nothing may be anything, also a key that got into the wrong field: the log does not have it.
        return tell(exchange, about, &Denial::new(Reason::UnknownName, revision));
    };
    let item = list.item(&meant.native);
    let (binding, obstacle) = furthest(exchange, meant.server, item);
    let reason = obstacle.map_or_else(|| reason(exchange, list, &meant), Reason::from);
    tell(exchange, about, &Denial { name: Some(name), binding, ..denied(exchange.view, reason, (meant.server, item)) })
}

/// Tells of what was taken away while it was used.
pub fn of_lost(
    exchange: &Exchange<'_>,
    about: About,
    reason: Reason,
    (server, item): (ServerIndex, Item<'_>),
) -> Option<RequestId> {
    let (binding, _) = furthest(exchange, server, item);
    tell(exchange, about, &Denial { binding, ..denied(exchange.view, reason, (server, item)) })
}

fn denied<'d>(view: &'d View, reason: Reason, (server, item): (ServerIndex, Item<'d>)) -> Denial<'d> {
    let table = &view.table;
    Denial {
        server: Some(&table.snapshot.servers[server as usize].id),
        item: Some(item.name()),
        ..Denial::new(reason, table.version.revision)
    }
}

fn tell(exchange: &Exchange<'_>, about: About, denial: &Denial<'_>) -> Option<RequestId> {
    exchange.gateway.deny_request(&Denial {
        caller: Some(exchange.caller.id()),
        binding: denial.binding.or_else(|| first(exchange.caller)),
        verb: Some(match about {
            About::Tool | About::RestTool | About::Task => "call",
            About::Prompt => "get",
            About::Resource => "read",
        }),
        ..*denial
    })
}

fn first<'t>(caller: &Caller<'t>) -> Option<&'t str> {
    caller.bindings().next().map(|binding| &*binding.id)
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
    let lists = |server: ServerIndex, native: &str| lists(&index.servers[server as usize], list, native);
    let (readings, of_objects) = (route::readings(exchange, name), route::readings_by_object(exchange, name));
    let listed = |(server, native): &(ServerIndex, &str)| lists(*server, native);
    let spelled = |(server, native): (ServerIndex, &'n str)| Meant { server, native: native.into() };
    let native = |server: ServerIndex| Meant { server, native: name.into() };
    of.filter(|server| lists(*server, name))
        .map(native)
        .or_else(|| exact(list))
        .or_else(|| readings.iter().copied().find(listed).map(spelled))
        .or_else(|| bare(exchange, list, name).map(native))
        .or_else(|| of_objects.iter().copied().find(listed).map(spelled))
        .or_else(|| of.map(native))
        .or_else(|| readings.first().or(of_objects.first()).copied().map(spelled))
}

/// The first server that lists this name and whose it may be called, else the first that lists it.
fn bare(exchange: &Exchange<'_>, list: List, name: &str) -> Option<ServerIndex> {
    let all = (0..).zip(&exchange.view.index.servers);
    let listing: Vec<ServerIndex> =
        all.filter(|(_, server)| lists(server, list, name)).map(|(server, _)| server).collect();
    let may = |server: &ServerIndex| exchange.permit(*server, list.item(name)).is_some();
    listing.iter().copied().find(may).or_else(|| listing.first().copied())
}

fn lists(server: &ServerLists, list: List, native: &str) -> bool {
    server.catalogue().of(list).entries.iter().any(|entry| entry.name == native)
}

/// A URI that no list has: of the server that its form names, or of the first with a template that makes it.
fn uri<'n>(exchange: &Exchange<'_>, uri: &'n str) -> Option<Meant<'n>> {
    let view = exchange.view;
    let declared = (0..).zip(&view.table.snapshot.servers);
    let read = declared.filter_map(|(at, server)| Some((at, server, native_uri(uri, server)?)));
    let may: Vec<(ServerIndex, &Server, &str)> = read.collect();
    let named = || may.iter().find(|(_, server, _)| is_qualified(uri) || server.uri_prefix.is_some());
    let makes = |at: ServerIndex, native: &str| {
        let templates = &view.index.servers[at as usize].catalogue().of(List::Templates).entries;
        templates.iter().any(|template| may_make(&template.name, native))
    };
    let made = || may.iter().find(|(at, _, native)| makes(*at, native));
    named().or_else(made).map(|(server, _, native)| Meant { server: *server, native: (*native).into() })
}

/// Of the caller's bindings the one that comes furthest, and what is in its way, if anything is.
fn furthest<'e>(exchange: &Exchange<'e>, server: ServerIndex, item: Item<'_>) -> (Option<&'e str>, Option<Obstacle>) {
    let snapshot = &exchange.view.table.snapshot;
    let each = exchange.caller.bindings().map(|binding| {
        let obstacle = snapshot.obstacle(binding, exchange.now, server, item);
        (&*binding.id, obstacle)
    });
    match each.max_by_key(|(_, obstacle)| (obstacle.is_none(), *obstacle)) {
        Some((binding, obstacle)) => (Some(binding), obstacle),
        None => (None, None),
    }
}

/// What is in the way though the access rule is not.
fn reason(exchange: &Exchange<'_>, list: List, meant: &Meant<'_>) -> Reason {
    let Meant { server, native } = meant;
    let (table, server) = (&exchange.view.table, *server);
    if !exchange.caller.reaches(&table.snapshot, server) {
        return Reason::InternalOnly;
    }
    if !exchange.scope.holds(table, server, list.item(native)) {
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

/// Who named a server, and when.
type Asker<'r> = (&'r Caller<'r>, UnixSeconds);

/// Tells of a server that its caller named and was not given.
pub fn of_server(gateway: &Gateway, view: &View, (caller, now): Asker<'_>, name: &str) -> Option<RequestId> {
    let (server, reason) = named(view, (caller, now), name);
    tell_of_server(gateway, view, caller, (server, reason, name))
}

/// Tells of names in a path that leave their caller nothing.
pub fn of_scope(gateway: &Gateway, view: &View, (caller, now): Asker<'_>, names: &str) -> Option<RequestId> {
    let all = names.split(',').take(MAX_NAMES).map(|name| (named(view, (caller, now), name.trim()), name.trim()));
    // Of several names the log has the one that means something: the others may be anything.
    let ((server, reason), name) = all.max_by_key(|((server, _), _)| server.is_some())?;
    tell_of_server(gateway, view, caller, (server, reason, name))
}

fn named(view: &View, (caller, now): Asker<'_>, name: &str) -> (Option<ServerIndex>, Reason) {
    let table = &view.table;
    let snapshot = &table.snapshot;
    let server = match table.named(name) {
        Some(Named::Server(server) | Named::Object(server)) => server,
        Some(Named::Group(_)) => return (None, Reason::ServerNotGranted),
        None => return (None, Reason::UnknownName),
    };
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
    caller: &Caller<'_>,
    (server, reason, name): (Option<ServerIndex>, Reason, &str),
) -> Option<RequestId> {
    let table = &view.table;
    gateway.deny_request(&Denial {
        caller: Some(caller.id()),
        binding: first(caller),
        name: Some(name).filter(|_| reason != Reason::UnknownName),
        server: server.map(|server| &*table.snapshot.servers[server as usize].id),
        ..Denial::new(reason, table.version.revision)
    })
}
