//! From a URI to a resource, and from a URI template to a template.
//!
//! A URI leads, in this order: to the resource that is published by it; to the
//! server that its qualified form names; to the earliest server with a template
//! that may make it; to the one server with resources that the caller may ask
//! for it. Reading what no list shows needs a grant for that URI (R11).

use crds::snapshot::{Item, ServerIndex};

use super::own::{OwnLists, own_lists};
use super::{Called, Found, Target, published_to_all};
use crate::catalogue::{Catalogue, List, State};
use crate::exchange::Exchange;
use crate::permit::Permit;
use crate::published::{is_qualified, native_uri};
use crate::uri_template::may_make;

/// The longest URI that is looked at, in bytes: what HTTP servers take (RFC 9110, 4.1). Bounds the work of matching it.
const MAX_URI: usize = 8000;

/// Finds the resource to read.
pub async fn resource(exchange: &Exchange<'_>, uri: &str) -> Target {
    if uri.len() > MAX_URI {
        return Target::Unknown;
    }
    match published_in(exchange, List::Resources, uri).await {
        Ok(found) => found,
        Err(own) => unlisted(exchange, &own, uri),
    }
}

/// Finds the template, or the resource, whose arguments are to be completed.
pub async fn template(exchange: &Exchange<'_>, uri: &str) -> Target {
    if uri.len() > MAX_URI {
        return Target::Unknown;
    }
    match published_in(exchange, List::Templates, uri).await {
        Ok(found) => found,
        Err(_) => resource(exchange, uri).await,
    }
}

/// What goes by this URI in the lists; else the caller's own lists, to look on. A URI of another server's entry, which
/// the caller may not use, is nobody else's.
async fn published_in(exchange: &Exchange<'_>, list: List, uri: &str) -> Result<Target, OwnLists> {
    if let Some(found) = published_to_all(exchange, list, uri).await {
        return Ok(found);
    }
    let own = Box::pin(own_lists(exchange, list)).await;
    if let Some(found) = own.find(exchange, list, uri) {
        return Ok(Target::Found(found));
    }
    if exchange.view.index.find(list, uri).is_some() { Ok(Target::Unknown) } else { Err(own) }
}

/// A server that may have a resource which no list shows.
struct Candidate<'u> {
    permit: Permit,
    native: &'u str,
    made_by_template: bool,
}

fn unlisted(exchange: &Exchange<'_>, own: &OwnLists, uri: &str) -> Target {
    let servers = exchange.servers(List::Resources);
    let mut candidates: Vec<Candidate<'_>> =
        servers.filter_map(|server| candidate(exchange, own, server, uri)).collect();
    let chosen = match candidates.iter().position(|candidate| candidate.made_by_template) {
        Some(position) => candidates.swap_remove(position),
        None => match candidates.pop() {
            Some(only) if candidates.is_empty() => only,
            _ => return Target::Unknown,
        },
    };
    let server = chosen.permit.server();
    if let State::Failed(error) = &catalogue(exchange, own, server).of(List::Resources).state {
        return Target::Down(server, error.clone());
    }
    let called = Called::uri(server, chosen.native);
    Target::Found(Found { permit: chosen.permit, part: exchange.caller_part(server), called })
}

fn candidate<'u>(exchange: &Exchange<'_>, own: &OwnLists, server: ServerIndex, uri: &'u str) -> Option<Candidate<'u>> {
    let native = native_uri(uri, &exchange.view.table.snapshot.servers[server as usize])?;
    let catalogue = catalogue(exchange, own, server);
    // Until a server was asked what it offers it may offer anything.
    let may_have = catalogue.offers.resources || matches!(catalogue.of(List::Resources).state, State::Failed(_));
    let permit = exchange.permit(server, Item::Resource(native)).filter(|_| may_have)?;
    let templates = &catalogue.of(List::Templates).entries;
    let made_by_template = is_qualified(uri) || templates.iter().any(|template| may_make(&template.name, native));
    Some(Candidate { permit, native, made_by_template })
}

fn catalogue<'c>(exchange: &'c Exchange<'_>, own: &'c OwnLists, server: ServerIndex) -> &'c Catalogue {
    own.of(server).unwrap_or_else(|| exchange.view.index.servers[server as usize].catalogue())
}
