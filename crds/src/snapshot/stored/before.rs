//! What the schema before has no words for, in its words.

use crate::snapshot::{AuthScheme, Caller, Server, Snapshot, Transport, WireSettings};

/// What the schema before can say of a snapshot, if that is less: callers who are known by a token are nobody there, and a
/// server whose credential is fetched keeps its name and serves nothing.
pub(super) fn before(snapshot: &Snapshot) -> Option<Snapshot> {
    let WireSettings { issuers, service_account_audience, public_url, .. } = &snapshot.settings;
    let has_settings = !issuers.is_empty() || service_account_audience.is_some() || public_url.is_some();
    let says_more =
        has_settings || snapshot.callers.iter().any(is_by_token) || snapshot.servers.iter().any(is_fetched_for);
    says_more.then(|| {
        let mut before = snapshot.clone();
        before.callers.retain(|caller| !is_by_token(caller));
        before.servers.iter_mut().filter(|server| is_fetched_for(server)).for_each(turn_off);
        let settings = &mut before.settings;
        settings.issuers.clear();
        (settings.service_account_audience, settings.public_url) = (None, None);
        before
    })
}

fn is_by_token(caller: &Caller) -> bool {
    caller.token.is_some()
}

fn is_fetched_for(server: &Server) -> bool {
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
