//! What can be read of servers and groups, and that nothing can be written.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream, dead_url, stdio};
use tests::wait::until_async;

use super::super::scene::KEY;
use super::{ALICE, BOB, CAROL, SERVER, Two, read, read_with, refused, text};

const NEAR: &str = r#"{"server_id":"default/near","server_name":"near","alias":"near","transport":"http","auth_type":"none","mcp_access_groups":[],"is_config":true}"#;
const FAR: &str = r#"{"server_id":"default/far-one","server_name":"Far_Away","alias":"Far_Away","transport":"http","auth_type":"bearer_token","mcp_access_groups":["far group"],"is_config":true}"#;

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_those_that_the_caller_may_use_and_show_no_more_than_that() {
    let two = Two::start();
    for (key, expected) in [(ALICE, format!("[{FAR},{NEAR}]")), (BOB, format!("[{FAR}]")), (CAROL, "[]".to_owned())] {
        let answer = read(&two.client(key), SERVER).await;
        assert_eq!((answer.status, text(&answer)), (StatusCode::OK, expected.as_str()), "{key}");
    }
    let narrowed = read_with(&two.client(ALICE), SERVER, &[("x-mcp-servers", "near")]).await;
    assert_eq!(text(&narrowed), format!("[{NEAR}]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_is_looked_up_by_any_name_and_unknown_is_as_forbidden() {
    let two = Two::start();
    let alice = two.client(ALICE);
    for name in ["default/far-one", "default%2Ffar-one", "Far_Away", "far%20away", "far-one", "FARAWAY/"] {
        let answer = read(&alice, &format!("{SERVER}/{name}")).await;
        assert_eq!((answer.status, text(&answer)), (StatusCode::OK, FAR), "{name}");
    }
    let long = "x".repeat(2000);
    let mut bodies = Vec::new();
    for (key, name) in [(ALICE, "hidden"), (ALICE, "nope"), (BOB, "near"), (CAROL, "near"), (ALICE, long.as_str())] {
        let answer = read(&two.client(key), &format!("{SERVER}/{name}")).await;
        assert_eq!(refused(&answer, 404), "server_not_found", "{name}");
        bodies.push(answer.body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let outside = read_with(&alice, &format!("{SERVER}/near"), &[("x-mcp-servers", "far_away")]).await;
    assert_eq!(refused(&outside, 404), "server_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_server_has_its_words() {
    let up = Upstream::start(Script::echo());
    let value = json!({"value": "a-secret-value"});
    let header = |name: &str| json!({"headerName": name, "value": "a-secret-value"});
    let kinds = [
        ("key", json!({"type": "ApiKey", "apiKey": header("X-API-Key")}), "api_key"),
        ("basic", json!({"type": "Basic", "basic": value}), "basic"),
        ("token", json!({"type": "Token", "token": value}), "token"),
        ("verbatim", json!({"type": "Authorization", "authorization": value}), "authorization"),
    ];
    let manifests = Manifests::default();
    let url = format!("{}?secret=of-the-url", up.url());
    for (name, auth, _) in &kinds {
        let http = json!({"url": url, "headers": [{"name": "X-More", "value": "a-secret-value"}]});
        manifests.server(name, &json!({"http": http, "auth": auth, "sessionMode": "Shared"}));
    }
    manifests.server("events", &json!({"http": {"url": up.sse_url(), "transport": "SSE"}, "sessionMode": "Shared"}));
    manifests.server("child", &json!({"stdio": stdio::manifest(&Script::echo()), "sessionMode": "Shared"}));
    manifests.key("scene", KEY, &["key", "basic", "token", "verbatim", "events", "child"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let answer = read(&Client::new(&switchboard.mcp).key(KEY), SERVER).await;
    for secret in ["secret", &up.address().to_string(), "fixture-stdio", KEY] {
        assert!(!text(&answer).contains(secret), "{secret} in {}", text(&answer));
    }
    let answer = answer.json();
    let of = |alias: &str| -> (Value, Value) {
        let servers = answer.as_array().unwrap();
        let server = servers.iter().find(|server| server["alias"] == alias).unwrap();
        (server["transport"].clone(), server["auth_type"].clone())
    };
    for (name, _, word) in kinds {
        assert_eq!(of(name), (json!("http"), json!(word)), "{name}");
    }
    assert_eq!(of("events"), (json!("sse"), json!("none")));
    assert_eq!(of("child"), (json!("stdio"), json!("none")));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_what_the_process_knows() {
    let up = Upstream::start(Script::echo());
    let slow =
        Upstream::start(Script { at_initialize: Some(Does::Hang), ..Script::with([Tool::new("a", Does::Echo)]) });
    let manifests = Manifests::default();
    manifests.http("up", &up.url()).http("lost", &dead_url()).http("slow", &slow.url()).http("not-mine", &dead_url());
    manifests.key("scene", KEY, &["up", "lost", "slow"]);
    let switchboard = Switchboard::start(manifests.path(), &Options::default());
    let client = Client::new(&switchboard.mcp).key(KEY);
    let expected = |up: &str| {
        json!([
            {"server_id": "default/lost", "status": "unhealthy"},
            {"server_id": "default/slow", "status": "unknown"},
            {"server_id": "default/up", "status": up},
        ])
    };
    let health = async || read(&client, "/v1/mcp/server/health").await.json();
    until_async("health is known", Duration::from_secs(8), async || {
        let mut health = health().await;
        health.as_array_mut()?.sort_by_key(|server| server["server_id"].to_string());
        (health == expected("healthy")).then_some(())
    })
    .await;
    let asked = up.all_posts();
    for _ in 0..5 {
        health().await;
    }
    assert_eq!(up.all_posts(), asked, "nothing is asked for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_those_that_leave_something() {
    let two = Two::start();
    for (key, expected) in [(ALICE, r#"["far group"]"#), (BOB, r#"["far group"]"#), (CAROL, "[]")] {
        let answer = read(&two.client(key), "/v1/mcp/access_groups").await;
        let expected = format!(r#"{{"access_groups":{expected}}}"#);
        assert_eq!((answer.status, text(&answer)), (StatusCode::OK, expected.as_str()), "{key}");
    }
    let narrowed = read_with(&two.client(ALICE), "/v1/mcp/access_groups", &[("x-mcp-servers", "near")]).await;
    assert_eq!(text(&narrowed), r#"{"access_groups":[]}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_writes_is_told_of_objects() {
    let two = Two::start();
    let mut bodies = Vec::new();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in
            [SERVER, "/v1/mcp/server/near", "/v1/mcp/server/near/approve", "/v1/mcp/access_groups", "/v1/mcp/toolset"]
        {
            let answer = two.client(ALICE).clone_at(path).send(&method, &[], r#"{"server_name":"x"}"#).await;
            assert_eq!(refused(&answer, 405), "method_not_allowed", "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET", "{method} {path}");
            bodies.push(text(&answer).to_owned());
            let nobody = Client::new(&two.switchboard.mcp).path(path).send(&method, &[], "{}").await;
            assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        }
    }
    assert!(
        bodies.iter().all(|body| body.contains("kubectl apply -f") && body.contains("McpKeyBinding")),
        "{bodies:?}"
    );
    assert_eq!(text(&read(&two.client(ALICE), SERVER).await), format!("[{FAR},{NEAR}]"), "nothing was written");
}
