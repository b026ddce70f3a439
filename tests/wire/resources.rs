//! Resources and templates of legacy servers: who sees and reads which, and what reading one sends and brings.
//! How their URIs are published where two servers meet is in `resource_uris`.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{MODERN, modern_body};
use tests::upstream::{Does, Entry, Form, Script};
use tests::wait::until_async;

use super::scene::{KEY, Scene};
use super::several::{Several, listed, names, read, text};

/// Definitions that a decoder would spoil.
const RESOURCE: &str =
    r#"{"zeta":1e400,"name":"test://a","uri":"test://a","alpha":{"uri":"test://a","big":9007199254740993}}"#;
const TEMPLATE: &str = r#"{"zeta":-0.0,"uriTemplate":"test://of/{id}","alpha":"\u0041\/","name":"of"}"#;

/// A result of the same kind.
const RESULT: &str =
    r#""zulu":{"k":1E400},"contents":[{"uri":"test://a","text":"\u0041\/","unknown":0.10},{"blob":""}],"alpha":-0"#;

fn resources(uris: &[&str]) -> Script {
    Script::default().resources(uris.iter().map(|uri| Entry::resource(uri, Does::Echo)))
}

/// What the answer says of a resource that is not there for the caller, in either era.
fn not_found(uri: &str) -> Value {
    json!({"code": -32602, "message": "Resource not found", "data": {"uri": uri}})
}

/// A key; its resources, its templates, and what it may read that no list shows.
type Case<'c> = (&'c str, [&'c [&'c str]; 3]);

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_of_two_servers_are_one_list_of_uris_as_they_are() {
    let raw = || Entry::resource("test://a", Does::Echo).defined(RESOURCE);
    let one = Script::default()
        .resources([raw()])
        .templates([Entry::template("test://of/{id}", Does::Echo).defined(TEMPLATE)]);
    let two = Script { page: Some(10), ..Script::echo() }
        .resources((0..25).map(|at| Entry::resource(&format!("file:///{at:02}"), Does::Echo)))
        .templates((0..25).map(|at| Entry::template(&format!("file:///{at:02}/{{x}}"), Does::Echo)));
    let scene = Several::of([("one", one, json!({})), ("two", two, json!({}))]);
    let mut client = scene.client();
    for (method, definition, in_order) in [
        ("resources/list", RESOURCE, r#""uri":"file:///AT""#),
        ("resources/templates/list", TEMPLATE, r#""uriTemplate":"file:///AT/{x}""#),
    ] {
        let list = text(&client.request(method, "{}").await);
        assert!(list.contains(definition), "{list}");
        let mut at = 0;
        for name in (0..25).map(|at| in_order.replace("AT", &format!("{at:02}"))) {
            at += list[at..].find(&name).unwrap_or_else(|| panic!("{name} in its place in {list}"));
        }
        assert_eq!(scene.upstreams[1].posts(method), 3, "a page each");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_one_request_with_every_byte_and_brings_every_byte() {
    for form in [Form::Json, Form::EventStream] {
        let entry = Entry::resource("test://a", Does::Result(format!("{{{RESULT}}}")));
        let scene = Scene::of(Script { form, ..Script::default().resources([entry]) });
        let params = r#"{"first":[1e400],"uri":"test://a","last":{"b" : 1,"a":2,"dup":1,"dup":2}}"#;
        let before = scene.upstream.all_posts();
        let body =
            format!(r#"{{"extra":{{"z":1e400}},"method":"resources/read","params":{params},"id":-7,"jsonrpc":"2.0"}}"#);
        let answer = text(&scene.client().post(body).await);
        assert!(answer.contains(&format!(r#""result":{{{RESULT}}}"#)), "{form:?}: {answer}");
        assert!(answer.contains(r#""id":-7"#), "{answer}");
        assert_eq!(scene.upstream.all_posts(), before + 1, "{form:?}: one POST");
        let sent = scene.upstream.received_of("resources/read");
        let sent = String::from_utf8(sent[0].body.to_vec()).unwrap();
        assert!(sent.contains(params) && sent.contains(r#""extra":{"z":1e400}"#), "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_resource_comes_whole_in_both_eras() {
    for form in [Form::Json, Form::EventStream] {
        let blob = "x".repeat(3_000_000);
        let result = format!(r#"{{"contents":[{{"uri":"test://a","text":"{blob}"}}]}}"#);
        let script = Script::default().resources([Entry::resource("test://a", Does::Result(result))]);
        let scene = Scene::of(Script { form, ..script });
        let legacy = read(&mut scene.client(), "test://a").await.json();
        assert_eq!(legacy["result"]["contents"][0]["text"], blob.as_str(), "{form:?}");
        let modern = scene.client().modern("resources/read", Some("test://a"), r#""uri":"test://a""#).await.json();
        assert_eq!(modern["result"]["contents"][0]["text"], blob.as_str(), "{form:?}");
        assert_eq!(modern["result"]["resultType"], "complete", "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_and_reads_exactly_the_resources_that_it_was_granted() {
    let uris = ["file:///docs/a", "file:///docs/b", "file:///etc/passwd", "file:///secret/x"];
    let one = Script::echo()
        .prompts([Entry::prompt("greet", Does::Echo)])
        .resources(uris.map(|uri| Entry::resource(uri, Does::Echo)))
        .templates(["file:///docs/{path}", "file:///{path}"].map(|uri| Entry::template(uri, Does::Echo)));
    let filter = json!({"resources": {"deny": ["file:///secret/*"]}});
    // Else two, which refuses nothing, would be the one to ask for what one refuses.
    let only_test = json!({"resources": {"allow": ["test://*"]}});
    let docs = json!([{"name": "one", "resources": ["file:///docs/*"]}]);
    let tools = json!([{"name": "one", "tools": ["*"]}]);
    let mixed = json!([{"name": "one", "prompts": ["greet"], "resources": ["file:///etc/passwd"]}]);
    let keys = [("sb-docs", docs), ("sb-tools", tools), ("sb-mixed", mixed)];
    let scene = Several::with_keys([("one", one, filter), ("two", resources(&["test://two"]), only_test)], &keys);
    let asked = [&uris[..], &["test://two", "file:///docs/unlisted", "file:///docs/../etc/passwd"]].concat();
    let docs_template = "file:///docs/{path}";
    let cases: [Case<'_>; 4] = [
        (
            KEY,
            [
                &["file:///docs/a", "file:///docs/b", "file:///etc/passwd", "test://two"],
                &[docs_template, "file:///{path}"],
                &["file:///docs/unlisted"],
            ],
        ),
        ("sb-docs", [&["file:///docs/a", "file:///docs/b"], &[docs_template], &["file:///docs/unlisted"]]),
        ("sb-tools", [&[], &[], &[]]),
        ("sb-mixed", [&["file:///etc/passwd"], &[], &[]]),
    ];
    for (key, [shown, templates, besides]) in cases {
        let mut client = scene.client_of(key);
        assert_eq!(listed(&mut client, "resources/list").await, shown, "{key}");
        assert_eq!(listed(&mut client, "resources/templates/list").await, templates, "{key}");
        for uri in &asked {
            let before = scene.all_posts();
            let answer = read(&mut client, uri).await;
            if shown.contains(uri) || besides.contains(uri) {
                assert_eq!(answer.json()["result"]["contents"][0]["uri"], *uri, "{key}");
                assert_eq!(scene.all_posts() - before, 1, "{key} {uri}");
            } else {
                assert_eq!(answer.without_request_id().0["error"], not_found(uri), "{key}");
                assert_eq!(scene.all_posts() - before, 0, "{key} {uri}: nothing is sent");
            }
        }
    }
    assert_eq!(listed(&mut scene.client_of("sb-mixed"), "prompts/list").await, ["one-greet"]);
    assert_eq!(listed(&mut scene.client_of("sb-mixed"), "tools/list").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_list_shows_is_read_by_a_template_or_by_a_grant() {
    let made = Script::default().templates([Entry::template("db://{table}/{row}", Does::Echo)]);
    let quiet = resources(&["test://shown"]).resources([Entry::resource("test://quiet", Does::Echo).unlisted()]);
    let granted = json!([{"name": "one", "tools": ["*"]}, {"name": "two", "resources": ["test://quiet"]}]);
    let shown = json!([{"name": "one", "tools": ["*"]}, {"name": "two", "resources": ["test://shown"]}]);
    let keys = [("sb-granted", granted), ("sb-shown", shown)];
    let scene = Several::with_keys([("one", made, json!({})), ("two", quiet, json!({}))], &keys);
    let by_template = read(&mut scene.client(), "db://users/7?x=%2e").await.json();
    assert_eq!(by_template["result"]["contents"][0]["uri"], "db://users/7?x=%2e", "{by_template}");
    assert_eq!(scene.upstreams[0].posts("resources/read"), 1);

    let mut granted = scene.client_of("sb-granted");
    assert_eq!(listed(&mut granted, "resources/list").await.len(), 0, "what is not listed is in no list");
    let answer = read(&mut granted, "test://quiet").await.json();
    assert_eq!(answer["result"]["contents"][0]["uri"], "test://quiet", "{answer}");
    let refused = read(&mut scene.client_of("sb-shown"), "test://quiet").await;
    assert_eq!(refused.without_request_id().0["error"], not_found("test://quiet"));
    assert_eq!(scene.upstreams[1].posts("resources/read"), 1);

    // Either server might have it, so that neither is meant until one is named.
    let before = scene.posts("resources/read");
    let nobodys = read(&mut scene.client(), "test://quiet").await;
    let told = nobodys.without_request_id().0;
    assert_eq!((&told["error"], scene.posts("resources/read")), (&not_found("test://quiet"), before));
    let narrowed = read(&mut scene.client().header("x-mcp-servers", "two"), "test://quiet").await.json();
    assert_eq!(narrowed["result"]["contents"][0]["uri"], "test://quiet", "{narrowed}");
    let qualified = read(&mut scene.client(), "switchboard:two:test://quiet").await.json();
    assert_eq!(qualified["result"]["contents"][0]["uri"], "switchboard:two:test://quiet", "{qualified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modern_client_lists_and_reads() {
    let script = resources(&["test://a", "test://\u{e9}"]).templates([Entry::template("test://of/{id}", Does::Echo)]);
    let scene = Scene::of(script);
    let mut client = scene.client();
    for method in ["resources/list", "resources/templates/list"] {
        let list = client.modern(method, None, "").await;
        assert!(!names(method, &list).is_empty());
        let list = list.json()["result"].take();
        assert_eq!((&list["resultType"], &list["cacheScope"]), (&json!("complete"), &json!("private")), "{list}");
        assert!(list["ttlMs"].as_u64().is_some(), "{list}");
    }
    let got = client.modern("resources/read", Some("test://a"), r#""uri":"test://a""#).await.json()["result"].take();
    assert_eq!(got["contents"][0]["uri"], "test://a", "{got}");
    let of_modern = ["resultType", "ttlMs", "cacheScope"].map(|member| got[member].clone());
    assert_eq!(of_modern, [json!("complete"), json!(0), json!("private")], "{got}");
    let encoded = client.modern("resources/read", Some("=?base64?dGVzdDovL8Op?="), r#""uri":"test://é""#).await;
    assert_eq!(encoded.json()["result"]["contents"][0]["uri"], "test://é", "{encoded:?}");
    let legacy = read(&mut client, "test://a").await.json()["result"].take();
    assert!(legacy["ttlMs"].is_null() && legacy["resultType"].is_null(), "a legacy client gets none of it: {legacy}");

    for name in ["test://b", ""] {
        let body = modern_body(5, "resources/read", r#""uri":"test://a""#);
        let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "resources/read"), ("mcp-name", name)];
        let answer = client.send(&Method::POST, &headers, body).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, Some(-32020)), "{name:?}: {answer:?}");
    }
    assert_eq!(scene.upstream.posts("resources/read"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_that_the_server_misses_is_told_in_the_words_of_the_clients_era() {
    let error = r#"{"code":-32002,"message":"gone \/ away","data":{"uri":"test://a","z":1e400}}"#;
    for form in [Form::Json, Form::EventStream] {
        let entry = Entry::resource("test://a", Does::Error(error.to_owned()));
        let scene = Scene::of(Script { form, ..Script::default().resources([entry]) });
        let mut client = scene.client();
        let legacy = text(&read(&mut client, "test://a").await);
        assert!(legacy.contains(&format!(r#""error":{error}"#)), "{form:?}: {legacy}");
        let modern = client.modern("resources/read", Some("test://a"), r#""uri":"test://a""#).await;
        assert_eq!(modern.status, StatusCode::OK);
        let modern = modern.json();
        assert_eq!((&modern["error"]["code"], &modern["error"]["data"]), (&json!(-32602), &json!({"uri": "test://a"})));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_went_away_is_an_error_and_the_others_stay() {
    let mut scene =
        Several::of([("one", resources(&["test://1"]), json!({})), ("two", resources(&["test://2"]), json!({}))]);
    drop(scene.upstreams.remove(1));
    let mut client = scene.client();
    let failed = read(&mut client, "test://2").await;
    assert_eq!((failed.status, failed.code()), (StatusCode::OK, Some(-32603)), "{failed:?}");
    assert_eq!(failed.json()["error"]["data"], json!({"switchboard.dev/outcome": "unreachable"}));
    assert_eq!(read(&mut client, "test://1").await.code(), None);
    let missing = until_async("the list tells of it", Duration::from_secs(10), async || {
        let list = client.request("resources/list", "{}").await;
        assert!(names("resources/list", &list).contains(&"test://1".to_owned()), "{list:?}");
        Some(list.json()["result"]["_meta"]["litellm.ai/server_outcomes"].take()).filter(|told| !told.is_null())
    })
    .await;
    assert_eq!(missing, json!({"one": {"status": "ok", "resource_count": 1}, "two": {"status": "unreachable"}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_resources_need_not_know_of_templates() {
    let unknown = Does::Error(r#"{"code":-32601,"message":"Method not found"}"#.to_owned());
    let scene = Scene::of(resources(&["test://a"]).instead("resources/templates/list", unknown));
    let list = scene.client().request("resources/templates/list", "{}").await;
    assert_eq!(names("resources/templates/list", &list).len(), 0);
    assert!(list.json()["result"]["_meta"].is_null(), "that is no failure: {list:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn x_mcp_servers_narrows_the_lists_and_what_can_be_read() {
    let of = |name: &str| {
        let listed = Entry::resource(&format!("test://{name}"), Does::Echo);
        let template = Entry::template(&format!("{name}://{{x}}"), Does::Echo);
        (Script::default().resources([listed]).templates([template]), json!({}))
    };
    let [(one, spec), (two, _)] = ["one", "two"].map(of);
    let scene = Several::of([("one", one, spec.clone()), ("two", two, spec)]);
    let mut narrowed = scene.client().header("x-mcp-servers", "two");
    assert_eq!(listed(&mut narrowed, "resources/list").await, ["test://two"]);
    assert_eq!(listed(&mut narrowed, "resources/templates/list").await, ["two://{x}"]);
    for (uri, code) in [
        ("test://two", None),
        ("two://1", None),
        // No list that is left shows it: the only server that is left is asked, and has none.
        ("test://one", Some(-32002)),
        ("switchboard:one:test://one", Some(-32602)),
    ] {
        assert_eq!(read(&mut narrowed, uri).await.code(), code, "{uri}");
    }
    assert_eq!((scene.upstreams[0].posts("resources/read"), scene.upstreams[1].posts("resources/read")), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_resources_that_a_credential_opens_are_listed_to_its_bearer_alone() {
    let (scene, mut clients) = Several::by_credential(resources(&["test://a"]));
    for (mine, client) in &mut clients {
        assert_eq!(listed(client, "resources/list").await, ["test://a".to_owned(), format!("test://for_{mine}")]);
    }
    for (mine, client) in &mut clients {
        for name in ["alice", "bob", "house"] {
            let answer = read(client, &format!("test://for_{name}")).await.json();
            assert_eq!(answer["result"].is_object(), name == *mine, "{mine} reads for_{name}: {answer}");
        }
    }
    // Whoever may ask for a URI that is in no list of theirs asks as themselves.
    for sent in scene.upstreams[0].received_of("resources/read") {
        assert!(sent.header("authorization").is_some_and(|value| value.starts_with("Bearer ")), "{sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uris_that_lead_nowhere_disturb_nothing() {
    let scene = Several::of([("up", resources(&["test://a"]), json!({}))]);
    let mut client = scene.client();
    let before = scene.all_posts();
    for params in [
        "{}".to_owned(),
        r#"{"uri":7}"#.to_owned(),
        r#"{"name":"test://a"}"#.to_owned(),
        json!({"uri": "switchboard:".repeat(20_000)}).to_string(),
        r#"{"uri":"switchboard:up"}"#.to_owned(),
        r#"{"uri":"switchboard:other:test://a"}"#.to_owned(),
    ] {
        let answer = client.request("resources/read", &params).await;
        assert_eq!(answer.code(), Some(-32602), "{params:.40}: {answer:?}");
    }
    assert_eq!(scene.all_posts(), before);
    assert_eq!(read(&mut client, "test://a").await.code(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uri_may_have_8000_bytes() {
    let scene =
        Several::of([("up", resources(&["test://a"]).templates([Entry::template("x:{x}", Does::Echo)]), json!({}))]);
    let mut client = scene.client();
    let uri = |length: usize| format!("x:{}", "x".repeat(length - 2));
    assert_eq!(read(&mut client, &uri(8000)).await.code(), None);
    for length in [8001, 1_000_000] {
        let answer = read(&mut client, &uri(length)).await;
        assert_eq!(answer.code(), Some(-32602), "{length}: {:.200}", text(&answer));
    }
    assert_eq!(scene.posts("resources/read"), 1);
    assert_eq!(read(&mut client, "test://a").await.code(), None);
}
