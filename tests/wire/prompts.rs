//! Prompts of legacy servers: who sees which, under what name, and what getting one sends and brings.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::{Client, get as page, modern_body};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Entry, Form, Script, Upstream};
use tests::wait::until_async;

use super::scene::{KEY, Scene};
use super::several::{LISTS, Several, get, listed, names, read, text};

/// A definition that a decoder would spoil, and in which the name stands twice.
const DEFINITION: &str = r#"{"zeta":1e400,"arguments":[{"name":"greet","required":true,"big":9007199254740993}],"name":"greet","alpha":{"name":"greet","x":"\u0041\/"}}"#;

/// Arguments and a result of the same kind.
const ARGUMENTS: &str = r#"{"who" : "\u00e9 \/","huge":1e400,"dup":1,"dup":2}"#;
const RESULT: &str = r#""zulu":{"k":1E400},"messages":[{"role":"user","content":{"type":"text","text":"\u0041","unknown":0.10}}],"alpha":-0"#;

fn prompts(names: &[&str]) -> Script {
    Script::default().prompts(names.iter().map(|name| Entry::prompt(name, Does::Echo)))
}

fn raw() -> Entry {
    Entry::prompt("greet", Does::Result(format!("{{{RESULT}}}"))).defined(DEFINITION)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_two_servers_are_one_list_with_prefixes_and_every_byte_else() {
    let many = (0..25).map(|at| Entry::prompt(&format!("p{at:02}"), Does::Echo));
    let paged = Script { page: Some(10), ..Script::echo().prompts(many) };
    for form in [Form::Json, Form::EventStream] {
        let one = Script { form, ..Script::default().prompts([raw()]) };
        let scene = Several::of([("one", one, json!({})), ("two", Script { form, ..paged.clone() }, json!({}))]);
        let list = text(&scene.client().request("prompts/list", "{}").await);
        let expected = DEFINITION.replace(r#"],"name":"greet""#, r#"],"name":"one-greet""#);
        assert!(list.contains(&format!(r#""prompts":[{expected},"#)), "{form:?}: {list}");
        let mut at = 0;
        for name in (0..25).map(|at| format!(r#"{{"name":"two-p{at:02}"}}"#)) {
            at += list[at..].find(&name).unwrap_or_else(|| panic!("{name} in its place in {list}"));
        }
        assert_eq!(scene.upstreams[1].posts("prompts/list"), 3, "a page each");
    }
}

/// Of a caller's own lists one may be there while another is still being read: that is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_waits_for_the_first_reading_of_a_callers_own_lists() {
    let many = (0..400).map(|at| Entry::prompt(&format!("p{at}"), Does::Echo));
    let script = Script { page: Some(1), ..Script::echo().prompts(many) };
    let scene = Several::of([("one", script, json!({}))]);
    let known = scene.upstreams[0].posts("prompts/list");
    let own = || scene.client().header("x-mcp-one-authorization", "Bearer own");
    let (mut first, mut second) = (own(), own());
    let reading = first.request("tools/list", "{}");
    let getting = async {
        let under_way = async || (scene.upstreams[0].posts("prompts/list") > known + 20).then_some(());
        until_async("prompts are being read", Duration::from_secs(10), under_way).await;
        second.request("prompts/get", r#"{"name":"one-p399"}"#).await
    };
    let (tools, prompt) = tokio::join!(reading, getting);
    assert_eq!(names("tools/list", &tools), ["one-echo"]);
    assert!(prompt.json()["error"].is_null(), "{prompt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_does_not_offer_is_empty_and_never_asked_of_it() {
    let scene = Several::of([("one", prompts(&["greet"]), json!({})), ("two", Script::echo(), json!({}))]);
    let status = page(&format!("{}/status", scene.switchboard.admin)).await.json();
    let ready: Vec<_> = status["servers"].as_array().unwrap().iter().map(|server| server["state"].clone()).collect();
    assert_eq!(ready, ["ready", "ready"], "a server without tools is as good as any: {status}");
    let mut client = scene.client();
    for ((method, ..), expected) in LISTS.iter().zip([&["two-echo"][..], &["one-greet"], &[], &[]]) {
        let answer = client.request(method, "{}").await;
        assert_eq!(names(method, &answer), expected);
        assert!(answer.json()["result"]["_meta"].is_null(), "nothing is missing: {answer:?}");
    }
    let asked = |at: usize| LISTS.map(|(method, ..)| scene.upstreams[at].posts(method) > 0);
    assert_eq!(asked(0), [false, true, false, false]);
    assert_eq!(asked(1), [true, false, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn getting_one_is_one_request_with_every_byte_but_the_name() {
    for form in [Form::Json, Form::EventStream] {
        let scene = Scene::of(Script { form, ..Script::default().prompts([raw()]) });
        let params = |name: &str| {
            format!(r#"{{"first":[1e400],"name":"{name}","arguments":{ARGUMENTS},"last":{{"b":1,"a":2}}}}"#)
        };
        let before = scene.upstream.all_posts();
        let body = format!(
            r#"{{"extra":{{"z":1e400}},"method":"prompts/get","params":{},"id":"q","jsonrpc":"2.0"}}"#,
            params("up-greet")
        );
        let answer = text(&scene.client().post(body).await);
        assert!(answer.contains(&format!(r#""result":{{{RESULT}}}"#)), "{form:?}: {answer}");
        assert!(answer.contains(r#""id":"q""#), "{answer}");
        assert_eq!(scene.upstream.all_posts(), before + 1, "{form:?}: one POST");
        let sent = scene.upstream.received_of("prompts/get");
        let sent = String::from_utf8(sent[0].body.to_vec()).unwrap();
        assert!(sent.contains(&params("greet")) && sent.contains(r#""extra":{"z":1e400}"#), "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_and_gets_exactly_the_prompts_that_it_was_granted() {
    let one = Script::echo().prompts(["greet", "bye", "secret", "hidden"].map(|name| Entry::prompt(name, Does::Echo)));
    let filter = json!({"prompts": {"allow": ["greet", "bye", "secret"], "deny": ["sec*"]}});
    let some = json!([{"name": "one", "prompts": ["greet", "secret", "hidden"]}]);
    let keys = [("sb-some", some), ("sb-tools", json!([{"name": "one", "tools": ["*"]}]))];
    let scene = Several::with_keys([("one", one, filter), ("two", prompts(&["greet"]), json!({}))], &keys);
    let all = ["one-greet", "one-bye", "one-secret", "one-hidden", "two-greet", "one-nothing"];
    let cases: [(&str, &[&str]); 3] =
        [(KEY, &["one-greet", "one-bye", "two-greet"]), ("sb-some", &["one-greet"]), ("sb-tools", &[])];
    for (key, may) in cases {
        let mut client = scene.client_of(key);
        assert_eq!(listed(&mut client, "prompts/list").await, may, "{key}");
        let mut got = 0;
        let before = scene.posts("prompts/get");
        for name in all {
            let answer = get(&mut client, name).await;
            if may.contains(&name) {
                got += 1;
                assert_eq!(answer.json()["result"]["echo"]["name"], name[4..], "{key} {name}: {answer:?}");
            } else {
                // Forbidden, denied and unknown ones look the same.
                let expected = json!({"code": -32602, "message": format!("Prompt '{name}' not found")});
                assert_eq!(answer.without_request_id().0["error"], expected, "{key} {name}");
            }
        }
        assert_eq!(scene.posts("prompts/get") - before, got, "{key}: nothing else was sent");
    }
    assert_eq!(listed(&mut scene.client_of("sb-some"), "tools/list").await.len(), 0, "prompts give no tools");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modern_client_lists_and_gets() {
    let scene = Scene::of(prompts(&["greet"]));
    let mut client = scene.client();
    let list = client.modern("prompts/list", None, "").await;
    assert_eq!(names("prompts/list", &list), ["up-greet"]);
    let list = list.json()["result"].take();
    assert_eq!((&list["resultType"], &list["cacheScope"]), (&json!("complete"), &json!("private")), "{list}");
    assert!(list["ttlMs"].as_u64().is_some(), "{list}");
    let params = r#""name":"up-greet","arguments":{"z":1}"#;
    let got = client.modern("prompts/get", Some("up-greet"), params).await.json();
    assert_eq!(got["result"]["resultType"], "complete", "{got}");
    assert_eq!(got["result"]["echo"]["name"], "greet", "{got}");
    let sent = String::from_utf8(scene.upstream.received_of("prompts/get")[0].body.to_vec()).unwrap();
    assert!(!sent.contains("io.modelcontextprotocol"), "what only the modern protocol has stays here: {sent}");
    let unknown = client.modern("prompts/get", Some("up-no"), r#""name":"up-no""#).await;
    assert_eq!((unknown.status, unknown.code()), (StatusCode::OK, Some(-32602)), "{unknown:?}");

    for name in ["up-other", ""] {
        let body = modern_body(5, "prompts/get", params);
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "prompts/get"), ("mcp-name", name)];
        let answer = client.send(&Method::POST, &headers, body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(-32020)), "{name:?}: {answer:?}");
    }
    assert_eq!(scene.upstream.posts("prompts/get"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_is_an_error_and_the_others_stay() {
    let mut scene = Several::of([("one", prompts(&["greet"]), json!({})), ("two", prompts(&["greet"]), json!({}))]);
    drop(scene.upstreams.remove(1));
    let mut client = scene.client();
    let failed = get(&mut client, "two-greet").await;
    assert_eq!((failed.status, failed.code()), (StatusCode::OK, Some(-32603)), "{failed:?}");
    assert_eq!(failed.json()["error"]["data"], json!({"switchboard.dev/outcome": "unreachable"}));
    assert_eq!(get(&mut client, "one-greet").await.code(), None);
    let missing = until_async("the list tells of it", Duration::from_secs(10), async || {
        let list = client.request("prompts/list", "{}").await;
        assert!(names("prompts/list", &list).contains(&"one-greet".to_owned()), "{list:?}");
        Some(list.json()["result"]["_meta"]["litellm.ai/server_outcomes"].take()).filter(|told| !told.is_null())
    })
    .await;
    assert_eq!(missing, json!({"one": {"status": "ok", "prompt_count": 1}, "two": {"status": "unreachable"}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_fails_costs_its_own_kind_only() {
    let error = Does::Error(r#"{"code":-32000,"message":"inner detail"}"#.to_owned());
    let broken = Script::echo().prompts([Entry::prompt("greet", Does::Echo)]).instead("prompts/list", error);
    let broken = broken.resources([Entry::resource("test://a", Does::Echo)]);
    let scene = Several::of([("one", broken, json!({})), ("two", prompts(&["greet"]), json!({}))]);
    let mut client = scene.client();
    for (method, name) in [("tools/list", "one-echo"), ("resources/list", "test://a")] {
        let list = client.request(method, "{}").await;
        assert_eq!(names(method, &list), [name]);
        assert!(list.json()["result"]["_meta"].is_null(), "{list:?}");
    }
    assert!(!client.call("one-echo", "{}").await.is_tool_error());
    let list = client.request("prompts/list", "{}").await;
    assert_eq!(names("prompts/list", &list), ["two-greet"]);
    let told = &list.json()["result"]["_meta"]["litellm.ai/server_outcomes"];
    assert_eq!(told["one"]["status"], "upstream_error", "{list:?}");
    let failed = get(&mut client, "one-greet").await;
    assert_eq!(failed.code(), Some(-32603), "it may be there: {failed:?}");
    assert!(!text(&failed).contains("inner detail") && !text(&list).contains("inner detail"), "{failed:?} {list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_hangs_costs_its_own_kind_once_its_time_is_over() {
    let hanging = Script::echo().prompts([Entry::prompt("greet", Does::Echo)]).instead("prompts/list", Does::Hang);
    let impatient = json!({"timeouts": {"listSeconds": 1}});
    let scene = Several::of([("one", hanging, impatient), ("two", prompts(&["greet"]), json!({}))]);
    let mut client = scene.client();
    assert_eq!(listed(&mut client, "tools/list").await, ["one-echo"]);
    assert!(!client.call("one-echo", "{}").await.is_tool_error());
    let list = client.request("prompts/list", "{}").await;
    assert_eq!(names("prompts/list", &list), ["two-greet"]);
    assert_eq!(list.json()["result"]["_meta"]["litellm.ai/server_outcomes"]["one"]["status"], "timeout", "{list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn x_mcp_servers_narrows_the_list_and_what_can_be_had() {
    let scene = Several::of([("one", prompts(&["greet"]), json!({})), ("two", prompts(&["greet"]), json!({}))]);
    let mut narrowed = scene.client().header("x-mcp-servers", "two");
    assert_eq!(listed(&mut narrowed, "prompts/list").await, ["two-greet"]);
    assert_eq!(get(&mut narrowed, "two-greet").await.code(), None);
    assert_eq!(get(&mut narrowed, "one-greet").await.code(), Some(-32602));
    assert_eq!((scene.upstreams[0].posts("prompts/get"), scene.upstreams[1].posts("prompts/get")), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_prompts_that_a_credential_opens_are_its_bearers_alone() {
    let (scene, mut clients) = Several::by_credential(prompts(&["greet"]));
    for (mine, client) in &mut clients {
        assert_eq!(listed(client, "prompts/list").await, ["up-greet".to_owned(), format!("up-for_{mine}")]);
    }
    for (mine, client) in &mut clients {
        for name in ["alice", "bob", "house"] {
            let code = get(client, &format!("up-for_{name}")).await.code();
            assert_eq!(code, (name != *mine).then_some(-32602), "{mine} gets for_{name}");
        }
    }
    assert_eq!(scene.posts("prompts/get"), 3);
    for got in scene.upstreams[0].received_of("prompts/get") {
        let body = String::from_utf8(got.body.to_vec()).unwrap();
        let bearer = got.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap();
        assert!(body.contains(&format!("for_{bearer}\"")), "{bearer}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_narrows_each_kind_to_what_it_gives() {
    let manifests = Manifests::default();
    let server = prompts(&["greet", "other"]).resources([Entry::resource("test://a", Does::Echo)]);
    let upstream = Upstream::start(Script { tools: Script::echo().tools, ..server });
    manifests.http("up", &upstream.url()).key("scene", KEY, &["up"]);
    let gives = json!({"groupName": "greeters", "servers": [{"name": "up", "prompts": ["greet"]}]});
    manifests.object("McpAccessGroup", "greeters", &gives);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let whole = || Client::new(&switchboard.mcp).key(KEY);
    assert_eq!(listed(&mut whole(), "prompts/list").await, ["up-greet", "up-other"]);
    let narrowed = [whole().header("x-mcp-servers", "greeters"), whole().path("/greeters/mcp")];
    for (at, mut client) in narrowed.into_iter().enumerate() {
        for ((method, ..), expected) in LISTS.iter().zip([&[][..], &["up-greet"], &[], &[]]) {
            assert_eq!(listed(&mut client, method).await, expected, "{at}: {method}");
        }
        assert_eq!(get(&mut client, "up-greet").await.code(), None);
        assert_eq!(get(&mut client, "up-other").await.code(), Some(-32602));
        assert_eq!(read(&mut client, "test://a").await.code(), Some(-32602));
    }
    assert_eq!((upstream.posts("prompts/get"), upstream.posts("resources/read")), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_two_servers_is_the_earliers_and_spellings_lead_as_they_do_to_tools() {
    let bare = json!({"naming": {"type": "Bare"}});
    let scene = Several::of([
        ("one", prompts(&["same"]), bare.clone()),
        ("two", prompts(&["same", "own"]), bare),
        ("three", prompts(&["greet"]), json!({})),
    ]);
    let mut client = scene.client();
    assert_eq!(listed(&mut client, "prompts/list").await, ["same", "three-greet", "own"]);
    let cases = [
        ("same", Some(0)),
        ("own", Some(1)),
        ("three-greet", Some(2)),
        ("THREE-greet", Some(2)),
        ("greet", Some(2)),
        ("two-same", None),
    ];
    for (name, server) in cases {
        let before: Vec<_> = scene.upstreams.iter().map(|upstream| upstream.posts("prompts/get")).collect();
        let answer = get(&mut client, name).await;
        assert_eq!(answer.code(), server.map_or(Some(-32602), |_| None), "{name}: {answer:?}");
        for (at, upstream) in scene.upstreams.iter().enumerate() {
            assert_eq!(upstream.posts("prompts/get") - before[at], u64::from(server == Some(at)), "{name} at {at}");
        }
    }
    // Prompts and tools have names apart.
    assert!(client.call("same", "{}").await.is_tool_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_nowhere_disturb_nothing() {
    let scene = Scene::of(prompts(&["greet"]));
    let mut client = scene.client();
    let (long, longer) = ("x".repeat(1025), format!("up-{}", "x".repeat(100_000)));
    for params in [
        "{}".to_owned(),
        r#"{"name":7}"#.to_owned(),
        r#"{"name":""}"#.to_owned(),
        r#"{"uri":"up-greet"}"#.to_owned(),
        json!({"name": long}).to_string(),
        json!({"name": longer}).to_string(),
    ] {
        let answer = client.request("prompts/get", &params).await;
        assert_eq!(answer.code(), Some(-32602), "{params:.40}: {answer:?}");
    }
    assert_eq!(scene.upstream.posts("prompts/get"), 0);
    assert_eq!(get(&mut client, "up-greet").await.code(), None);
}
