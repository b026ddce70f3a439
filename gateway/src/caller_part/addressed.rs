//! What a request brings for servers, settled once however many servers are
//! asked: to which one each `x-mcp-{server}-{header}` belongs, and which
//! values are keys of the gateway and therefore stay here (R22, R24).

use crds::names::SPELLING_MAX;
use crds::snapshot::ServerIndex;
use http::{HeaderName, HeaderValue};

use super::gateway_key::holds_key;
use super::may_be_set;
use crate::head::Head;
use crate::table::{Named, RoutingTable};

/// What a request brings for servers.
pub struct Brought<'r> {
    /// The caller's credential for a server; not there if it is blank.
    pub(super) client_auth: Option<Usable<'r>>,
    /// The headers that are addressed to a server, in the order that they came in.
    pub(super) addressed: Vec<Addressed<'r>>,
}

/// A header for one server alone.
pub(super) struct Addressed<'r> {
    pub(super) server: ServerIndex,
    pub(super) name: HeaderName,
    pub(super) value: Usable<'r>,
}

/// A value that may leave the gateway; none: it is a gateway key.
pub(super) type Usable<'r> = Option<&'r HeaderValue>;

impl<'r> Brought<'r> {
    /// Settles what the headers of a request bring.
    pub(super) fn read(table: &RoutingTable, head: &Head<'r>) -> Self {
        let usable = |value: &'r HeaderValue| (!holds_key(table, value.as_bytes())).then_some(value);
        let client_auth = head.client_auth.filter(|value| !value.as_bytes().trim_ascii().is_empty());
        let addressed = head.addressed.iter().filter_map(|(rest, value)| {
            let (server, name) = addressee(table, rest)?;
            may_be_set(&name).then(|| Addressed { server, name, value: usable(value) })
        });
        Self { client_auth: client_auth.map(usable), addressed: addressed.collect() }
    }
}

/// The server that `x-mcp-{rest}` names, and the header that it sets there. Names are matched in any norm-equal
/// spelling, so that `-` may stand for `_` where proxies drop underscores. The longest that anything has counts: what
/// is addressed to `github_prod` is nothing of `github`, and what is addressed to a group is nobody's.
fn addressee(table: &RoutingTable, rest: &str) -> Option<(ServerIndex, HeaderName)> {
    let cuts = rest.bytes().take(SPELLING_MAX + 1).enumerate().filter(|(_, byte)| *byte == b'-').map(|(at, _)| at);
    let cuts: Vec<usize> = cuts.collect();
    let named = cuts.into_iter().rev().find_map(|cut| Some((cut, table.held(&rest[..cut])?)));
    match named? {
        (cut, Named::Server(server)) => Some((server, rest[cut + 1..].parse().ok()?)),
        (_, Named::Group(_) | Named::Object(_)) => None,
    }
}
