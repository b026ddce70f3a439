//! `tools/list`: from memory, what the caller may use of each server.

use std::collections::HashSet;

use crds::snapshot::{Item, ServerIndex};
use futures_util::future::join_all;

use crate::catalogue::{Catalogue, State};
use crate::discovery;
use crate::exchange::{Answer, Exchange};
use crate::index::{ToolAt, publish};
use crate::json;

/// How long a modern client may keep a list, in milliseconds.
const TTL_MS: u32 = 5000;

/// A server's part of a list.
struct Part {
    tools: u32,
    /// Why the server has no current list.
    missing: Option<&'static str>,
}

/// Answers `tools/list`. Everything is on one page.
pub async fn tools(exchange: &Exchange<'_>, id: &[u8]) -> Answer {
    let access = exchange.view.table.access(exchange.caller, exchange.now);
    let servers = access.iter().map(|(server, _)| *server).filter(|server| exchange.scope.holds_server(*server));
    let mut out = Vec::with_capacity(16 * 1024);
    out.extend_from_slice(br#"{"tools":["#);
    let mut parts = Vec::with_capacity(servers.size_hint().0);
    let mut of_callers = Vec::new();
    for server in servers {
        let part = exchange.caller_part(server);
        match &exchange.view.upstreams[server as usize] {
            Some(upstreams) if part.digest().is_some() => {
                of_callers.push(async move {
                    let list = discovery::of_caller(upstreams, exchange.caller, part).await;
                    (server, list)
                });
            }
            Some(_) => parts.push((server, from_index(exchange, server, &mut out))),
            None => parts.push((server, Part { tools: 0, missing: Some("unreachable") })),
        }
    }
    let mut taken = HashSet::new();
    for (server, catalogue) in join_all(of_callers).await {
        parts.push((server, from_catalogue(exchange, (server, &catalogue), &mut taken, &mut out)));
    }
    finish(exchange, id, &mut parts, out)
}

fn from_index(exchange: &Exchange<'_>, server: ServerIndex, out: &mut Vec<u8>) -> Part {
    let index = &exchange.view.index;
    let of_server = &index.servers[server as usize];
    let mut tools = 0;
    for (at, published) in of_server.tools.iter().enumerate() {
        let at = ToolAt { server, tool: at as u32 };
        let native = of_server.native(at.tool);
        let shown = index.is_visible(at) && native.exists_in(exchange.revision);
        if shown && exchange.permit(server, Item::Tool(&native.name)).is_some() {
            write(&published.json, out);
            tools += 1;
        }
    }
    Part { tools, missing: missing(of_server.catalogue()) }
}

/// A list of the caller's own. `taken`: names that earlier ones have, which a call of such a name leads to.
fn from_catalogue(
    exchange: &Exchange<'_>,
    (server, catalogue): (ServerIndex, &Catalogue),
    taken: &mut HashSet<String>,
    out: &mut Vec<u8>,
) -> Part {
    let snapshot = &exchange.view.table.snapshot;
    let published = publish(&catalogue.tools, &snapshot.servers[server as usize], &snapshot.settings);
    let mut tools = 0;
    for (native, published) in catalogue.tools.iter().zip(published) {
        let free = exchange.view.index.leaves_name(&published.name, server) && native.exists_in(exchange.revision);
        if free && exchange.permit(server, Item::Tool(&native.name)).is_some() && taken.insert(published.name) {
            write(&published.json, out);
            tools += 1;
        }
    }
    Part { tools, missing: missing(catalogue) }
}

fn missing(catalogue: &Catalogue) -> Option<&'static str> {
    match &catalogue.state {
        State::Ready => None,
        State::Unknown => Some("timeout"),
        State::Failed(error) => Some(error.outcome.as_str()),
    }
}

fn write(tool: &[u8], out: &mut Vec<u8>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    out.extend_from_slice(tool);
}

fn finish(exchange: &Exchange<'_>, id: &[u8], parts: &mut [(ServerIndex, Part)], mut out: Vec<u8>) -> Answer {
    out.push(b']');
    parts.sort_unstable_by_key(|(server, _)| *server);
    if parts.iter().any(|(_, part)| part.missing.is_some()) {
        let outcomes = outcomes(exchange, parts);
        if parts.iter().all(|(_, part)| part.missing.is_some() && part.tools == 0) {
            let message = "Every MCP server in scope failed to list tools";
            return Answer::error_with(http::StatusCode::OK, id, (-32603, message), Some(&outcomes));
        }
        out.extend_from_slice(br#","_meta":"#);
        out.extend_from_slice(&outcomes);
    }
    if exchange.revision.is_modern() {
        let members = format!(r#","resultType":"complete","ttlMs":{TTL_MS},"cacheScope":"private""#);
        out.extend_from_slice(members.as_bytes());
    }
    out.push(b'}');
    Answer::result(id, &out)
}

/// LiteLLM's account of servers that could not be listed.
fn outcomes(exchange: &Exchange<'_>, parts: &[(ServerIndex, Part)]) -> Vec<u8> {
    let mut out = br#"{"litellm.ai/server_outcomes":{"#.to_vec();
    for (at, (server, part)) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::string(&exchange.view.table.snapshot.servers[*server as usize].alias, &mut out);
        match part.missing {
            None => out.extend_from_slice(format!(r#":{{"status":"ok","tool_count":{}}}"#, part.tools).as_bytes()),
            Some(status) => out.extend_from_slice(format!(r#":{{"status":"{status}"}}"#).as_bytes()),
        }
    }
    out.extend_from_slice(b"}}");
    out
}
