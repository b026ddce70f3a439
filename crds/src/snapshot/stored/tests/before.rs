//! A snapshot as gateways of the schema before read it.

use super::*;
use crate::compile::Scope;
use crate::compile::tests::load::load;
use crate::snapshot::{AuthScheme, Server, Transport};

/// Two servers, of which one fetches its tokens.
const BOTH: &str = "
{kind: McpServer, metadata: {name: plain, namespace: p}, spec: {http: {url: 'https://h'}}}
---
{kind: McpServer, metadata: {name: other, namespace: p}, spec: {http: {url: 'https://h'}, auth: {type: OAuth2ClientCredentials, oauth2ClientCredentials: {tokenUrl: 'https://issuer', clientId: {value: gateway}, clientSecret: {value: secret}}}}}
";

/// What a server is to gateways that know nothing of fetched tokens.
fn off(server: &Server) -> Server {
    let mut off = Server { off: true, credential: None, ..server.clone() };
    off.auth.scheme = AuthScheme::None;
    if let Transport::Http { origin, .. } = &mut off.transport {
        *origin = String::new();
    }
    off
}

#[test]
fn a_server_whose_tokens_are_fetched_is_off_for_gateways_that_know_nothing_of_them() {
    let (resources, _) = load(BOTH);
    let compiled = compile(&resources, &Scope::Cluster { namespace: "p".to_owned() }, &pepper());
    let snapshot = compiled.snapshot;
    assert_eq!(compiled.diagnostics, []);
    let is_fetched = |server: &Server| matches!(server.auth.scheme, AuthScheme::Fetched(_));
    assert_eq!(snapshot.servers.iter().filter(|server| is_fetched(server)).count(), 1);
    let parts = split(&snapshot).unwrap();
    let before = joined(parts.of(BEFORE)).unwrap();
    let expected = snapshot.servers.iter().map(|it| if is_fetched(it) { off(it) } else { it.clone() });
    assert_eq!(before.servers, expected.collect::<Vec<_>>(), "it keeps its name and place");
    let words = serde_json::to_string(&before).unwrap();
    assert!(!words.contains("fetched") && !words.contains("//issuer"), "{words}");
    assert_eq!(joined(parts.of(SCHEMA)).unwrap(), snapshot, "whoever reads the newest schema has all of it");
}
