//! Where MCP is served: the aggregate, and one server or group by path.

use http::StatusCode;
use serde_json::json;
use tests::client::{Client, get};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, Upstream};

use super::scene::{KEY, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_path_scopes_and_unknown_is_as_forbidden() {
    let upstreams = [Upstream::start(Script::echo()), Upstream::start(Script::echo()), Upstream::start(Script::echo())];
    let manifests = Manifests::default();
    for (name, upstream) in ["one", "two_more", "hidden"].iter().zip(&upstreams) {
        let http = json!({"url": upstream.url(), "transport": "StreamableHTTP"});
        let spec = json!({"alias": name, "http": http, "sessionMode": "Shared"});
        manifests.server(&name.replace('_', "-"), &spec);
    }
    manifests.group("dev", "dev group", &["two-more", "hidden"]).key("caller", KEY, &["one", "two-more"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let client = |path: &str| Client::new(&switchboard.mcp).key(KEY).path(path);
    let (one, two) = ("one-echo", "two_more-echo");
    for (path, expected) in [
        ("/mcp", &[one, two][..]),
        ("/mcp/", &[one, two]),
        ("/mcp/one", &[one]),
        ("/one/mcp", &[one]),
        ("/mcp/ONE", &[one]),
        ("/mcp/two_more", &[two]),
        ("/mcp/two%20more", &[two]),
        ("/mcp/dev_group", &[two]),
        ("/dev_group/mcp", &[two]),
    ] {
        let mut client = client(path);
        client.initialize("2025-11-25").await;
        let mut tools = client.tools().await;
        tools.sort();
        assert_eq!(tools, expected, "{path}");
    }
    let mut scoped = client("/mcp/one").header("x-mcp-servers", "two_more");
    scoped.initialize("2025-11-25").await;
    assert_eq!(scoped.tools().await, [one], "a path overrides the headers");
    assert!(scoped.call(two, "{}").await.is_tool_error());

    for form in ["/mcp/{}", "/{}/mcp"] {
        let mut bodies = Vec::new();
        for name in ["hidden", "nope"] {
            let answer = client(&form.replace("{}", name)).try_initialize("2025-11-25").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{form} {name}");
            let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(body["detail"], format!("MCP server, toolset, or access group '{name}' not found"));
            bodies.push(String::from_utf8(answer.body.to_vec()).unwrap().replace(name, "*"));
        }
        assert_eq!(bodies[0], bodies[1], "forbidden reads as unknown");
    }
    let keyless = Client::new(&switchboard.mcp).path("/mcp/one").try_initialize("2025-11-25").await;
    assert_eq!(keyless.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_are_404() {
    let scene = Scene::of(Script::echo());
    for path in ["/", "/up", "/mcp/up/more", "/v1/nothing", "/messages", "/mcp/messages/x", "/mcp/up/sse", "/sse/more"]
    {
        let answer = scene.client_at(path).try_initialize("2025-11-25").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_port_tells_readiness_metrics_and_status() {
    let scene = Scene::of(Script::echo());
    let admin = |path: &str| format!("{}{path}", scene.switchboard.admin);
    scene.session().await.call("up-echo", "{}").await;
    assert_eq!(get(&admin("/readyz")).await.status, StatusCode::OK);
    let metrics = get(&admin("/metrics")).await;
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.lines().any(|line| line.starts_with("switchboard_")), "{text}");
    let status = get(&admin("/status")).await;
    let server = &status.json()["servers"][0];
    assert_eq!(
        (&server["name"], &server["state"], &server["tools"]),
        (&json!("default/up"), &json!("ready"), &json!(1))
    );
    for text in [text, String::from_utf8(status.body.to_vec()).unwrap()] {
        assert!(!text.contains(KEY) && !text.contains(&tests::manifests::sha256(KEY)), "no key on the admin port");
    }
}
