//! What a caller adds to the requests to one server: a credential of their
//! own, headers that the server asks for or that are addressed to it (R22, R24).
//!
//! Nothing that identifies a caller to the gateway leaves it: a value that is
//! somebody's key is dropped wherever it turns up.

use crds::names::is_key_header;
use crds::snapshot::{AuthScheme, ClientSide, Secrets, Server, ServerIndex, Transport};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use self::addressed::{Brought, Usable};
use crate::head::Head;
use crate::scope::Scope;
use crate::table::RoutingTable;
use crate::upstream::tokens::{Subject, SubjectToken};
use crate::upstream::{CallerPart, render_credential, stdio};

pub mod addressed;
mod gateway_key;

pub use gateway_key::holds_key;

/// What callers may add to the requests to a server, worked out once.
pub struct CallerPlan {
    /// The caller's headers that pass.
    forward: Vec<HeaderName>,
    /// The caller's headers that stand in the child's environment, lower case.
    variables: Vec<String>,
    /// Header names that are the server's own: declared ones and that of its credential.
    taken: Vec<HeaderName>,
    /// The header of the server's credential.
    credential: Option<HeaderName>,
    /// Whether headers can be sent to it at all; a child has its environment only.
    is_http: bool,
    /// Whether its credential is had in exchange for the caller's token.
    is_exchanged: bool,
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

/// Whether a server may ask for this header of a request: none that is somebody's credential for another server or for
/// the gateway. `Authorization` may be either; its values are looked at.
fn may_be_asked_for(name: &str, client_auth_header: &str) -> bool {
    !name.starts_with("x-mcp-") && name != client_auth_header && (name == AUTHORIZATION || !is_key_header(name))
}

impl CallerPlan {
    /// The plan for a server. `client_auth_header` is the settings' name, in lower case.
    pub fn new(server: &Server, secrets: &Secrets, client_auth_header: &str) -> Self {
        let parsed = |names: &[String]| names.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>();
        let (forward, mut taken) = match &server.transport {
            Transport::Http { headers, forward_headers, .. } => (parsed(forward_headers), parsed(headers)),
            Transport::Stdio { .. } => (Vec::new(), Vec::new()),
        };
        let credential = match &server.auth.scheme {
            AuthScheme::None => None,
            AuthScheme::Header(name) => name.parse().ok(),
            AuthScheme::Bearer | AuthScheme::Basic | AuthScheme::Token | AuthScheme::Fetched(_) => Some(AUTHORIZATION),
        };
        taken.extend(credential.clone());
        let asked_for = |name: &str| may_be_asked_for(name, client_auth_header);
        let forward = forward.into_iter();
        let forward = forward.filter(|name| asked_for(name.as_str()) && may_be_set(name) && !taken.contains(name));
        let (forward, is_http) = (forward.collect(), matches!(server.transport, Transport::Http { .. }));
        let mut variables = stdio::header_names(&secrets.env);
        variables.retain(|name| asked_for(name));
        let is_exchanged = server.auth.scheme.is_exchanged();
        Self { forward, variables, taken, credential, is_http, is_exchanged }
    }

    /// Whether a caller's request can differ from another's at all.
    fn is_idle(&self, head: &Head<'_>) -> bool {
        let silent = head.client_auth.is_none() && head.addressed.is_empty();
        self.variables.is_empty() && (!self.is_http || (self.forward.is_empty() && silent && !self.is_exchanged))
    }
}

/// What the caller of a request adds for a server; nothing, most often. `token`: that by which the caller was identified,
/// if it was one.
pub fn caller_part(
    table: &RoutingTable,
    server: ServerIndex,
    scope: &Scope,
    (head, headers): (&Head<'_>, &HeaderMap),
    token: impl FnOnce() -> Option<SubjectToken>,
) -> CallerPart {
    let plan = &table.servers[server as usize].plan;
    let mut part = CallerPart::default();
    if plan.is_idle(head) {
        return part;
    }
    if !plan.is_http {
        for name in &plan.variables {
            let value = headers.get(name).filter(|value| !holds_key(table, value.as_bytes()));
            part.variables.extend(value.and_then(|value| Some((name.clone(), value.to_str().ok()?.to_owned()))));
        }
        return part;
    }
    for name in &plan.forward {
        for value in headers.get_all(name).into_iter().filter(|value| !holds_key(table, value.as_bytes())) {
            part.headers.push((name.clone(), value.clone()));
        }
    }
    let brought = head.brought.get_or_init(|| Brought::read(table, head));
    let auth = &table.servers[server as usize].endpoint.server.auth;
    if let Some(value) = brought.client_auth {
        match auth.client_side {
            ClientSide::OneServer if !scope.is_only(server) => {}
            ClientSide::OneServer | ClientSide::Replace => part.overrides.extend(instead(plan, &auth.scheme, value)),
            // A declared Authorization stays.
            ClientSide::Forward => {
                if let Some(value) = value.filter(|_| !plan.taken.contains(&AUTHORIZATION)) {
                    set(&mut part.headers, AUTHORIZATION, value.clone());
                }
            }
            ClientSide::Deny => {}
        }
    }
    let may_override = matches!(auth.client_side, ClientSide::OneServer | ClientSide::Replace);
    let addressed = brought.addressed.iter().filter(|header| header.server == server);
    for header in addressed.filter(|_| auth.client_side != ClientSide::Deny) {
        match (plan.taken.contains(&header.name), header.value) {
            (true, value) if may_override => {
                set(&mut part.overrides, header.name.clone(), value.cloned().unwrap_or_else(nothing));
            }
            (false, Some(value)) => set(&mut part.headers, header.name.clone(), value.clone()),
            (true, _) | (false, None) => {}
        }
    }
    // A credential that the caller brings for this server takes the place of one that is had for the caller's token.
    if plan.is_exchanged && !part.overrides.iter().any(|(name, _)| *name == AUTHORIZATION) {
        part.subject = Some(token().map_or(Subject::Missing, Subject::Token));
    }
    part
}

/// The caller's credential in the place of ours. One that may not or cannot be sent leaves that place empty: the caller
/// did not mean ours, so the server, not we, answers for it.
fn instead(plan: &CallerPlan, scheme: &AuthScheme, value: Usable<'_>) -> Option<(HeaderName, HeaderValue)> {
    let name = plan.credential.clone()?;
    let rendered = value.and_then(|value| render_credential(scheme, value.to_str().ok()?));
    Some(rendered.unwrap_or_else(|| (name, nothing())))
}

/// A value that keeps a header from being filled in by us.
fn nothing() -> HeaderValue {
    HeaderValue::from_static("")
}

/// Sets a header in the place of all of that name.
fn set(headers: &mut Vec<(HeaderName, HeaderValue)>, name: HeaderName, value: HeaderValue) {
    headers.retain(|(other, _)| *other != name);
    headers.push((name, value));
}

#[cfg(test)]
mod tests;
