//! The four lists, each from memory: what the caller may use of each server.

use std::collections::HashSet;

use crds::digest::cut;
use crds::snapshot::{Digest128, Server, ServerIndex};
use futures_util::future::join_all;
use sha2::{Digest, Sha256};

use crate::catalogue::{Catalogue, Entry, List, Listing, State};
use crate::discovery;
use crate::exchange::{Answer, Exchange};
use crate::index::{At, Published, publish};
use crate::json;
use crate::published::qualified;
use crate::upstream::Outcome;

/// How long a modern client may keep a list, in milliseconds.
const TTL_MS: u32 = 5000;

/// A server's part of a list.
pub struct Part {
    /// How many entries it has.
    pub entries: u32,
    /// Why the server has no current list.
    pub missing: Option<Outcome>,
}

impl Part {
    /// Whether nothing is known of what the server lists.
    pub fn is_lost(&self) -> bool {
        self.missing.is_some() && self.entries == 0
    }
}

/// How entries are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Under their published names.
    Published,
    /// Under their native names, each with whose it is in LiteLLM's `mcp_info`.
    Native,
}

/// Answers one of the `list` methods. Everything is on one page.
pub async fn answer(exchange: &Exchange<'_>, list: List, id: &[u8]) -> Answer {
    let mut out = Vec::with_capacity(16 * 1024);
    out.extend_from_slice(format!(r#"{{"{}":["#, list.member()).as_bytes());
    let parts = gather(exchange, (list, Form::Published), &mut out).await;
    finish(exchange, list, id, (&parts, out))
}

/// A digest of what lists show.
pub async fn digest(exchange: &Exchange<'_>, lists: &[List]) -> Digest128 {
    let mut hash = Sha256::new();
    for list in lists {
        let mut out = vec![b'['];
        gather(exchange, (*list, Form::Published), &mut out).await;
        hash.update(&out);
    }
    cut(hash.finalize())
}

/// Writes the entries of a list; gives its parts in the snapshot's order of servers.
pub async fn gather(exchange: &Exchange<'_>, list: (List, Form), out: &mut Vec<u8>) -> Vec<(ServerIndex, Part)> {
    let (list, form) = list;
    let servers = exchange.servers(list);
    let mut parts = Vec::with_capacity(servers.size_hint().0);
    let mut of_callers = Vec::new();
    for server in servers {
        let part = exchange.caller_part(server);
        match &exchange.view.upstreams[server as usize] {
            Some(upstreams) if part.digest().is_some() => {
                of_callers.push(async move {
                    let catalogue = discovery::of_caller(upstreams, exchange.caller, part, list).await;
                    (server, catalogue)
                });
            }
            Some(_) => parts.push((server, from_index(exchange, (list, form), server, out))),
            None => parts.push((server, Part { entries: 0, missing: Some(Outcome::Unreachable) })),
        }
    }
    let mut taken = HashSet::new();
    for (server, catalogue) in join_all(of_callers).await {
        parts.push((server, from_catalogue(exchange, (list, form), (server, &catalogue), &mut taken, out)));
    }
    parts.sort_unstable_by_key(|(server, _)| *server);
    parts
}

fn from_index(exchange: &Exchange<'_>, (list, form): (List, Form), server: ServerIndex, out: &mut Vec<u8>) -> Part {
    let index = &exchange.view.index;
    let of_server = &index.servers[server as usize];
    let mut entries = 0;
    for (at, published) in of_server.published(list).iter().enumerate() {
        let at = At { server, entry: at as u32 };
        let native = of_server.native(list, at.entry);
        if !may_use(exchange, list, server, native) {
            continue;
        }
        if index.is_visible(list, at) {
            write_as(exchange, form, (server, native, published), out);
        } else if list.has_uris() && !published.repeated {
            write(&qualify(exchange, server, native), out);
        } else {
            continue;
        }
        entries += 1;
    }
    Part { entries, missing: missing(of_server.catalogue().of(list)) }
}

/// A list of the caller's own. `taken`: names that earlier ones have, which a call of such a name leads to.
fn from_catalogue(
    exchange: &Exchange<'_>,
    (list, form): (List, Form),
    (server, catalogue): (ServerIndex, &Catalogue),
    taken: &mut HashSet<String>,
    out: &mut Vec<u8>,
) -> Part {
    let snapshot = &exchange.view.table.snapshot;
    let listing = catalogue.of(list);
    let published = publish(list, &listing.entries, &snapshot.servers[server as usize], &snapshot.settings);
    let mut entries = 0;
    for (native, published) in listing.entries.iter().zip(published) {
        if published.repeated || !may_use(exchange, list, server, native) {
            continue;
        }
        let free = exchange.view.index.leaves_name(list, &published.name, server);
        if free && !taken.contains(&published.name) {
            write_as(exchange, form, (server, native, &published), out);
            taken.insert(published.name);
        } else if list.has_uris() {
            write(&qualify(exchange, server, native), out);
        } else {
            continue;
        }
        entries += 1;
    }
    Part { entries, missing: missing(listing) }
}

fn may_use(exchange: &Exchange<'_>, list: List, server: ServerIndex, native: &Entry) -> bool {
    native.exists_in(exchange.revision) && exchange.permit(server, list.item(&native.name)).is_some()
}

fn qualify(exchange: &Exchange<'_>, server: ServerIndex, native: &Entry) -> bytes::Bytes {
    native.json_as(&qualified(&native.name, &exchange.view.table.snapshot.servers[server as usize]))
}

fn write_as(
    exchange: &Exchange<'_>,
    form: Form,
    (server, native, published): (ServerIndex, &Entry, &Published),
    out: &mut Vec<u8>,
) {
    match form {
        Form::Published => write(published.json_for(exchange.revision), out),
        Form::Native => {
            let info = info(&exchange.view.table.snapshot.servers[server as usize], &native.name);
            write(&native.json_with("mcp_info", &info), out);
        }
    }
}

/// Whose an entry is, in LiteLLM's words, and what it costs. The name is the published one: it is understood wherever a
/// client may name a server. Of single tools only this one is priced: others may not be the caller's to know of.
fn info(server: &Server, tool: &str) -> Vec<u8> {
    let mut info = br#"{"server_name":"#.to_vec();
    json::string(&server.alias, &mut info);
    info.extend_from_slice(br#","server_id":"#);
    json::string(&server.id, &mut info);
    info.extend_from_slice(br#","alias":"#);
    json::string(&server.alias, &mut info);
    if let Some(cost) = &server.cost {
        let default = format!(r#","mcp_server_cost_info":{{"default_cost_per_query":{}"#, cost.per_call);
        info.extend_from_slice(default.as_bytes());
        if let Some(price) = cost.own_of(tool) {
            info.extend_from_slice(br#","tool_name_to_cost_per_query":{"#);
            json::string(tool, &mut info);
            info.extend_from_slice(format!(":{price}}}").as_bytes());
        }
        info.push(b'}');
    }
    info.push(b'}');
    info
}

fn missing(listing: &Listing) -> Option<Outcome> {
    match &listing.state {
        State::Ready => None,
        State::Unknown => Some(Outcome::Timeout),
        State::Failed(error) => Some(error.outcome),
        State::PerCaller => Some(Outcome::AuthRequired),
    }
}

fn write(entry: &[u8], out: &mut Vec<u8>) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    out.extend_from_slice(entry);
}

fn finish(
    exchange: &Exchange<'_>,
    list: List,
    id: &[u8],
    (parts, mut out): (&[(ServerIndex, Part)], Vec<u8>),
) -> Answer {
    out.push(b']');
    if parts.iter().any(|(_, part)| part.missing.is_some()) {
        let mut data = br#"{"litellm.ai/server_outcomes":"#.to_vec();
        outcomes(exchange, list, parts, &mut data);
        data.push(b'}');
        if parts.iter().all(|(_, part)| part.is_lost()) {
            let message = format!("Every MCP server in scope failed to list {}", words(list));
            return Answer::error_with(http::StatusCode::OK, id, (json::INTERNAL_ERROR, &message), Some(&data));
        }
        out.extend_from_slice(br#","_meta":"#);
        out.extend_from_slice(&data);
    }
    if exchange.revision.is_modern() {
        let members = format!(r#","resultType":"complete","ttlMs":{TTL_MS},"cacheScope":"private""#);
        out.extend_from_slice(members.as_bytes());
    }
    out.push(b'}');
    Answer::result(id, &out)
}

/// LiteLLM's account of servers that could not be listed; it knows of tools only, the other lists are told of alike.
pub fn outcomes(exchange: &Exchange<'_>, list: List, parts: &[(ServerIndex, Part)], out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (server, part)) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::string(&exchange.view.table.snapshot.servers[*server as usize].alias, out);
        match part.missing {
            None => {
                let (count, entries) = (counter(list), part.entries);
                out.extend_from_slice(format!(r#":{{"status":"ok","{count}":{entries}}}"#).as_bytes());
            }
            Some(outcome) => out.extend_from_slice(format!(r#":{{"status":"{outcome}"}}"#).as_bytes()),
        }
    }
    out.push(b'}');
}

const fn counter(list: List) -> &'static str {
    match list {
        List::Tools => "tool_count",
        List::Prompts => "prompt_count",
        List::Resources => "resource_count",
        List::Templates => "resource_template_count",
    }
}

const fn words(list: List) -> &'static str {
    match list {
        List::Tools => "tools",
        List::Prompts => "prompts",
        List::Resources => "resources",
        List::Templates => "resource templates",
    }
}
