//! What a request to a modern server says in headers too (R6; 2026-07-28, transports/streamable-http): `Mcp-Name`, and
//! `Mcp-Param-*` for the arguments that the tool's schema wants there. They are made from the body, whose reader the
//! server is: a legacy client sends none, and a modern one's were found to say the same.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use super::header_value::{decoded, encoded};
use crate::caller_part::holds_key;
use crate::catalogue::Entry;
use crate::exchange::Exchange;
use crate::forward::{Method, Request};
use crate::route::Called;
use crate::scan::{Found, Kind, values};

/// How the names of mirrored arguments begin.
const PARAM: &str = "mcp-param-";

/// Adds them to `headers`. Of what a modern client sent, headers that no annotation names go on as they are, but none that
/// holds somebody's key (R22).
pub fn add(exchange: &Exchange<'_>, request: &Request<'_>, called: &Called, headers: &mut HeaderMap) {
    if request.client.modern && request.method != Method::Complete {
        let said = exchange.headers.iter().filter(|(name, _)| name.as_str().starts_with(PARAM));
        for (name, value) in said.filter(|(_, value)| may_go_on(exchange, value)) {
            headers.append(name.clone(), value.clone());
        }
    }
    add_own(request, called, headers);
}

/// Adds those alone that are made from the body.
pub fn add_own(request: &Request<'_>, called: &Called, headers: &mut HeaderMap) {
    if request.method == Method::Complete {
        return;
    }
    headers.extend(encoded(called.name().as_bytes()).map(|name| (HeaderName::from_static("mcp-name"), name)));
    if let Some(entry) = called.listed() {
        for (name, value) in arguments(entry, request) {
            headers.remove(name);
            headers.extend(value.map(|value| (name.clone(), value)));
        }
    }
}

fn may_go_on(exchange: &Exchange<'_>, value: &HeaderValue) -> bool {
    let table = &exchange.view.table;
    let holds_key = |value: &[u8]| holds_key(table, value);
    !holds_key(value.as_bytes()) && decoded(value.as_bytes()).is_some_and(|said| !holds_key(&said))
}

/// The header of each annotated argument, and its value if there is one. Arguments that two readers may read in two ways
/// have none: the server then refuses the call.
fn arguments<'e>(tool: &'e Entry, request: &Request<'_>) -> Vec<(&'e HeaderName, Option<HeaderValue>)> {
    let annotations = tool.annotations.as_deref().unwrap_or_default();
    if annotations.is_empty() {
        return Vec::new();
    }
    let paths: Vec<_> = annotations.iter().map(|annotation| &*annotation.path).collect();
    let arguments = request.message.params.as_ref().and_then(|params| params.arguments);
    let found = arguments.and_then(|span| values(request.body, span, &paths).ok());
    let mut found = found.unwrap_or_default().into_iter();
    let value = |found: Found| match found.kind {
        Kind::String => found.text(request.body).and_then(|text| encoded(text.as_bytes())),
        Kind::Number | Kind::True | Kind::False => encoded(found.span.of(request.body)),
        Kind::Object | Kind::Array | Kind::Null => None,
    };
    annotations.iter().map(|annotation| (&annotation.header, found.next().flatten().and_then(value))).collect()
}
