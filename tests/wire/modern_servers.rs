//! Servers that speak 2026-07-28 alone (R5, R6), for clients of both eras. The scripted ones refuse whatever is not as
//! that revision asks, headers included, so that an answer says that all of it was.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tests::client::{Client, get};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::modern::REVISION;
use tests::upstream::{Does, Entry, Form, Script, Tool, Upstream};
use tests::wait::{until, until_async};

use super::scene::{KEY, Scene, Transport};

/// Over which such servers are reached.
const CARRIERS: [Transport; 2] = [Transport::Http, Transport::Stdio];

/// Within this something that happens in the background has happened.
const SOON: Duration = Duration::from_secs(20);

fn everything() -> Script {
    let annotated = r#""region":{"type":"string","x-mcp-header":"Region"},"count":{"type":"integer","x-mcp-header":"Count"},"deep":{"type":"object","properties":{"dry":{"type":"boolean","x-mcp-header":"Dry-Run"}}}"#;
    Script::with([
        Tool::new("echo", Does::Echo),
        Tool::new("annotated", Does::Echo).properties(annotated),
        Tool::new("steps", Does::Progress(2)),
        Tool::new("caf\u{e9}", Does::Echo),
    ])
    .prompts([Entry::prompt("hello", Does::Echo)])
    .resources([Entry::resource("test://one", Does::Echo)])
    .templates([Entry::template("test://of/{name}", Does::Echo)])
    .modern()
}

async fn status(switchboard: &Switchboard) -> Value {
    get(&format!("{}/status", switchboard.admin)).await.json()["servers"].get(0).cloned().unwrap_or_default()
}

/// The members of `_meta` that the server got.
fn meta(answer: &Value) -> Value {
    answer["result"]["structuredContent"]["params"]["_meta"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_legacy_clients_list_call_get_and_read_of_a_modern_server() {
    for carrier in CARRIERS {
        let script = Script { completes: Some(Does::Echo), page: Some(2), ..everything() };
        let scene = Scene::over(carrier, script, &json!({}));
        assert_eq!(status(&scene.switchboard).await["protocol"], REVISION, "{carrier:?}");
        let mut client = scene.session().await;
        assert_eq!(client.tools().await, ["up-echo", "up-annotated", "up-steps", "up-caf\u{e9}"], "{carrier:?}");
        let answer = client.call("up-echo", r#"{"a":1}"#).await.json();
        assert_eq!(answer["result"]["content"][0]["text"], "echo", "{carrier:?}: {answer}");
        let meta = meta(&answer);
        assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({}), "{carrier:?}");
        assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "switchboard", "{carrier:?}");
        for member in ["resultType", "ttlMs", "cacheScope"] {
            assert!(answer["result"].get(member).is_none(), "{member} is of another era");
        }
        assert_eq!(client.call("up-caf\u{e9}", "{}").await.text(), "echo", "{carrier:?}");
        let prompt = client.request("prompts/get", r#"{"name":"up-hello"}"#).await.json();
        assert_eq!(prompt["result"]["echo"]["name"], "hello", "{carrier:?}: {prompt}");
        let read = client.request("resources/read", r#"{"uri":"test://one"}"#).await.json();
        assert_eq!(read["result"]["contents"][0]["uri"], "test://one", "{carrier:?}: {read}");
        let reference = r#"{"ref":{"type":"ref/prompt","name":"up-hello"},"argument":{"name":"a","value":"b"}}"#;
        let completed = client.request("completion/complete", reference).await.json();
        assert_eq!(completed["result"]["completion"]["values"], json!(["echo"]), "{carrier:?}: {completed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_modern_clients_meet_a_modern_server_as_it_is() {
    for carrier in CARRIERS {
        let scene = Scene::over(carrier, everything(), &json!({}));
        let mut client = scene.client();
        let list = client.modern("tools/list", None, "").await.json();
        assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 4, "{carrier:?}");
        assert_eq!(list["result"]["cacheScope"], "private");
        let answer =
            client.modern("tools/call", Some("up-echo"), r#""name":"up-echo","arguments":{"a":1}"#).await.json();
        assert_eq!(answer["result"]["resultType"], "complete", "{carrier:?}: {answer}");
        assert_eq!(
            meta(&answer)["io.modelcontextprotocol/clientInfo"]["name"],
            "tests",
            "the client speaks for itself"
        );
        let read = client.modern("resources/read", Some("test://of/x"), r#""uri":"test://of/x""#).await.json();
        assert_eq!(read["result"]["contents"][0]["text"], "echo", "{carrier:?}: {read}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_arguments_are_mirrored_for_clients_that_do_not_and_unknown_mirrors_go_on() {
    let scene = Scene::of(everything());
    let mut legacy = scene.session().await;
    for arguments in [
        r#"{"region":" us \u00e9 ","count":42,"deep":{"dry":true}}"#,
        r#"{"region":"=?base64?x?=","count":-9007199254740993,"deep":{"dry":false}}"#,
        r#"{"region":null}"#,
        "{}",
    ] {
        assert_eq!(legacy.call("up-annotated", arguments).await.text(), "echo", "{arguments}");
    }
    let sent = scene.upstream.received_of("tools/call");
    assert_eq!(sent[0].header("mcp-param-region"), Some("=?base64?IHVzIMOpIA==?="));
    assert_eq!((sent[0].header("mcp-param-count"), sent[0].header("mcp-param-dry-run")), (Some("42"), Some("true")));
    assert!(sent[3].headers.iter().all(|(name, _)| !name.starts_with("mcp-param")), "{:?}", sent[3].headers);
    assert_eq!((sent[0].header("mcp-name"), sent[0].header("mcp-session-id")), (Some("annotated"), None));

    let mut modern = scene.client().header("mcp-param-region", "eu").header("mcp-param-other", "kept");
    modern.set_header("mcp-param-key", KEY);
    modern.set_header("mcp-param-wrapped", &format!("=?base64?{}?=", STANDARD.encode(KEY)));
    let params = r#""name":"up-annotated","arguments":{"region":"eu"}"#;
    let answer = modern.modern("tools/call", Some("up-annotated"), params).await;
    assert_eq!(answer.text(), "echo");
    let sent = scene.upstream.received_of("tools/call").pop().unwrap();
    assert_eq!((sent.header("mcp-param-region"), sent.header("mcp-param-other")), (Some("eu"), Some("kept")));
    let key = sent.header("mcp-param-key").or(sent.header("mcp-param-wrapped"));
    assert_eq!(key, None, "R22: a key goes nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_server_that_finds_other_headers_than_it_wants_is_listed_again_and_nothing_is_sent_twice() {
    let annotated = |header: &str| {
        Tool::new("region", Does::Echo)
            .properties(&format!(r#""region":{{"type":"string","x-mcp-header":"{header}"}}"#))
    };
    let scene = Scene::of(Script::with([annotated("Old")]).modern());
    let mut client = scene.session().await;
    assert_eq!(client.call("up-region", r#"{"region":"eu"}"#).await.text(), "echo");
    scene.upstream.change(|script| script.tools = vec![annotated("New")]);
    let refused = client.call("up-region", r#"{"region":"eu"}"#).await;
    assert!(refused.is_tool_error() && refused.text().contains("read again"), "{refused:?}");
    assert_eq!(scene.upstream.posts("tools/call"), 2);
    until_async("it is listed again", SOON, async || {
        let answer = client.call("up-region", r#"{"region":"eu"}"#).await;
        (!answer.is_tool_error()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_a_tool_that_cannot_be_mirrored_is_for_nobody_over_http() {
    let wrong = r#""a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}"#;
    for carrier in CARRIERS {
        let script = Script::with([Tool::new("right", Does::Echo), Tool::new("wrong", Does::Echo).properties(wrong)]);
        let scene = Scene::over(carrier, script.modern(), &json!({}));
        let mut client = scene.session().await;
        let http = carrier == Transport::Http;
        let expected: &[&str] = if http { &["up-right"] } else { &["up-right", "up-wrong"] };
        assert_eq!(client.tools().await, expected, "{carrier:?}");
        assert_eq!(client.call("up-wrong", "{}").await.is_tool_error(), http, "{carrier:?}");
        assert_eq!(status(&scene.switchboard).await["tools"], expected.len(), "{carrier:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_of_a_modern_server_goes_home_under_the_callers_token() {
    for carrier in CARRIERS {
        let script = Script { form: Form::EventStream, ..everything() };
        let scene = Scene::over(carrier, script, &json!({}));
        let mut client = scene.session().await;
        let answer = client.request("tools/call", r#"{"name":"up-steps","_meta":{"progressToken":"mine"}}"#).await;
        let messages: Vec<Value> =
            answer.messages().into_iter().map(|message| serde_json::from_slice(message).unwrap()).collect();
        assert_eq!(messages.len(), 3, "{carrier:?}: {messages:?}");
        assert!(messages[..2].iter().all(|message| message["params"]["progressToken"] == "mine"), "{messages:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_a_legacy_session_is_told_to_a_modern_server_with_each_call() {
    let scene = Scene::of(everything());
    let mut client = scene.session().await;
    let level = "io.modelcontextprotocol/logLevel";
    assert_eq!(meta(&client.call("up-echo", "{}").await.json())[level], "info", "what servers log by themselves");
    client.request("logging/setLevel", r#"{"level":"warning"}"#).await;
    assert_eq!(meta(&client.call("up-echo", "{}").await.json())[level], "warning");
    let modern = scene.client().modern("tools/call", Some("up-echo"), r#""name":"up-echo""#).await.json();
    assert!(meta(&modern).get(level).is_none(), "who does not ask gets none");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_legacy_client_cannot_give_is_a_clear_error() {
    let missing =
        r#"{"code":-32021,"message":"inner-detail-of-the-upstream","data":{"requiredCapabilities":{"sampling":{}}}}"#;
    let asks = r#"{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{}}}}"#;
    for carrier in CARRIERS {
        let script = Script::with([
            Tool::new("needs", Does::Error(missing.to_owned())),
            Tool::new("asks", Does::Result(asks.to_owned())),
            Tool::new("typed", Does::Result(r#"{"resultType":"elsewhere"}"#.to_owned())),
            Tool::new(
                "loose",
                Does::Result(r#"{"content":[{"type":"text","text":"[1]"}],"structuredContent":[1]}"#.to_owned()),
            ),
        ]);
        let scene = Scene::over(carrier, script.modern(), &json!({}));
        let mut client = scene.session().await;
        let needs = client.call("up-needs", "{}").await;
        assert!(needs.is_tool_error() && needs.text().contains("client capability sampling"), "{needs:?}");
        assert!(!needs.text().contains("inner-detail"), "R21");
        let asks = client.call("up-asks", "{}").await;
        assert!(asks.is_tool_error() && asks.text().contains("asks for input"), "{asks:?}");
        assert!(client.call("up-typed", "{}").await.is_tool_error());
        let loose = client.call("up-loose", "{}").await.json();
        let expected = json!({"content": [{"type": "text", "text": "[1]"}]});
        assert_eq!(loose["result"], expected, "{carrier:?}: structured content must be an object here");
        let mut modern = scene.client();
        let loose = modern.modern("tools/call", Some("up-loose"), r#""name":"up-loose""#).await.json();
        assert_eq!(loose["result"]["structuredContent"], json!([1]), "{carrier:?}");
        let needs = modern.modern("tools/call", Some("up-needs"), r#""name":"up-needs""#).await;
        assert_eq!((needs.status.as_u16(), needs.code()), (400, Some(-32021)), "{carrier:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_is_no_object_is_described_to_modern_clients_alone() {
    for carrier in CARRIERS {
        let described = |members: &str| Tool { members: members.to_owned(), ..Tool::new("a", Does::Echo) };
        let tools = [
            r#","outputSchema":{"type":"array"},"title":"t""#,
            r#","title":"t","outputSchema":{"anyOf":[]}"#,
            r#","title":"t","outputSchema":{"type":"object","properties":{}}"#,
        ];
        let named = |(at, members): (usize, &&str)| Tool { name: format!("tool{at}"), ..described(members) };
        let script = Script::with(tools.iter().enumerate().map(named)).modern();
        let scene = Scene::over(carrier, script, &json!({}));
        let legacy = scene.session().await.request("tools/list", "{}").await.json()["result"]["tools"].take();
        let modern = scene.client().modern("tools/list", None, "").await.json()["result"]["tools"].take();
        for (at, is_there) in [false, false, true].into_iter().enumerate() {
            assert_eq!(legacy[at].get("outputSchema").is_some(), is_there, "{carrier:?} {legacy}");
            assert!(modern[at].get("outputSchema").is_some(), "{carrier:?} {modern}");
            let (name, title) = (json!(format!("up-tool{at}")), json!("t"));
            assert_eq!((&legacy[at]["name"], &legacy[at]["title"]), (&name, &title), "{carrier:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_what_does_not_show_the_era_is_asked_again() {
    for (does, state) in [
        (Does::Status(401), "auth_required"),
        (Does::Status(503), "upstream_error"),
        (Does::Hang, "timeout"),
        (Does::Error(r#"{"code":-32020,"message":"no"}"#.to_owned()), "unsupported_protocol"),
    ] {
        let script = Script::echo().modern().instead("server/discover", does);
        let upstream = Upstream::start(script);
        let manifests = Manifests::default();
        let spec = json!({"http": {"url": upstream.url()}, "sessionMode": "Shared", "timeouts": {"listSeconds": 1, "connectSeconds": 1}});
        manifests.server("up", &spec).key("scene", KEY, &["up"]);
        let switchboard = Switchboard::start(manifests.path(), &Options::default());
        until_async(state, SOON, async || (status(&switchboard).await["state"] == state).then_some(())).await;
        assert_eq!(upstream.posts("initialize"), 0, "{state}: no answer makes it a legacy one");
        upstream.change(|script| script.instead.clear());
        until_async("it is found", SOON, async || (status(&switchboard).await["state"] == "ready").then_some(())).await;
        assert_eq!(status(&switchboard).await["protocol"], REVISION);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_a_server_that_comes_back_in_the_other_era_is_noticed() {
    let upstream = Upstream::start(Script::echo());
    let (address, url) = (upstream.address(), upstream.url());
    let manifests = Manifests::default();
    manifests.server("up", &json!({"http": {"url": url}, "sessionMode": "Shared"})).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    assert_eq!(client.call("up-echo", "{}").await.text(), "echo");
    assert_eq!(status(&switchboard).await["protocol"], "2025-11-25");
    let mut upstream = Some(upstream);
    for (script, protocol) in [(Script::echo().modern(), REVISION), (Script::echo(), "2025-11-25")] {
        drop(upstream.take());
        let again = upstream.insert(Upstream::start_at(address, script));
        until_async("a call", SOON, async || {
            let answer = client.call("up-echo", "{}").await;
            (!answer.is_tool_error()).then_some(())
        })
        .await;
        assert_eq!(status(&switchboard).await["protocol"], protocol);
        assert_eq!(again.posts("tools/call"), 2, "refused once, unread, and sent once more");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modern_client_that_goes_away_cancels() {
    let script = Script::with([Tool::new("hangs", Does::Hang)]).modern();
    let scene = Scene::of(script);
    let client = scene.client();
    let waiting = tokio::spawn(async move {
        let mut client = client;
        client.modern("tools/call", Some("up-hangs"), r#""name":"up-hangs""#).await
    });
    until("the call is there", SOON, || (scene.upstream.waiting() == 1).then_some(()));
    waiting.abort();
    until("it is cancelled", SOON, || (scene.upstream.waiting() == 0).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_modern_server_tells_is_listed_and_a_lost_stream_is_opened_again() {
    let script = Script { list_changed: true, ..Script::echo() };
    let scene = Scene::of(script.modern());
    until("it is listened to", SOON, || (scene.upstream.listeners() == 1).then_some(()));
    let request = scene.upstream.received_of("subscriptions/listen").remove(0);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["params"]["notifications"], json!({"toolsListChanged": true}), "what it tells, and no more");
    let mut client = scene.session().await;
    for (name, lost) in [("second", false), ("third", true)] {
        if lost {
            scene.upstream.hang_up();
        }
        scene.upstream.change(|script| script.tools.push(Tool::new(name, Does::Echo)));
        scene.upstream.tell("notifications/tools/list_changed");
        let tool = format!("up-{name}");
        until_async(name, SOON, async || client.tools().await.contains(&tool).then_some(())).await;
    }
    until("it is listened to again", SOON, || (scene.upstream.listeners() == 1).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_two_callers_with_values_of_their_own_each_meet_their_own_modern_server() {
    let script = Script { caller_header: Some("x-user".to_owned()), ..Script::echo() };
    let spec = json!({"http": {"forwardHeaders": ["x-user"]}});
    let upstream = Upstream::start(script.modern());
    let manifests = Manifests::default();
    let mut http = spec["http"].clone();
    http["url"] = json!(upstream.url());
    manifests.server("up", &json!({"http": http, "sessionMode": "Shared"})).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    for user in ["ann", "bob"] {
        let mut client = Client::new(&switchboard.mcp).key(KEY).header("x-user", user);
        client.initialize("2025-11-25").await;
        assert_eq!(client.tools().await, ["up-echo".to_owned(), format!("up-for_{user}")]);
        assert_eq!(client.call(&format!("up-for_{user}"), "{}").await.text(), "echo");
        let other = if user == "ann" { "bob" } else { "ann" };
        assert!(client.call(&format!("up-for_{other}"), "{}").await.is_tool_error());
    }
    for call in upstream.received_of("tools/call") {
        let name = call.header("mcp-name").unwrap();
        assert_eq!(name, format!("for_{}", call.header("x-user").unwrap()));
    }
}
