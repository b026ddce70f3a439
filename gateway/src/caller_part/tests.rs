use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::*;
use crate::caller::Caller;
use crate::networks::Side;
use crate::scope::tests::{KEY, NOW, OLD_KEY};

/// A table of servers by alias, each with its spec.
fn table(servers: &[(&str, &str)]) -> RoutingTable {
    let one = |(alias, spec): &(&str, &str)| {
        let name = alias.replace('_', "-");
        format!(
            "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: {name}}}\nspec: {{alias: \
             {alias}, {spec}}}\n"
        )
    };
    let grants: Vec<_> = servers.iter().map(|(alias, _)| format!("{{name: {}}}", alias.replace('_', "-"))).collect();
    let grants = format!("{{servers: [{}]}}", grants.join(", "));
    crate::scope::tests::table(&servers.iter().map(one).collect::<Vec<_>>().concat(), &grants)
}

/// What a request with these headers adds for a server: headers, overrides, variables, as `name: value`.
fn part(table: &RoutingTable, alias: &str, headers: &[(&str, &str)]) -> [Vec<String>; 3] {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let head = Head::read(&map, &table.snapshot.settings.client_side_auth_header).unwrap();
    let scope = Scope::read(table, &Caller::of(&table.snapshot.callers[0], Side::Outside), NOW, None, &head.filters);
    let server = table.snapshot.servers.iter().position(|server| server.alias == alias).unwrap();
    let part = caller_part(table, server as ServerIndex, &scope, (&head, &map), || None);
    let text = |list: &[(HeaderName, HeaderValue)]| -> Vec<String> {
        list.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    };
    let variables = part.variables.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    [text(&part.headers), text(&part.overrides), variables]
}

fn lists(headers: &[&str], overrides: &[&str]) -> [Vec<String>; 3] {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    [owned(headers), owned(overrides), Vec::new()]
}

const HTTP: &str = "http: {url: https://a.example}";
const REPLACE: &str =
    "http: {url: https://a.example}, auth: {type: Bearer, bearer: {value: ours}, clientSide: Replace}";

#[test]
fn r22_a_header_belongs_to_the_one_server_of_the_longest_name() {
    let table = table(&[("github", HTTP), ("github_prod", HTTP)]);
    for spelling in ["x-mcp-github-prod-authorization", "x-mcp-github_prod-authorization"] {
        let header = [(spelling, "Bearer mine")];
        assert_eq!(part(&table, "github_prod", &header), lists(&["authorization: Bearer mine"], &[]));
        assert_eq!(part(&table, "github", &header), lists(&[], &[]), "a credential for github_prod at github");
    }
    let header = [("x-mcp-github-authorization", "Bearer mine")];
    assert_eq!(part(&table, "github", &header), lists(&["authorization: Bearer mine"], &[]));
    assert_eq!(part(&table, "github_prod", &header), lists(&[], &[]));
}

#[test]
fn r13_only_the_first_bytes_of_a_header_name_are_read_as_a_server() {
    let table = table(&[("up", HTTP)]);
    let within = format!("x-mcp-{}up-x-a", "-".repeat(62));
    let beyond = format!("x-mcp-{}up-x-a", "-".repeat(63));
    assert_eq!(part(&table, "up", &[(&within, "1")]), lists(&["x-a: 1"], &[]));
    assert_eq!(part(&table, "up", &[(&beyond, "1")]), lists(&[], &[]));
}

#[test]
fn r22_no_server_asks_for_what_is_meant_for_another_or_for_the_gateway() {
    let spec = |asked: &str| format!("stdio: {{command: x, env: [{{name: A, value: '${{{asked}}}'}}]}}");
    let asked = ["x-mcp-other-x-token", "x-mcp-auth", "x-api-key", "x-litellm-api-key", "x-goog-api-key"];
    for name in asked {
        let table = table(&[("up", &spec(name)), ("other", HTTP)]);
        assert_eq!(part(&table, "up", &[(name, "secret")])[2], Vec::<String>::new(), "{name}");
    }
    assert_eq!(part(&table(&[("up", &spec("X-Tenant"))]), "up", &[("x-tenant", "blue")])[2], ["x-tenant: blue"]);
    let mine: HeaderName = "x-mine".parse().unwrap();
    assert!(may_be_asked_for("authorization", "x-mcp-auth") && !may_be_asked_for("authorization", "authorization"));
    assert!(may_be_asked_for(mine.as_str(), "x-mcp-auth") && !may_be_asked_for(mine.as_str(), "x-mine"));
    let forward = table(&[("up", "http: {url: https://a.example, forwardHeaders: [Authorization, X-Tenant]}")]);
    let own = [("x-litellm-api-key", KEY), ("authorization", "Bearer mine"), ("x-tenant", "blue")];
    assert_eq!(part(&forward, "up", &own), lists(&["authorization: Bearer mine", "x-tenant: blue"], &[]));
    let leak = [("x-litellm-api-key", KEY), ("authorization", &format!("Bearer {KEY}")), ("x-tenant", OLD_KEY)];
    assert_eq!(part(&forward, "up", &leak), lists(&[], &[]));
}

#[test]
fn r23_only_variables_make_a_child_another_callers() {
    let table = table(&[("up", "stdio: {command: x, env: [{name: A, value: '${X-Tenant}'}]}")]);
    let all = [("x-mcp-auth", "mine"), ("x-mcp-up-authorization", "Bearer mine"), ("x-tenant", "blue")];
    assert_eq!(part(&table, "up", &all), [vec![], vec![], vec!["x-tenant: blue".to_owned()]]);
    let plain = self::table(&[("up", "stdio: {command: x}")]);
    assert_eq!(part(&plain, "up", &all), lists(&[], &[]));
}

#[test]
fn r24_forward_leaves_a_declared_authorization_and_yields_to_an_addressed_one() {
    let declared =
        "http: {url: https://a.example, headers: [{name: Authorization, value: ours}]}, auth: {clientSide: Forward}";
    let up = table(&[("up", declared)]);
    assert_eq!(part(&up, "up", &[("x-mcp-auth", "mine")]), lists(&[], &[]));
    assert_eq!(part(&up, "up", &[("x-mcp-up-authorization", "mine")]), lists(&[], &[]));
    let forward = "http: {url: https://a.example, forwardHeaders: [Authorization]}, auth: {clientSide: Forward}";
    let up = table(&[("up", forward)]);
    let (auth, addressed, own) =
        (("x-mcp-auth", "auth"), ("x-mcp-up-authorization", "addressed"), ("authorization", "own"));
    assert_eq!(part(&up, "up", &[own]), lists(&["authorization: own"], &[]));
    assert_eq!(part(&up, "up", &[own, auth]), lists(&["authorization: auth"], &[]));
    assert_eq!(part(&up, "up", &[addressed, own, auth]), lists(&["authorization: addressed"], &[]));
    let up = table(&[("up", REPLACE)]);
    assert_eq!(part(&up, "up", &[addressed, auth]), lists(&[], &["authorization: addressed"]));
}

#[test]
fn r24_our_credential_never_stands_in_for_a_callers_that_cannot_be_sent() {
    let up = table(&[("up", REPLACE)]);
    let none = lists(&[], &["authorization: "]);
    for bad in [KEY, OLD_KEY, "Bearer sb-unit", "m\u{fc}ll"] {
        assert_eq!(part(&up, "up", &[("x-mcp-auth", bad)]), none, "{bad}");
    }
    assert_eq!(part(&up, "up", &[("x-mcp-up-authorization", KEY)]), none);
    assert_eq!(part(&up, "up", &[("x-mcp-auth", " ")]), lists(&[], &[]), "blank is as good as absent");
    let one = table(&[("up", &REPLACE.replace("Replace", "OneServer"))]);
    assert_eq!(part(&one, "up", &[("x-mcp-auth", KEY)]), lists(&[], &[]), "not meant for it");
    assert_eq!(part(&one, "up", &[("x-mcp-auth", KEY), ("x-mcp-servers", "up")]), none);
}

#[test]
fn r22_a_gateway_key_is_known_in_any_dress() {
    let up = table(&[("up", HTTP)]);
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    for key in [KEY, OLD_KEY] {
        let dressed = [
            key.to_owned(),
            format!("Bearer {key}"),
            format!("Bearer\t {key} "),
            format!("Bearer Bearer {key}"),
            format!("Token bearer {key} more"),
            basic(&format!("user:{key}")),
            basic(&format!("{key}:")),
            basic(&format!("{key}:x:y")),
            basic(key).replace('=', ""),
            format!("Basic {}", basic(&format!("u:{key}"))),
        ];
        for value in dressed {
            assert_eq!(part(&up, "up", &[("x-mcp-up-x-a", &value)]), lists(&[], &[]), "{value}");
        }
    }
    for other in ["sb-uni", "Bearer mine", "Basic dXNlcjpwYXNz"] {
        assert_eq!(part(&up, "up", &[("x-mcp-up-x-a", other)]), lists(&[&format!("x-a: {other}")], &[]), "{other}");
    }
}

/// What the caller's own token comes to for a server, beside what else a request with these headers adds.
fn exchanged(table: &RoutingTable, headers: &[(&str, &str)], token: Option<&str>) -> CallerPart {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let head = Head::read(&map, &table.snapshot.settings.client_side_auth_header).unwrap();
    let scope = Scope::read(table, &Caller::of(&table.snapshot.callers[0], Side::Outside), NOW, None, &head.filters);
    caller_part(table, 0, &scope, (&head, &map), || SubjectToken::new(token?.as_bytes(), None))
}

#[test]
fn r23_a_callers_token_tells_them_apart_where_it_is_exchanged_and_nowhere_else() {
    let spec = |more: &str| {
        format!(
            "http: {{url: https://a.example}}, auth: {{type: TokenExchange, tokenExchange: {{tokenUrl: https://i.example, \
             clientId: {{value: g}}, clientSecret: {{value: s}}}}{more}}}"
        )
    };
    let up = table(&[("up", &spec(""))]);
    let digest = |headers: &[(&str, &str)], token: Option<&str>| exchanged(&up, headers, token).digest();
    assert_eq!(digest(&[], Some("one")), digest(&[], Some("one")));
    let all = [digest(&[], Some("one")), digest(&[], Some("two")), digest(&[], None)];
    assert!(all.iter().all(Option::is_some), "nothing is shared with whoever brings nothing");
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
    assert!(matches!(exchanged(&up, &[], None).subject, Some(Subject::Missing)));
    for plain in [HTTP, REPLACE] {
        let plain = table(&[("up", plain)]);
        assert_eq!(exchanged(&plain, &[], Some("one")).digest(), None, "it is not asked for");
    }
    // R24: a credential for this server is sent in the place of what the token is exchanged for.
    let mine = ("x-mcp-auth", "mine");
    assert!(exchanged(&up, &[mine], Some("one")).subject.is_some(), "not meant for it");
    let part = exchanged(&up, &[mine, ("x-mcp-servers", "up")], Some("one"));
    assert!(part.subject.is_none());
    assert_eq!(part.overrides, [(AUTHORIZATION, HeaderValue::from_static("Bearer mine"))]);
    let deny = table(&[("up", &spec(", clientSide: Deny"))]);
    let denied = exchanged(&deny, &[mine, ("x-mcp-servers", "up")], Some("one"));
    assert!(denied.subject.is_some() && denied.overrides.is_empty());
}
