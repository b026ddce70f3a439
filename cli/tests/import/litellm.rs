//! LiteLLM's configuration and keys.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::serving::Serving;
use super::{Imported, stands_in_objects};

/// The `config.yaml` of LiteLLM's page on MCP.
const PAGE: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: sk-xxxxxxx

# Add your custom MCP hook
callbacks:
  - custom_mcp_hook.custom_mcp_cost_tracker

mcp_servers:
  zapier_server:
    url: "https://actions.zapier.com/mcp/sk-xxxxx/sse"
"#;

const CONFIG: &str = r#"
general_settings:
  master_key: sk-1234
  mcp_client_side_auth_header_name: x-my-mcp-auth
  mcp_internal_ip_ranges: [10.1.2.3/8, 192.0.2.7, everywhere]
  use_x_forwarded_for: true
  mcp_trusted_proxy_ranges: ["2001:db8::/32"]
litellm_settings:
  mcp_aliases: { gh: github_server }
mcp_servers:
  demo_server:
    transport: stdio
    command: switchboard
    args: [demo-server]
    env: { DEMO_TOKEN: os.environ/DEMO_TOKEN, CALLER: "${X-Caller}" }
    access_groups: [dev group]
    disallowed_tools: [fail, demo_server-slow]
    mcp_info: { mcp_server_cost_info: { default_cost_per_query: 0.01, tool_name_to_cost_per_query: { add: 1e-05 } } }
  github_server:
    url: https://api.githubcopilot.com/mcp/
    transport: http
    auth_type: bearer_token
    auth_value: Bearer ghp_secret
    extra_headers: [X-Trace, x-api-key]
    static_headers: { X-Tenant: corp-secret }
    allowed_tools: [get_me, "list_*"]
    allowed_params: { get_me: [id] }
    timeout: 2.5
    max_concurrent_requests: 8
    allow_all_keys: true
  private:
    url: https://private.example/mcp
    available_on_public_internet: false
  oauth:
    url: https://oauth.example/mcp
    auth_type: oauth2
    client_id: a
  machine:
    url: https://machine.example/mcp
    auth_type: oauth2
    token_url: https://login.example/token
    client_id: gateway
    client_secret: oauth-secret
    scopes: [read, write]
  exchanged:
    url: https://exchanged.example/mcp
    auth_type: oauth2_token_exchange
    token_exchange_endpoint: https://login.example/exchange
    audience: tools
    client_id: gateway
    client_secret: exchange-secret
    token_endpoint_auth_method: client_secret_basic
  entra:
    url: https://entra.example/mcp
    auth_type: oauth2_token_exchange
    token_exchange_profile: entra_obo
    token_url: https://login.example/token
    audience: unused
    client_id: gateway
    client_secret: entra-secret
    scopes: ['api://up/.default']
  passed: { url: https://passed.example/mcp, auth_type: true_passthrough, extra_headers: [Authorization, X-Tenant] }
  petstore: { spec_path: ./petstore.yaml, url: 'https://petstore.example/v3', auth_type: bearer_token, auth_value: petstore-secret }
"#;

fn sha256(key: &str) -> String {
    format!("{:x}", Sha256::digest(key))
}

#[test]
fn the_configuration_of_the_page_runs() {
    let imported = Imported::of(&["litellm"], &[("config.yaml", PAGE)]);
    let server = imported.object("mcpserver-zapier-server.yaml");
    assert_eq!(
        server["spec"]["http"],
        json!({ "urlFrom": { "secretKeyRef": { "name": "zapier-server-credentials", "key": "url" } } })
    );
    assert!(imported.says("callbacks", "not run") && imported.says("", "model_list"), "{:?}", imported.report);
    assert_eq!(imported.report.len(), 2);
    assert!(!stands_in_objects(&imported.manifests(), "sk-xxxxx"));
    assert_eq!(Serving::start(&imported.manifests()).post("sk-nobody", &json!({})).0, 401);
}

#[test]
fn every_field_has_its_counterpart_or_a_line() {
    let imported = Imported::of(&["litellm"], &[("config.yaml", CONFIG)]);
    let demo = imported.object("mcpserver-demo-server.yaml");
    assert_eq!(demo["spec"]["accessGroups"], json!([{ "name": "dev-group" }]));
    assert_eq!(imported.object("mcpaccessgroup-dev-group.yaml")["spec"]["groupName"], "dev group");
    assert_eq!(demo["spec"]["tools"]["deny"], json!(["demo_server-slow", "fail", "slow"]));
    assert_eq!(demo["spec"]["cost"], json!({ "perCall": "0.01", "perTool": [{ "tool": "add", "price": "0.00001" }] }));
    assert!(
        demo["spec"]["stdio"]["env"].as_array().unwrap().contains(&json!({ "name": "CALLER", "value": "${X-Caller}" }))
    );
    assert!(imported.says("mcp_servers.demo_server.env.DEMO_TOKEN", "`os.environ/DEMO_TOKEN`"));
    let github = &imported.object("mcpserver-github-server.yaml")["spec"];
    assert_eq!((&github["alias"], &github["access"]), (&json!("gh"), &json!("AllKeys")));
    assert_eq!((&github["auth"]["type"], &github["auth"]["clientSide"]), (&json!("Bearer"), &json!("Replace")), "R24");
    assert_eq!(imported.object("secret-github-server-credentials.yaml")["stringData"]["auth"], "ghp_secret");
    assert_eq!(github["http"]["forwardHeaders"], json!(["X-Trace"]));
    assert_eq!(github["tools"], json!({ "allow": ["get_me"], "deny": ["get_me"] }), "never wider");
    assert_eq!((&github["timeouts"]["callSeconds"], &github["limits"]["maxConcurrentCalls"]), (&json!(3), &json!(8)));
    let private = &imported.object("mcpserver-private.yaml")["spec"];
    assert_eq!(private["exposure"], "Internal");
    let machine = &imported.object("mcpserver-machine.yaml")["spec"]["auth"];
    let member = &machine["oauth2ClientCredentials"];
    assert_eq!((&machine["type"], &machine["clientSide"]), (&json!("OAuth2ClientCredentials"), &json!("Replace")));
    assert_eq!(
        (&member["tokenUrl"], &member["clientAuthentication"], &member["scopes"]),
        (&json!("https://login.example/token"), &json!("Post"), &json!(["read", "write"]))
    );
    let secrets = &imported.object("secret-machine-credentials.yaml")["stringData"];
    assert_eq!((&secrets["client-id"], &secrets["client-secret"]), (&json!("gateway"), &json!("oauth-secret")));
    let exchanged = &imported.object("mcpserver-exchanged.yaml")["spec"]["auth"];
    let member = &exchanged["tokenExchange"];
    assert_eq!(
        (&exchanged["type"], &member["tokenUrl"], &member["audience"], &member["clientAuthentication"]),
        (&json!("TokenExchange"), &json!("https://login.example/exchange"), &json!("tools"), &json!("Basic"))
    );
    let member = &imported.object("mcpserver-entra.yaml")["spec"]["auth"]["tokenExchange"];
    assert_eq!(
        (&member["flow"], &member["tokenUrl"], &member["scopes"], &member["audience"]),
        (&json!("OnBehalfOf"), &json!("https://login.example/token"), &json!(["api://up/.default"]), &json!(null))
    );
    let passed = &imported.object("mcpserver-passed.yaml")["spec"];
    assert_eq!(
        (&passed["http"]["forwardHeaders"], &passed["auth"]),
        (&json!(["authorization", "X-Tenant"]), &json!(null))
    );
    assert!(
        imported.says("mcp_servers.oauth.auth_type", "by hand") && imported.says("mcp_servers.petstore", "OpenAPI")
    );
    let settings = imported.object("settings.yaml");
    assert_eq!(settings["clientSideAuthHeader"], "x-my-mcp-auth");
    assert_eq!(settings["internalNetworks"], json!(["10.0.0.0/8", "192.0.2.7/32"]));
    assert_eq!(settings["trustedProxies"], json!(["2001:db8::/32"]));
    assert!(imported.says("general_settings.mcp_internal_ip_ranges", "`everywhere`"));
    assert!(imported.says("general_settings.master_key", "no key here"));
    for secret in ["ghp_secret", "corp-secret", "sk-1234", "oauth-secret", "exchange-secret", "entra-secret"] {
        assert!(!stands_in_objects(&imported.manifests(), secret), "{secret}");
        assert!(!imported.report.iter().any(|(_, words)| words.contains(secret)), "{secret}");
    }
}

/// Three servers of which each has the same tools, and one that every key has.
const SERVERS: &str = r"
mcp_servers:
  a: { command: switchboard, args: [demo-server] }
  b: { command: switchboard, args: [demo-server], access_groups: [g] }
  c: { command: switchboard, args: [demo-server], access_groups: [g2] }
  all: { command: switchboard, args: [demo-server], allow_all_keys: true, allowed_tools: [echo] }
";

/// By which name, of which team and organization, with which permissions, and the tools that LiteLLM's rule gives beside
/// `all-echo`; none: it is nobody.
type Case = (&'static str, &'static str, &'static str, Value, Option<&'static str>);

fn cases() -> Vec<Case> {
    let b_by_id = &format!("{:x}", Sha256::digest("b||http||"))[..32];
    vec![
        ("own servers, no team", "", "", json!({ "mcp_servers": ["a", "c"] }), Some("a-add a-echo c-add c-echo")),
        ("a server by its id", "", "", json!({ "mcp_servers": [b_by_id] }), Some("b-add b-echo")),
        ("silent, no team", "", "", Value::Null, Some("")),
        (
            "empty lists are silence",
            "ab",
            "",
            json!({ "mcp_servers": [], "mcp_access_groups": [] }),
            Some("a-add a-echo b-add b-echo"),
        ),
        ("silent, inherits the team's", "ab", "", Value::Null, Some("a-add a-echo b-add b-echo")),
        ("own and team's: both must have it", "ab", "", json!({ "mcp_servers": ["b", "c"] }), Some("b-add b-echo")),
        ("own, and a silent team", "silent", "", json!({ "mcp_servers": ["c"] }), Some("c-add c-echo")),
        ("silent, and a silent team", "silent", "", Value::Null, Some("")),
        ("a group", "", "", json!({ "mcp_access_groups": ["g"] }), Some("b-add b-echo")),
        ("groups that are nothing do not inherit", "ab", "", json!({ "mcp_access_groups": ["nope"] }), Some("")),
        ("a team's groups that are nothing", "nothing", "", Value::Null, Some("")),
        ("no-mcp-servers is absolute", "ab", "", json!({ "mcp_servers": ["no-mcp-servers", "a"] }), None),
        ("tools give the server", "", "", json!({ "mcp_tool_permissions": { "a": ["echo"] } }), Some("a-echo")),
        (
            "tools hold for a server that is given",
            "",
            "",
            json!({ "mcp_servers": ["a"], "mcp_tool_permissions": { "a": ["echo"] } }),
            Some("a-echo"),
        ),
        (
            "tools hold for a server of a group",
            "",
            "",
            json!({ "mcp_access_groups": ["g"], "mcp_tool_permissions": { "b": ["echo"] } }),
            Some("b-echo"),
        ),
        ("no tools at all", "", "", json!({ "mcp_tool_permissions": { "a": [] } }), Some("")),
        ("a wildcard is no tool of LiteLLM", "", "", json!({ "mcp_tool_permissions": { "a": ["*"] } }), Some("")),
        (
            "tools of both intersect",
            "tools",
            "",
            json!({ "mcp_tool_permissions": { "a": ["echo", "slow"] } }),
            Some("a-echo"),
        ),
        ("a team with another's id for an alias", "t-2", "", Value::Null, Some("b-add b-echo")),
        ("tools of the team alone", "tools", "", json!({ "mcp_servers": ["a"] }), Some("a-add a-echo")),
        ("the organization's list is the grant", "", "only-a", Value::Null, Some("a-add a-echo")),
        ("and so below a silent team", "of-only-a", "", Value::Null, Some("a-add a-echo")),
        ("the organization is a ceiling", "of-only-a", "", json!({ "mcp_servers": ["a", "b"] }), Some("a-add a-echo")),
        ("a team that is not known", "gone", "", json!({ "mcp_servers": ["a"] }), Some("")),
    ]
}

fn export() -> Value {
    let key = |(name, team, organization, permission, _): &Case| {
        let id = |id: &str| if id.is_empty() { Value::Null } else { json!(id) };
        json!({ "token": sha256(&format!("sk-{name}")), "key_alias": name, "team_id": id(team), "organization_id": id(organization), "object_permission": permission })
    };
    let mut keys: Vec<Value> = cases().iter().map(key).collect();
    for (name, member, value) in [
        ("blocked", "blocked", json!(true)),
        ("expired", "expires", json!("2020-01-01T00:00:00.123456")),
        ("not a time", "expires", json!("soon")),
        ("for models", "allowed_routes", json!(["/chat/completions"])),
        ("all but MCP", "allowed_routes", json!(["llm_api_routes_without_mcp"])),
        ("one path", "allowed_routes", json!(["/mcp/a"])),
        ("a list alone", "allowed_routes", json!(["/mcp-rest/tools/list"])),
        ("tools of what all have", "object_permission", json!({ "mcp_tool_permissions": { "all": [] } })),
        ("permissions elsewhere", "object_permission_id", json!("p")),
        ("all of MCP", "allowed_routes", json!(["mcp_routes"])),
        ("of a listed user", "user_id", json!("silent")),
        ("of another page's user", "user_id", json!("gone")),
    ] {
        let permission = if member == "object_permission_id" { Value::Null } else { json!({ "mcp_servers": ["a"] }) };
        let mut key =
            json!({ "token": sha256(&format!("sk-{name}")), "key_alias": name, "object_permission": permission });
        key[member] = value;
        keys.push(key);
    }
    json!({
        "keys": keys,
        "total_count": keys.len(),
        "teams": [
            { "team_id": "ab", "team_alias": "A and B", "object_permission": { "mcp_servers": ["a", "b"] } },
            { "team_id": "silent" },
            { "team_id": "nothing", "object_permission": { "mcp_access_groups": ["nope"] } },
            { "team_id": "tools", "object_permission": { "mcp_tool_permissions": { "a": ["add", "echo"] } } },
            { "team_id": "t-2", "team_alias": "tools", "object_permission": { "mcp_servers": ["b"] } },
            { "team_id": "of-only-a", "organization_id": "only-a" },
        ],
        "users": [{ "user_id": "silent" }],
        "organizations": [{ "organization_id": "only-a", "organization_alias": "Only A", "object_permission": { "mcp_servers": ["a"] } }],
    })
}

#[test]
fn keys_may_what_litellms_rule_lets_them_by_the_keys_that_they_are() {
    let imported = Imported::of(&["litellm"], &[("config.yaml", SERVERS), ("export.json", &export().to_string())]);
    let serving = Serving::start(&imported.manifests());
    for (name, _, _, _, expected) in cases() {
        let key = format!("sk-{name}");
        let Some(expected) = expected else {
            assert_eq!(serving.post(&key, &json!({})).0, 401, "{name}");
            continue;
        };
        let counted = ["add", "echo"].map(|tool| format!("-{tool}"));
        let found: BTreeSet<String> =
            serving.tools(&key).into_iter().filter(|tool| counted.iter().any(|end| tool.ends_with(end))).collect();
        let expected: BTreeSet<String> = expected.split_whitespace().chain(["all-echo"]).map(str::to_owned).collect();
        assert_eq!(found, expected, "{name}");
    }
    let refused = ["blocked", "expired", "not a time", "for models", "all but MCP", "one path", "a list alone"];
    for name in refused.into_iter().chain(["tools of what all have", "permissions elsewhere", "unknown"]) {
        assert_eq!(serving.post(&format!("sk-{name}"), &json!({})).0, 401, "{name}");
    }
    assert_eq!(serving.add("sk-silent, inherits the team's", "b-add"), "5");
    assert_ne!(serving.add("sk-own and team's: both must have it", "a-add"), "5");
    assert!(imported.says("keys.a team that is not known", "`gone` is not in the export"));
    assert_eq!(serving.add("sk-all of MCP", "a-add"), "5");
    assert_eq!(serving.add("sk-of a listed user", "a-add"), "5");
    assert_ne!(serving.add("sk-of another page's user", "a-add"), "5");
    assert!(imported.says("keys.of another page's user", "`gone` is not in the list of users"));
    assert!(imported.says("keys.tools of what all have", "`all`, which every key has whole"));
    assert!(imported.says("keys.one path", "may not call all of MCP"));
}
