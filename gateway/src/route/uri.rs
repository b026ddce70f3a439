//! From a URI to a resource, and from a URI template to a template.
//!
//! A URI leads, in this order: to the resource that is published by it; to the
//! server that its qualified form or its `uriPrefix` names; to the earliest
//! server with a template that may make it; to the one server with resources
//! that the caller may ask for it. Reading what no list shows needs a grant for that URI (R11).

use crds::snapshot::{Item, ServerIndex};

use super::own::{OwnLists, own_lists};
use super::{Called, Found, Target, published_to_all};
use crate::catalogue::{List, State};
use crate::exchange::Exchange;
use crate::permit::Permit;
use crate::published::{is_qualified, native_uri};
use crate::uri_template::may_make;

/// Finds the resource to read.
pub async fn resource(exchange: &Exchange<'_>, uri: &str) -> Target {
    match published_in(exchange, List::Resources, uri).await {
        Ok(found) => found,
        Err(own) => unlisted(exchange, &own, uri),
    }
}

/// Finds the template, or the resource, whose arguments are to be completed.
pub async fn template(exchange: &Exchange<'_>, uri: &str) -> Target {
    match published_in(exchange, List::Templates, uri).await {
        Ok(found) => found,
        Err(_) => resource(exchange, uri).await,
    }
}

/// What goes by this URI in the lists that the caller sees; else the caller's own lists, to look on. What others list is
/// not asked: it must not show by another answer.
async fn published_in(exchange: &Exchange<'_>, list: List, uri: &str) -> Result<Target, OwnLists> {
    if uri.len() > list.longest_called() {
        return Ok(Target::Unknown);
    }
    if let Some(found) = published_to_all(exchange, list, uri).await {
        return Ok(found);
    }
    let own = Box::pin(own_lists(exchange, list)).await;
    match own.find(exchange, list, uri) {
        Some(found) => Ok(Target::Found(found)),
        None => Err(own),
    }
}

/// A server that may have a resource which no list shows.
struct Candidate<'u> {
    permit: Permit,
    native: &'u str,
    /// The URI names the server, by its qualified form or by `uriPrefix`.
    named: bool,
    /// One of the server's templates may make it.
    made: bool,
}

fn unlisted(exchange: &Exchange<'_>, own: &OwnLists, uri: &str) -> Target {
    let servers = exchange.servers(List::Resources);
    let mut candidates: Vec<Candidate<'_>> =
        servers.filter_map(|server| candidate(exchange, own, server, uri)).collect();
    let by = |test: fn(&Candidate<'_>) -> bool| candidates.iter().position(test);
    let chosen = match by(|candidate| candidate.named).or_else(|| by(|candidate| candidate.made)) {
        Some(position) => candidates.swap_remove(position),
        None => match candidates.pop() {
            Some(only) if candidates.is_empty() => only,
            _ => return Target::Unknown,
        },
    };
    let server = chosen.permit.server();
    let called = Called::uri(server, chosen.native);
    Target::Found(Found { permit: chosen.permit, part: exchange.caller_part(server), called })
}

fn candidate<'u>(exchange: &Exchange<'_>, own: &OwnLists, server: ServerIndex, uri: &'u str) -> Option<Candidate<'u>> {
    let declared = &exchange.view.table.snapshot.servers[server as usize];
    let native = native_uri(uri, declared)?;
    let index = &exchange.view.index.servers[server as usize];
    let catalogue = own.of(server).unwrap_or_else(|| index.catalogue());
    // Until a server was asked what it offers it may offer anything.
    let may_have = catalogue.offers.resources || !matches!(catalogue.of(List::Resources).state, State::Ready);
    let permit = exchange.permit(server, Item::Resource(native)).filter(|_| may_have)?;
    let templates = &catalogue.of(List::Templates).entries;
    let made = templates.iter().any(|template| may_make(&template.name, native));
    Some(Candidate { permit, native, named: is_qualified(uri) || declared.uri_prefix.is_some(), made })
}
