//! What LiteLLM serves beside MCP, for clients that were written for it: tools and calls by plain HTTP, and what there
//! is to read of servers and groups. `docs/litellm.md` says what differs.
//!
//! A request is admitted as any other (Host, Origin, key, scope), and what it may see or call is decided by the same
//! `permit`: lists are those of `tools/list`, a call becomes a `tools/call`. Nothing is written here: servers, groups
//! and keys are objects.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use crate::body::Body;
use crate::capabilities::Capabilities;
use crate::denial;
use crate::exchange::Exchange;
use crate::gateway::{Gateway, View};
use crate::hop::Hop;
use crate::proxy::{self, Admitted};
use crate::reject::Reject;
use crate::revision::Revision;
use crate::serve::GoesOn;

mod call;
mod named;
mod refusal;
mod servers;
mod tools;

pub use refusal::refusal;

/// What is asked for, by path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// `/mcp/enabled`
    Enabled,
    /// `/mcp-rest/tools/list`
    ListTools,
    /// `/mcp-rest/tools/call`
    CallTool,
    /// `/v1/mcp/tools`
    Tools,
    /// `/v1/mcp/server`
    Servers,
    /// `/v1/mcp/server/{id}`
    Server,
    /// `/v1/mcp/server/health`
    Health,
    /// `/v1/mcp/access_groups`
    Groups,
    /// Anything else under `/v1/mcp`.
    OtherObject,
    /// Anything else under `/mcp-rest`.
    Nothing,
}

/// What stands before the name of a server.
const SERVER: &str = "/v1/mcp/server/";

impl Endpoint {
    /// The endpoint at a path; none if that is not of this surface. Its first words are reserved: no server has them as
    /// its name.
    pub fn read(path: &str) -> Option<Self> {
        let (of_objects, of_tools) = (path.starts_with("/v1/mcp/"), path.starts_with("/mcp-rest/"));
        if !of_objects && !of_tools && !path.starts_with("/mcp/enabled") {
            return None;
        }
        Some(match path.strip_suffix('/').unwrap_or(path) {
            "/mcp/enabled" => Endpoint::Enabled,
            "/mcp-rest/tools/list" => Endpoint::ListTools,
            "/mcp-rest/tools/call" => Endpoint::CallTool,
            "/v1/mcp/tools" => Endpoint::Tools,
            "/v1/mcp/server" => Endpoint::Servers,
            "/v1/mcp/server/health" => Endpoint::Health,
            "/v1/mcp/access_groups" => Endpoint::Groups,
            path if path.starts_with(SERVER) => Endpoint::Server,
            _ if of_objects => Endpoint::OtherObject,
            _ if of_tools => Endpoint::Nothing,
            _ => return None,
        })
    }

    /// Whether it is about objects, which LiteLLM's clients write here too.
    fn is_of_objects(self) -> bool {
        match self {
            Endpoint::Tools
            | Endpoint::Servers
            | Endpoint::Server
            | Endpoint::Health
            | Endpoint::Groups
            | Endpoint::OtherObject => true,
            Endpoint::Enabled | Endpoint::ListTools | Endpoint::CallTool | Endpoint::Nothing => false,
        }
    }

    /// The method that it takes.
    const fn method(self) -> &'static str {
        match self {
            Endpoint::CallTool => "POST",
            _ => "GET",
        }
    }
}

/// Answers a request.
pub async fn respond(
    gateway: &Arc<Gateway>,
    hop: Hop,
    (endpoint, goes_on): (Endpoint, &GoesOn),
    request: Request<Incoming>,
) -> Result<Response<Body>, Reject> {
    let (parts, body) = request.into_parts();
    let view = gateway.view.load_full();
    if endpoint == Endpoint::CallTool {
        return call::respond(gateway, hop, (&view, goes_on), (&parts, body)).await;
    }
    let head = proxy::read_head(&view, hop, &parts)?;
    if endpoint == Endpoint::Enabled {
        takes(endpoint, &parts)?;
        return Ok(json(StatusCode::OK, br#"{"enabled":true}"#.to_vec()));
    }
    let side = hop.side(&view.table.networks, &parts.headers);
    let mut admitted = proxy::admit_to(gateway, &view, (head, side), None).await?;
    if endpoint == Endpoint::Nothing {
        return Err(Reject::NotFound);
    }
    takes(endpoint, &parts)?;
    let exchange = |admitted| exchange(gateway, &view, &parts, admitted, goes_on);
    match endpoint {
        Endpoint::ListTools => match named::by_query(&view, &mut admitted, parts.uri.query()) {
            Ok(server) => Ok(tools::native(&exchange(&admitted), server).await),
            Err(name) => {
                Ok(refusal::access_denied(denial::of_server(gateway, &view, (&admitted.caller, admitted.now), &name)))
            }
        },
        Endpoint::Tools => Ok(tools::published(&exchange(&admitted)).await),
        Endpoint::Servers => Ok(servers::all(&exchange(&admitted))),
        Endpoint::Server => Ok(servers::one(&exchange(&admitted), &named::of_path(parts.uri.path()))),
        Endpoint::Health => Ok(servers::health(&exchange(&admitted))),
        Endpoint::Groups => Ok(servers::groups(&exchange(&admitted))),
        Endpoint::Enabled | Endpoint::CallTool | Endpoint::OtherObject | Endpoint::Nothing => Err(Reject::NotFound),
    }
}

fn takes(endpoint: Endpoint, parts: &Parts) -> Result<(), Reject> {
    let method = endpoint.method();
    if parts.method.as_str() == method { Ok(()) } else { Err(Reject::Method(method)) }
}

/// A request as the methods of MCP see it: of the newest revision without a session of its own, from a client that can be
/// asked for nothing.
fn exchange<'r>(
    gateway: &'r Arc<Gateway>,
    view: &'r Arc<View>,
    parts: &'r Parts,
    admitted: &'r Admitted<'r>,
    goes_on: &'r GoesOn,
) -> Exchange<'r> {
    Exchange {
        gateway,
        view,
        caller: &admitted.caller,
        identity: &admitted.identity,
        scope: &admitted.scope,
        head: &admitted.head,
        headers: &parts.headers,
        path: parts.uri.path(),
        revision: Revision::NEWEST_LEGACY,
        session: None,
        capabilities: Capabilities::default(),
        goes_on,
        now: admitted.now,
    }
}

/// Texts and lists of them: writing them as JSON into memory cannot fail.
pub(crate) fn written(value: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, serde_json::to_vec(value).unwrap_or_default())
}

/// A whole response.
fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_mcp_are_not_of_this_surface() {
        for path in ["/mcp", "/mcp/", "/", "/mcp/up", "/up/mcp", "/mcp/enabled2", "/v1/mcp", "/v1", "/mcp-rest", "/sse"]
        {
            assert_eq!(Endpoint::read(path), None, "{path}");
        }
    }

    #[test]
    fn a_slash_at_the_end_changes_nothing() {
        for (path, endpoint) in [
            ("/mcp/enabled", Endpoint::Enabled),
            ("/mcp-rest/tools/list", Endpoint::ListTools),
            ("/v1/mcp/server", Endpoint::Servers),
            ("/v1/mcp/server/health", Endpoint::Health),
            ("/v1/mcp/server/ns/up", Endpoint::Server),
            ("/v1/mcp/toolset", Endpoint::OtherObject),
            ("/mcp-rest/test/connection", Endpoint::Nothing),
        ] {
            assert_eq!(Endpoint::read(path), Some(endpoint), "{path}");
            assert_eq!(Endpoint::read(&format!("{path}/")), Some(endpoint), "{path}/");
        }
    }
}
