//! The two lists of tools: whose they are, what narrows them, and what is said of servers that cannot be listed.

use http::StatusCode;
use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream, dead_url};

use super::super::scene::KEY;
use super::{ALICE, BOB, CAROL, LIST, Two, call, key_client, listed, read, read_with, refused, scene, text};

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(server, tool)| ((*server).to_owned(), (*tool).to_owned())).collect()
}

const NEAR: [(&str, &str); 2] = [("default/near", "echo"), ("default/near", "add-note")];
const FAR: [(&str, &str); 2] = [("default/far-one", "echo"), ("default/far-one", "add-note")];

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_has_its_native_name_and_whose_it_is_and_all_other_bytes() {
    let members =
        r#","description":"caf\u00e9","x":[1e400, 9007199254740993],"mcp_info":{"server_name":"forged"},"y":0"#;
    let odd = Tool { members: members.to_owned(), ..Tool::new("get-time", Does::Echo) };
    let scene = scene([odd, Tool::new("echo", Does::Echo)]);
    let answer = read(&key_client(&scene), LIST).await;
    let info = r#""mcp_info":{"server_name":"up","server_id":"default/up","alias":"up"}"#;
    let odd = r#"{"name":"get-time","inputSchema":{"type":"object"},"description":"caf\u00e9","x":[1e400, 9007199254740993],"y":0"#;
    let echo = r#"{"name":"echo","inputSchema":{"type":"object"}"#;
    let expected = format!(
        r#"{{"tools":[{odd},{info}}},{echo},{info}}}],"error":null,"message":"Successfully retrieved tools"}}"#
    );
    assert_eq!((answer.status, text(&answer)), (StatusCode::OK, expected.as_str()));
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_named_by_id_alias_or_name_in_any_spelling() {
    let two = Two::start();
    let alice = two.client(ALICE);
    assert_eq!(listed(&read(&alice, LIST).await), pairs(&[FAR, NEAR].concat()));
    for parameter in ["server_id", "mcp_server_name"] {
        for name in
            ["default/far-one", "default%2Ffar-one", "Far_Away", "far%20away", "far+away", "FAR-AWAY", "far_one"]
        {
            let answer = read(&alice, &format!("{LIST}?{parameter}={name}")).await;
            assert_eq!(listed(&answer), pairs(&FAR), "{parameter}={name}");
        }
    }
    let empty = read(&alice, &format!("{LIST}?server_id=&unknown=1")).await;
    assert_eq!(listed(&empty).len(), 4, "an empty name is none");
    let same = read(&alice, &format!("{LIST}?server_id=near&mcp_server_name=near")).await;
    assert_eq!(listed(&same), pairs(&NEAR));
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_narrow_as_they_do_on_mcp() {
    let two = Two::start();
    let alice = two.client(ALICE);
    for (header, value, expected) in [
        ("x-mcp-servers", "near", &NEAR[..]),
        ("x-mcp-servers", "nope, NEAR", &NEAR[..]),
        ("x-mcp-servers", "far_group", &FAR[..]),
        ("x-mcp-servers", "default/far-one", &FAR[..]),
        ("x-mcp-servers", "FAR_one", &FAR[..]),
        ("x-mcp-access-groups", "far group", &FAR[..]),
        ("x-mcp-servers", "nope", &[]),
        ("x-mcp-servers", "hidden", &[]),
    ] {
        let answer = read_with(&alice, LIST, &[(header, value)]).await;
        assert_eq!(listed(&answer), pairs(expected), "{header}: {value}");
    }
    let outside = read_with(&alice, &format!("{LIST}?server_id=near"), &[("x-mcp-servers", "far_away")]).await;
    assert_eq!(refused(&outside, 403), "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_server_reads_as_a_forbidden_one() {
    let two = Two::start();
    for key in [ALICE, CAROL] {
        let client = two.client(key);
        let mut bodies = Vec::new();
        for query in [
            "server_id=hidden",
            "server_id=default/hidden",
            "server_id=nope",
            "mcp_server_name=hidden",
            "server_id=%ff",
            "toolset_name=any",
            "server_id=near&server_id=far_away",
        ] {
            let answer = read(&client, &format!("{LIST}?{query}")).await;
            assert_eq!(refused(&answer, 403), "access_denied", "{query}");
            bodies.push(answer.body);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    }
    let nothing = read(&two.client(CAROL), LIST).await;
    assert_eq!(text(&nothing), r#"{"tools":[],"error":null,"message":"Successfully retrieved tools"}"#);
}

/// R23: what a caller sees is what they may call, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn two_callers_see_and_call_what_is_theirs() {
    let two = Two::start();
    for (key, expected) in [(ALICE, [FAR, NEAR].concat()), (BOB, vec![FAR[0]]), (CAROL, Vec::new())] {
        let client = two.client(key);
        let shown = listed(&read(&client, LIST).await);
        assert_eq!(shown, pairs(&expected), "{key}");
        for server in ["default/near", "default/far-one", "default/hidden"] {
            for tool in ["echo", "add-note", "nope"] {
                let called = call(&client, (server, tool), "{}").await;
                let is_shown = shown.contains(&(server.to_owned(), tool.to_owned()));
                assert_eq!(called.status == StatusCode::OK, is_shown, "{key} {server} {tool}: {called:?}");
            }
        }
    }
    assert_eq!(two.hidden.posts("tools/call"), 0);
    assert_eq!((two.near.posts("tools/call"), two.far.posts("tools/call")), (2, 3));
}

/// Each grant that is taken away is gone from both, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_grant_is_lost_here_too() {
    let two = Two::start();
    let bob = two.client(BOB);
    assert_eq!(call(&bob, ("far_away", "echo"), "{}").await.status, StatusCode::OK);
    two.manifests.key("bob", BOB, &["near"]);
    tests::wait::until_async("the new grant", std::time::Duration::from_secs(10), async || {
        (listed(&read(&bob, LIST).await) == pairs(&NEAR)).then_some(())
    })
    .await;
    assert_eq!(refused(&call(&bob, ("far_away", "echo"), "{}").await, 403), "access_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn v1_tools_are_those_of_tools_list() {
    let two = Two::start();
    for key in [ALICE, BOB, CAROL] {
        let client = two.client(key);
        let listed = client.clone_at("/mcp").request("tools/list", "{}").await;
        let expected = text(&listed).trim_start_matches(r#"{"jsonrpc":"2.0","id":1,"result":"#);
        let answer = read(&client, "/v1/mcp/tools").await;
        assert_eq!(format!("{}}}", text(&answer)), expected, "{key}");
    }
    let narrowed = read_with(&two.client(ALICE), "/v1/mcp/tools", &[("x-mcp-servers", "near")]).await.json();
    let names: Vec<_> = narrowed["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["near-echo", "near-add-note"]);
}

/// A server, `up`, that lists, and one that does not.
fn beside(url: &str, timeouts: &Value) -> (Upstream, Switchboard) {
    let up = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    let http = json!({"url": url, "transport": "StreamableHTTP"});
    manifests.http("up", &up.url()).key("scene", KEY, &["up", "lost"]);
    manifests.server("lost", &json!({"http": http, "sessionMode": "Shared", "timeouts": timeouts}));
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    (up, switchboard)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_costs_itself_alone_and_is_said_to_be_dead() {
    let (_up, switchboard) = beside(&dead_url(), &json!({}));
    let client = Client::new(&switchboard.mcp).key(KEY);
    let outcomes = json!({"lost": {"status": "unreachable"}, "up": {"status": "ok", "tool_count": 1}});
    for path in [LIST, "/v1/mcp/tools"] {
        let some = read(&client, path).await;
        assert_eq!((some.status, &some.json()["server_outcomes"]), (StatusCode::OK, &outcomes), "{path}");
        assert_eq!(some.json()["tools"].as_array().unwrap().len(), 1, "{path}");
    }
    assert_eq!(listed(&read(&client, LIST).await), pairs(&[("default/up", "echo")]));
    let one = read(&client, &format!("{LIST}?server_id=lost")).await;
    assert_eq!(refused(&one, 502), "unreachable");
    assert!(text(&one).contains("lost"), "{one:?}");
    let all = read_with(&client, LIST, &[("x-mcp-servers", "lost")]).await;
    let expected = r#"{"tools":[],"error":"partial_failure","message":"Every MCP server in scope failed to list tools","server_outcomes":{"lost":{"status":"unreachable"}}}"#;
    assert_eq!((all.status, text(&all)), (StatusCode::OK, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_list_in_time_is_504_and_one_that_wants_a_key_is_not_401() {
    for (does, status, error) in [
        (Does::Hang, 504, "timeout"),
        (Does::Status(401), 502, "auth_required"),
        (Does::Status(429), 429, "rate_limited"),
    ] {
        let lost = Upstream::start(Script { at_list: Some(does), ..Script::echo() });
        let (_up, switchboard) = beside(&lost.url(), &json!({"listSeconds": 1}));
        let client = Client::new(&switchboard.mcp).key(KEY);
        let answer = read(&client, &format!("{LIST}?server_id=lost")).await;
        assert_eq!(refused(&answer, status), error);
        assert!(answer.headers.get("www-authenticate").is_none(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_listed_before_is_listed_while_its_server_is_away() {
    let (up, switchboard) = beside(&dead_url(), &json!({}));
    let client = Client::new(&switchboard.mcp).key(KEY);
    drop(up);
    let path = format!("{LIST}?server_id=up");
    let answer = tests::wait::until_async("its death shows", std::time::Duration::from_secs(10), async || {
        call(&client, ("up", "echo"), "{}").await;
        let answer = read(&client, &path).await;
        answer.json().get("server_outcomes").is_some().then_some(answer)
    })
    .await;
    assert_eq!(listed(&answer), pairs(&[("default/up", "echo")]));
    assert_eq!(answer.json()["server_outcomes"], json!({"up": {"status": "unreachable"}}));
}
