//! From the name that a caller calls to a tool of a server.
//!
//! In this order (ACCESS.md): the exact published name; a norm-equal spelling
//! of a prefix before the native name; a bare native name, if the caller may
//! use exactly one tool of that name. What the caller may not use does not
//! exist at any step.

use std::sync::Arc;

use crds::snapshot::ServerIndex;

use crate::catalogue::{Catalogue, NativeTool, State};
use crate::discovery;
use crate::exchange::Exchange;
use crate::permit::Permit;
use crate::table::Named;
use crate::upstream::{CallerPart, Outcome, UpstreamError};

/// What a called name leads to.
pub enum Target {
    /// A tool that the caller may use.
    Tool(Tool),
    /// A server that the caller may use, whose tools are not known because it cannot be reached.
    Down(ServerIndex, UpstreamError),
    /// Nothing, for this caller.
    Unknown,
}

/// A tool, the leave to use it, and what the caller adds to the request.
pub struct Tool {
    /// The leave.
    pub permit: Permit,
    /// What the caller adds.
    pub part: CallerPart,
    /// Which tool.
    pub called: Called,
}

/// A tool of a server, as the server lists it.
#[derive(Clone)]
pub struct Called {
    /// The server.
    pub server: ServerIndex,
    catalogue: Arc<Catalogue>,
    position: u32,
}

impl Tool {
    fn new(permit: Permit, part: CallerPart, catalogue: Arc<Catalogue>, position: u32) -> Self {
        let called = Called { server: permit.server(), catalogue, position };
        Self { permit, part, called }
    }
}

impl Called {
    /// The tool as its server knows it.
    pub fn native(&self) -> &NativeTool {
        &self.catalogue.tools[self.position as usize]
    }
}

/// Finds the tool that a name calls.
pub async fn route(exchange: &Exchange<'_>, name: &str) -> Target {
    let index = &exchange.view.index;
    if let Some(at) = index.find(name) {
        let of_server = &index.servers[at.server as usize];
        let native = of_server.native(at.tool).name.as_str();
        if let Some(permit) = exchange.permit(at.server, native) {
            let part = exchange.caller_part(at.server);
            if part.digest().is_none() {
                return Target::Tool(Tool::new(permit, part, of_server.catalogue().clone(), at.tool));
            }
            return Box::pin(in_own_list(exchange, native, permit, part)).await;
        }
    }
    match Box::pin(by_prefix(exchange, name)).await {
        Target::Unknown => by_bare_name(exchange, name),
        found => found,
    }
}

/// The tool in what the server lists to this caller, whose own values may change that.
async fn in_own_list(exchange: &Exchange<'_>, native: &str, permit: Permit, part: CallerPart) -> Target {
    let server = permit.server();
    let Some(upstreams) = &exchange.view.upstreams[server as usize] else {
        return Target::Down(server, UpstreamError::new(Outcome::Unreachable, "a Secret that it needs cannot be used"));
    };
    let catalogue = match part.digest() {
        None => exchange.view.index.servers[server as usize].catalogue().clone(),
        Some(_) => discovery::for_caller(upstreams, &upstreams.open(&exchange.caller.id, part.clone())).await,
    };
    let found = catalogue.tools.iter().position(|tool| tool.name == native);
    match (found, &catalogue.state) {
        (Some(position), _) => Target::Tool(Tool::new(permit, part, catalogue, position as u32)),
        (None, State::Failed(error)) => Target::Down(server, error.clone()),
        (None, State::Unknown) => Target::Down(server, UpstreamError::timeout("the first tools/list")),
        (None, State::Ready) => Target::Unknown,
    }
}

async fn by_prefix(exchange: &Exchange<'_>, name: &str) -> Target {
    let table = &exchange.view.table;
    let separator = table.snapshot.settings.separator.as_str();
    let mut down = Target::Unknown;
    for (at, _) in name.match_indices(separator) {
        let Some(Named::Server(server)) = table.named(&name[..at]) else { continue };
        let native = &name[at + separator.len()..];
        let Some(permit) = exchange.permit(server, native) else { continue };
        let part = exchange.caller_part(server);
        match in_own_list(exchange, native, permit, part).await {
            Target::Unknown => {}
            Target::Down(server, error) => down = Target::Down(server, error),
            found @ Target::Tool(_) => return found,
        }
    }
    down
}

fn by_bare_name(exchange: &Exchange<'_>, name: &str) -> Target {
    let access = exchange.view.table.access(exchange.caller, exchange.now);
    let mut only = None;
    for (server, _) in access {
        let Some(permit) = exchange.permit(*server, name) else { continue };
        let catalogue = exchange.view.index.servers[*server as usize].catalogue();
        let Some(position) = catalogue.tools.iter().position(|tool| tool.name == name) else { continue };
        let part = exchange.caller_part(*server);
        let tool = Tool::new(permit, part, catalogue.clone(), position as u32);
        if only.replace(tool).is_some() {
            return Target::Unknown;
        }
    }
    only.map_or(Target::Unknown, Target::Tool)
}
