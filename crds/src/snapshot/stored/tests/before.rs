//! A snapshot as gateways of the schema before read it.

use super::*;
use crate::compile::Scope;
use crate::compile::tests::load::load;
use crate::snapshot::stored::split::cut;
use crate::snapshot::{AuthScheme, Server, Transport};

/// The snapshot as those gateways have it.
pub(super) fn as_before(snapshot: &Snapshot) -> Snapshot {
    let server = |server: &Server| match server.auth.scheme {
        AuthScheme::Fetched(_) => {
            let mut off = Server { off: true, credential: None, ..server.clone() };
            off.auth.scheme = AuthScheme::None;
            if let Transport::Http { origin, .. } = &mut off.transport {
                *origin = String::new();
            }
            off
        }
        _ => server.clone(),
    };
    Snapshot { servers: snapshot.servers.iter().map(server).collect(), ..snapshot.clone() }
}

/// Two servers, of which one fetches its tokens.
const BOTH: &str = "
{kind: McpServer, metadata: {name: plain, namespace: p}, spec: {http: {url: 'https://h'}}}
---
{kind: McpServer, metadata: {name: other, namespace: p}, spec: {http: {url: 'https://h'}, auth: {type: OAuth2ClientCredentials, oauth2ClientCredentials: {tokenUrl: 'https://issuer', clientId: {value: gateway}, clientSecret: {value: secret}}}}}
";

#[test]
fn a_server_whose_tokens_are_fetched_is_off_for_gateways_that_know_nothing_of_them() {
    let (resources, _) = load(BOTH);
    let compiled = compile(&resources, &Scope::Cluster { namespace: "p".to_owned() }, &pepper());
    let snapshot = compiled.snapshot;
    assert_eq!(compiled.diagnostics, []);
    assert!(snapshot.servers.iter().any(|server| matches!(server.auth.scheme, AuthScheme::Fetched(_))));
    for parts in [split(&snapshot).unwrap(), cut(&snapshot, 3).unwrap()] {
        let stored = plan(None, parts.clone(), 7, 3).unwrap();
        let opened = open(&stored.pointer, slots(&stored)).unwrap();
        assert_eq!(opened, as_before(&snapshot));
        let words = serde_json::to_string(&opened).unwrap();
        assert!(!words.contains("fetched") && !words.contains("issuer"), "{words}");
        let names = |snapshot: &Snapshot| snapshot.servers.iter().map(|it| it.alias.clone()).collect::<Vec<_>>();
        assert_eq!(names(&opened), names(&snapshot), "it keeps its name");
        // Whoever reads the newest schema has all of it.
        let stored = plan(None, parts, 7, 4).unwrap();
        assert_eq!(open(&stored.pointer, slots(&stored)).unwrap(), snapshot);
    }
}
