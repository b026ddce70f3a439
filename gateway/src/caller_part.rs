//! What a caller adds to the requests to one server: a credential of their
//! own, headers that the server asks for or that are addressed to it (R22, R24).
//!
//! Nothing that identifies a caller to the gateway leaves it: a value that is
//! somebody's key is dropped wherever it turns up.

use crds::names::norm;
use crds::snapshot::{AuthScheme, ClientSide, Secrets, Server, ServerIndex, Transport, UnixSeconds};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::head::Head;
use crate::scope::Scope;
use crate::table::RoutingTable;
use crate::upstream::{CallerPart, render_credential, stdio};

/// What callers may add to the requests to a server, worked out once.
pub struct CallerPlan {
    /// The caller's headers that pass.
    forward: Vec<HeaderName>,
    /// The caller's headers that stand in the child's environment, lower case.
    variables: Vec<String>,
    /// Header names that are the server's own: declared ones and that of its credential.
    taken: Vec<HeaderName>,
}

/// Whether a caller may set this header of an upstream request at all (R22).
fn may_be_set(name: &HeaderName) -> bool {
    const NEVER: [&str; 15] = [
        "host",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "forwarded",
        "cookie",
        "accept",
        "accept-encoding",
        "user-agent",
    ];
    const NEVER_STARTING: [&str; 4] = ["content-", "mcp-", "x-forwarded-", "last-event-id"];
    let name = name.as_str();
    !NEVER.contains(&name) && !NEVER_STARTING.iter().any(|start| name.starts_with(start))
}

impl CallerPlan {
    /// The plan for a server.
    pub fn new(server: &Server, secrets: &Secrets) -> Self {
        let parsed = |names: &[String]| names.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>();
        let (forward, mut taken) = match &server.transport {
            Transport::Http { headers, forward_headers, .. } => (parsed(forward_headers), parsed(headers)),
            Transport::Stdio { .. } => (Vec::new(), Vec::new()),
        };
        match &server.auth.scheme {
            AuthScheme::None => {}
            AuthScheme::Header(name) => taken.extend(name.parse::<HeaderName>().ok()),
            AuthScheme::Bearer | AuthScheme::Basic | AuthScheme::Token => taken.push(AUTHORIZATION),
        }
        let forward = forward.into_iter().filter(|name| may_be_set(name) && !taken.contains(name)).collect();
        Self { forward, variables: stdio::header_names(&secrets.env), taken }
    }

    /// Whether a caller's request can differ from another's at all.
    fn is_idle(&self, head: &Head<'_>) -> bool {
        self.forward.is_empty() && self.variables.is_empty() && head.client_auth.is_none() && head.addressed.is_empty()
    }
}

/// What the caller of a request adds for a server; nothing, most often.
pub fn caller_part(
    table: &RoutingTable,
    server: ServerIndex,
    scope: &Scope,
    (head, headers): (&Head<'_>, &HeaderMap),
    now: UnixSeconds,
) -> CallerPart {
    let route = &table.servers[server as usize];
    let mut part = CallerPart::default();
    if route.plan.is_idle(head) {
        return part;
    }
    let is_key = |value: &HeaderValue| identifies(table, value, now);
    let auth = &route.endpoint.server.auth;
    if let Some(value) = head.client_auth.filter(|value| !is_key(value)) {
        let rendered = match auth.client_side {
            ClientSide::OneServer if !scope.is_only(server) => None,
            ClientSide::OneServer | ClientSide::Replace => {
                value.to_str().ok().and_then(|value| render_credential(&auth.scheme, value))
            }
            ClientSide::Forward => Some((AUTHORIZATION, value.clone())),
            ClientSide::Deny => None,
        };
        part.overrides.extend(rendered);
    }
    for name in &route.plan.forward {
        for value in headers.get_all(name).into_iter().filter(|value| !is_key(value)) {
            part.headers.push((name.clone(), value.clone()));
        }
    }
    if auth.client_side != ClientSide::Deny {
        let may_override = matches!(auth.client_side, ClientSide::OneServer | ClientSide::Replace);
        for (rest, value) in &head.addressed {
            let Some(name) = addressed_to(&route.endpoint.server, rest) else { continue };
            if !may_be_set(&name) || is_key(value) {
                continue;
            }
            if route.plan.taken.contains(&name) {
                if may_override {
                    part.overrides.retain(|(other, _)| *other != name);
                    part.overrides.push((name, (*value).clone()));
                }
            } else {
                part.headers.retain(|(other, _)| *other != name);
                part.headers.push((name, (*value).clone()));
            }
        }
    }
    for name in &route.plan.variables {
        let value = headers.get(name).filter(|value| !is_key(value)).and_then(|value| value.to_str().ok());
        part.variables.extend(value.map(|value| (name.clone(), value.to_owned())));
    }
    part
}

/// The upstream header that `x-mcp-{rest}` sets on this server. Names are matched in any norm-equal spelling, the
/// longest that matches counting, so that `-` may stand for `_` where proxies drop underscores.
fn addressed_to(server: &Server, rest: &str) -> Option<HeaderName> {
    let cuts = rest.match_indices('-').map(|(at, _)| at);
    let cut = cuts.rev().find(|at| server.names.contains(&norm(&rest[..*at])))?;
    rest[cut + 1..].parse().ok()
}

/// Whether a value is somebody's key for the gateway, with or without its scheme.
fn identifies(table: &RoutingTable, value: &HeaderValue, now: UnixSeconds) -> bool {
    let value = value.as_bytes().trim_ascii();
    let bare = value.iter().position(|byte| *byte == b' ').map(|at| value[at..].trim_ascii());
    table.caller_of(value, now).is_some() || bare.is_some_and(|bare| table.caller_of(bare, now).is_some())
}
