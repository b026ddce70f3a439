//! From the name that a caller calls to a tool of a server.
//!
//! In this order: the exact published name; a norm-equal spelling of a prefix
//! before the native name; a bare native name. Only what the caller's list
//! shows exists at any step, and two meanings are none. Where the caller's own
//! values may change what a server lists, the caller's own list of it counts.

use std::sync::Arc;

use crds::names::{norm, published_name};
use crds::snapshot::{Item, ServerIndex};
use futures_util::future::join_all;

use crate::catalogue::{Catalogue, NativeTool, State};
use crate::discovery;
use crate::exchange::Exchange;
use crate::index::ToolAt;
use crate::permit::Permit;
use crate::table::Named;
use crate::upstream::{CallerPart, Outcome, UpstreamError};

/// The longest spelling of a prefix that is looked at, in bytes: twice the longest prefix. Bounds the work for a name.
const MAX_SPELLING: usize = 64;

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
        let tool = index.servers[at.server as usize].native(at.tool);
        let native = tool.name.as_str();
        if tool.exists_in(exchange.revision)
            && let Some(permit) = exchange.permit(at.server, Item::Tool(native))
        {
            let part = exchange.caller_part(at.server);
            if part.digest().is_none() {
                let catalogue = index.servers[at.server as usize].catalogue().clone();
                return Target::Tool(Tool::new(permit, part, catalogue, at.tool));
            }
            return Box::pin(listed(exchange, native, permit)).await;
        }
    }
    let own = Box::pin(own_lists(exchange)).await;
    if let Some(tool) = by_published_name(exchange, &own, name) {
        return Target::Tool(tool);
    }
    match Box::pin(by_prefix(exchange, name)).await {
        Some(found) => found,
        None => Box::pin(by_bare_name(exchange, &own, name)).await,
    }
}

/// A server's tools as only this caller sees them.
struct OwnTools {
    server: ServerIndex,
    part: CallerPart,
    catalogue: Arc<Catalogue>,
}

/// The caller's own lists: of each server in scope for which they add something; of none, most often. All are asked at
/// once, so that together they take no longer than one.
async fn own_lists(exchange: &Exchange<'_>) -> Vec<OwnTools> {
    let access = exchange.view.table.access(exchange.caller, exchange.now);
    let servers = access.iter().map(|(server, _)| *server).filter(|server| exchange.scope.holds_server(*server));
    let lists = servers.filter_map(|server| {
        let upstreams = exchange.view.upstreams[server as usize].as_ref()?;
        let part = exchange.caller_part(server);
        part.digest()?;
        Some(async move {
            let catalogue = discovery::of_caller(upstreams, exchange.caller, part.clone()).await;
            OwnTools { server, part, catalogue }
        })
    });
    join_all(lists).await
}

/// The tool that goes by this published name in a list of the caller's own: of the earliest server, as the list has it.
fn by_published_name(exchange: &Exchange<'_>, own: &[OwnTools], name: &str) -> Option<Tool> {
    own.iter().filter(|list| exchange.view.index.leaves_name(name, list.server)).find_map(|list| {
        let mut tools = list.catalogue.tools.iter();
        let goes_by = |tool: &NativeTool| published(exchange, list.server, &tool.name) == name;
        let position = tools.position(|tool| tool.exists_in(exchange.revision) && goes_by(tool))?;
        let permit = exchange.permit(list.server, Item::Tool(&list.catalogue.tools[position].name))?;
        Some(Tool::new(permit, list.part.clone(), list.catalogue.clone(), position as u32))
    })
}

fn published(exchange: &Exchange<'_>, server: ServerIndex, native: &str) -> String {
    let snapshot = &exchange.view.table.snapshot;
    let (settings, prefix) = (&snapshot.settings, snapshot.servers[server as usize].prefix.as_deref());
    published_name(prefix, &settings.separator, native, settings.max_tool_name_length)
}

/// The tool, if the server lists it to this caller, whose own values may change that, and it goes by its published name.
async fn listed(exchange: &Exchange<'_>, native: &str, permit: Permit) -> Target {
    let server = permit.server();
    let index = &exchange.view.index;
    let Some(upstreams) = &exchange.view.upstreams[server as usize] else {
        return Target::Down(server, UpstreamError::new(Outcome::Unreachable, "a Secret that it needs cannot be used"));
    };
    let part = exchange.caller_part(server);
    let own = part.digest().is_some();
    let catalogue = if own {
        discovery::of_caller(upstreams, exchange.caller, part.clone()).await
    } else {
        index.servers[server as usize].catalogue().clone()
    };
    let is_it = |tool: &NativeTool| tool.name == native && tool.exists_in(exchange.revision);
    let Some(position) = catalogue.tools.iter().position(is_it) else {
        return match &catalogue.state {
            State::Failed(error) => Target::Down(server, error.clone()),
            State::Unknown => Target::Down(server, UpstreamError::timeout("the first tools/list")),
            State::Ready => Target::Unknown,
        };
    };
    let position = position as u32;
    let shown =
        if own { leaves_name(exchange, server, native) } else { index.is_visible(ToolAt { server, tool: position }) };
    if shown { Target::Tool(Tool::new(permit, part, catalogue, position)) } else { Target::Unknown }
}

/// Whether no other server's tool has the published name of this one, for all callers.
fn leaves_name(exchange: &Exchange<'_>, server: ServerIndex, native: &str) -> bool {
    exchange.view.index.leaves_name(&published(exchange, server, native), server)
}

/// What spellings of prefixes lead to; none where they lead to nothing.
async fn by_prefix(exchange: &Exchange<'_>, name: &str) -> Option<Target> {
    let (mut tools, mut down) = (Vec::new(), None);
    for (server, native) in readings(exchange, name) {
        let Some(permit) = exchange.permit(server, Item::Tool(native)) else { continue };
        match listed(exchange, native, permit).await {
            Target::Unknown => {}
            Target::Down(server, error) => down = Some(Target::Down(server, error)),
            found @ Target::Tool(_) => tools.push(found),
        }
    }
    match tools.pop() {
        None => down,
        Some(tool) if tools.is_empty() => Some(tool),
        Some(_) => Some(Target::Unknown),
    }
}

/// Every way to read a name as a spelling of a server's prefix, separator and native name. A separator may overlap
/// with characters that do not count in a spelling, as in `a___b`.
fn readings<'n>(exchange: &Exchange<'_>, name: &'n str) -> Vec<(ServerIndex, &'n str)> {
    let table = &exchange.view.table;
    let separator = table.snapshot.settings.separator.as_str();
    let cuts = name.char_indices().map(|(at, _)| at).take_while(|at| *at <= MAX_SPELLING);
    let readings = cuts.filter_map(|at| {
        let native = name[at..].strip_prefix(separator)?;
        let Some(Named::Server(server)) = table.named(&name[..at]) else { return None };
        // Headers name a server by its alias too; the names of tools begin with the prefix.
        let prefix = table.snapshot.servers[server as usize].prefix.as_deref()?;
        (norm(prefix) == norm(&name[..at])).then_some((server, native))
    });
    readings.collect()
}

/// The one tool of that native name that goes by its published name and that the caller may use.
async fn by_bare_name(exchange: &Exchange<'_>, own: &[OwnTools], name: &str) -> Target {
    let index = &exchange.view.index;
    let mut only = None;
    for (server, _) in exchange.view.table.access(exchange.caller, exchange.now) {
        let own = own.iter().find(|list| list.server == *server);
        let catalogue = own.map_or_else(|| index.servers[*server as usize].catalogue(), |list| &list.catalogue);
        let is_it = |tool: &NativeTool| tool.name == name && tool.exists_in(exchange.revision);
        let Some(position) = catalogue.tools.iter().position(is_it) else { continue };
        let shown = match own {
            Some(_) => leaves_name(exchange, *server, name),
            None => index.is_visible(ToolAt { server: *server, tool: position as u32 }),
        };
        if !shown {
            continue;
        }
        let Some(permit) = exchange.permit(*server, Item::Tool(name)) else { continue };
        if only.replace(permit).is_some() {
            return Target::Unknown;
        }
    }
    match only {
        Some(permit) => listed(exchange, name, permit).await,
        None => Target::Unknown,
    }
}
