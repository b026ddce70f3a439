//! What the schema before has no words for, in its words.

use crate::snapshot::{AuthScheme, Caller, Server, Snapshot, Transport, WireSettings};

/// What the schema before can say of a snapshot, if that is less: callers who are known by a token are nobody there. A
/// server whose credential is fetched, or that is for internal networks, keeps its name and serves nothing: who reads that
/// schema would show it to everybody, or send no credential. Calls cost nothing.
pub(super) fn before(snapshot: &Snapshot) -> Option<Snapshot> {
    let settings = WireSettings {
        issuers: Vec::new(),
        service_account_audience: None,
        public_url: None,
        trusted_proxies: Vec::new(),
        internal_networks: None,
        currency: None,
        ..snapshot.settings.clone()
    };
    let says_more = settings != snapshot.settings
        || snapshot.callers.iter().any(is_by_token)
        || snapshot.servers.iter().any(|server| is_unknown(server) || server.cost.is_some());
    says_more.then(|| {
        let mut before = Snapshot { settings, ..snapshot.clone() };
        before.callers.retain(|caller| !is_by_token(caller));
        for server in &mut before.servers {
            server.cost = None;
            if is_unknown(server) {
                turn_off(server);
            }
        }
        before
    })
}

fn is_by_token(caller: &Caller) -> bool {
    caller.token.is_some()
}

fn is_unknown(server: &Server) -> bool {
    server.internal || matches!(server.auth.scheme, AuthScheme::Fetched(_))
}

fn turn_off(server: &mut Server) {
    (server.off, server.internal) = (true, false);
    if let AuthScheme::Fetched(_) = server.auth.scheme {
        server.auth.scheme = AuthScheme::None;
        server.credential = None;
        if let Transport::Http { origin, .. } = &mut server.transport {
            origin.clear();
        }
    }
}
