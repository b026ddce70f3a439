//! What a caller may know of servers and groups, in LiteLLM's words: those that it may use, and nothing of where they are
//! or what they are told.

use crds::snapshot::{AuthScheme, Group, HttpWire, Server, ServerIndex, TokenGrant, Transport};
use http::Response;
use serde::Serialize;

use super::{named, refusal, written};
use crate::body::Body;
use crate::catalogue::State;
use crate::denial;
use crate::exchange::Exchange;
use crate::gateway::View;

/// A server.
#[derive(Serialize)]
struct Described<'v> {
    server_id: &'v str,
    server_name: &'v str,
    alias: &'v str,
    transport: &'static str,
    auth_type: &'static str,
    mcp_access_groups: Vec<&'v str>,
    is_config: bool,
}

/// How a server is.
#[derive(Serialize)]
struct Health<'v> {
    server_id: &'v str,
    status: &'static str,
}

#[derive(Serialize)]
struct Groups<'v> {
    access_groups: Vec<&'v str>,
}

/// Every server that the caller may use.
pub(super) fn all(exchange: &Exchange<'_>) -> Response<Body> {
    let described: Vec<_> = usable(exchange).map(|server| describe(exchange, server)).collect();
    written(&described)
}

/// The one of this name.
pub(super) fn one(exchange: &Exchange<'_>, name: &str) -> Response<Body> {
    let found = named::server(exchange.view, (exchange.caller, exchange.now), name);
    if let Some(server) = found.filter(|server| exchange.scope.holds_server(*server)) {
        return written(&describe(exchange, server));
    }
    let asker = (exchange.caller, exchange.now);
    refusal::no_such_server(denial::of_server(exchange.gateway, exchange.view, asker, name))
}

/// How each of them is, as this process knows it: nothing is asked for that.
pub(super) fn health(exchange: &Exchange<'_>) -> Response<Body> {
    let health = |server| Health { server_id: &of(exchange.view, server).id, status: status(exchange.view, server) };
    written(&usable(exchange).map(health).collect::<Vec<_>>())
}

/// The names by which the caller may narrow a request to a group, where that leaves something.
pub(super) fn groups(exchange: &Exchange<'_>) -> Response<Body> {
    let has_usable = |group: &&Group| usable(exchange).any(|server| has(exchange, group, server));
    written(&Groups { access_groups: admitting(exchange).filter(has_usable).map(|group| &*group.name).collect() })
}

fn usable(exchange: &Exchange<'_>) -> impl Iterator<Item = ServerIndex> {
    let access = exchange.caller.access(&exchange.view.table, exchange.now);
    let servers = (0..access.len()).map(move |at| access[at].0);
    servers.filter(|server| exchange.scope.holds_server(*server))
}

fn admitting<'v>(exchange: &Exchange<'v>) -> impl Iterator<Item = &'v Group> {
    let (caller, now) = (exchange.caller, exchange.now);
    exchange.view.table.snapshot.groups.iter().filter(move |group| caller.is_admitted_to(group, now))
}

fn has(exchange: &Exchange<'_>, group: &Group, server: ServerIndex) -> bool {
    let members = &exchange.view.table.snapshot.access[group.members as usize];
    members.binary_search_by_key(&server, |entry| entry.0).is_ok()
}

fn of(view: &View, server: ServerIndex) -> &Server {
    &view.table.snapshot.servers[server as usize]
}

fn describe<'v>(exchange: &Exchange<'v>, server: ServerIndex) -> Described<'v> {
    let groups = admitting(exchange).filter(|group| has(exchange, group, server));
    let described = of(exchange.view, server);
    Described {
        server_id: &described.id,
        server_name: &described.alias,
        alias: &described.alias,
        transport: match &described.transport {
            Transport::Http { wire: HttpWire::Sse, .. } => "sse",
            Transport::Http { wire: HttpWire::Auto | HttpWire::Streamable, .. } => "http",
            Transport::Stdio { .. } => "stdio",
        },
        auth_type: match &described.auth.scheme {
            AuthScheme::None => "none",
            AuthScheme::Header(name) if name == "authorization" => "authorization",
            AuthScheme::Header(_) => "api_key",
            AuthScheme::Bearer => "bearer_token",
            AuthScheme::Basic => "basic",
            AuthScheme::Token => "token",
            AuthScheme::Fetched(request) => match request.grant {
                TokenGrant::ClientCredentials => "oauth2",
                TokenGrant::Exchange { .. } | TokenGrant::OnBehalfOf => "oauth2_token_exchange",
            },
        },
        mcp_access_groups: groups.map(|group| &*group.name).collect(),
        // Nobody can change it here.
        is_config: true,
    }
}

fn status(view: &View, server: ServerIndex) -> &'static str {
    if view.upstreams[server as usize].is_none() {
        return "unhealthy";
    }
    match view.index.servers[server as usize].catalogue().state() {
        State::Ready => "healthy",
        State::Unknown | State::PerCaller => "unknown",
        State::Failed(_) => "unhealthy",
    }
}
