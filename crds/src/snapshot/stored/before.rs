//! What the schema before has no words for, in its words.

use super::packed::{INFLATED_LIMIT, Part, deflate, inflate, json, parse};
use crate::snapshot::{AuthScheme, Server, Snapshot, Transport};

/// The parts as gateways of the schema before read them: a server whose credential is fetched, of which they know
/// nothing, keeps its name there and serves nothing. Parts without one are as they were.
pub(super) fn before(mut parts: Vec<Part>) -> Vec<Part> {
    if let Some(first) = parts.first_mut() {
        change(first);
    }
    parts
}

/// Changes the first part, where the servers are.
fn change(part: &mut Part) {
    let inflated = inflate(&part.bytes, INFLATED_LIMIT).expect("what split deflated inflates");
    let mut base: Snapshot = parse(&inflated).expect("what split wrote parses");
    let mut unknown = base.servers.iter_mut().filter(|server| is_unknown(server)).peekable();
    if unknown.peek().is_some() {
        unknown.for_each(turn_off);
        // It says less than it did.
        *part = Part::new(deflate(&json(&base), usize::MAX).expect("it has no limit"));
    }
}

fn is_unknown(server: &Server) -> bool {
    matches!(server.auth.scheme, AuthScheme::Fetched(_))
}

fn turn_off(server: &mut Server) {
    server.auth.scheme = AuthScheme::None;
    server.credential = None;
    server.off = true;
    if let Transport::Http { origin, .. } = &mut server.transport {
        origin.clear();
    }
}
