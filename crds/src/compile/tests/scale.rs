//! Many keys of few teams: what repeats stands once.

use sha2::{Digest, Sha256};

use super::*;
use crate::diagnostic::ObjectKey;
use crate::snapshot::SCHEMA;
use crate::snapshot::stored::split;
use crate::v1alpha1::{
    Grants, Http, Key, McpKeyBinding, McpKeyBindingSpec, McpServer, McpServerSpec, ServerGrant, Subject, SubjectType,
};

const TEAMS: usize = 10;

fn hex(number: usize) -> String {
    format!("{:x}", Sha256::digest(number.to_string()))
}

/// Teams that each hold a tenth of the servers, and keys of theirs; `own`: every key grants two servers itself.
pub(crate) fn company(servers: usize, keys: usize, own: bool) -> Resources {
    let mut resources = Resources::default();
    let grant = |number: usize| ServerGrant {
        name: format!("s{number}"),
        namespace: String::new(),
        tools: None,
        prompts: None,
        resources: None,
    };
    for number in 0..servers {
        let http = Http { url: Some(format!("https://host-{number}/mcp")), ..Http::default() };
        let spec = McpServerSpec { http: Some(http), ..McpServerSpec::default() };
        resources.servers.insert(ObjectKey::new("p", format!("s{number}")), McpServer::new("s", spec));
    }
    let mut bind = |name: String, subject: Subject, team: Option<String>, granted: Option<Vec<usize>>| {
        let servers = granted.map(|granted| granted.into_iter().map(grant).collect());
        let grants = servers.map(|servers| Grants { servers: Some(servers), access_groups: None });
        let spec = McpKeyBindingSpec { subject, team, grants, ..McpKeyBindingSpec::default() };
        resources.bindings.insert(ObjectKey::new("p", name), McpKeyBinding::new("b", spec));
    };
    for team in 0..TEAMS {
        let name = Some(format!("t{team}"));
        let subject = Subject { type_: SubjectType::Team, team: name, ..Subject::default() };
        bind(format!("team-{team}"), subject, None, Some((team..servers).step_by(TEAMS).collect()));
    }
    for number in 0..keys {
        let key = Key { name: "a".to_owned(), sha256: Some(hex(number)), value_from: None, expiration_time: None };
        let subject = Subject { type_: SubjectType::Key, keys: Some(vec![key]), ..Subject::default() };
        let team = number % TEAMS;
        let granted = own.then(|| vec![team, (team + number / TEAMS * TEAMS) % servers]);
        bind(format!("key-{number}"), subject, Some(format!("t{team}")), granted);
    }
    resources
}

#[test]
fn keys_that_inherit_from_ten_teams_cost_ten_access_sets() {
    let compiled = compile(&company(100, 3000, false), &Scope::Local, &pepper());
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.snapshot.callers.len(), 3000);
    assert_eq!(compiled.snapshot.access.len(), TEAMS);
    assert!(compiled.snapshot.access.iter().all(|set| set.len() == 10));
    let parts = split(&compiled.snapshot).unwrap();
    let [whole] = parts.of(SCHEMA) else { panic!("in one part, not {}", parts.of(SCHEMA).len()) };
    assert!(whole.bytes.len() < 3000 * 40, "about the size of the digests: {}", whole.bytes.len());
}

#[test]
fn keys_with_grants_of_their_own_share_equal_sets() {
    let compiled = compile(&company(100, 3000, true), &Scope::Local, &pepper());
    assert_eq!(compiled.diagnostics, []);
    assert_eq!(compiled.snapshot.access.len(), 100, "a pair of servers each");
}
