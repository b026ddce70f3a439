//! The URIs under which callers meet resources: as the server has them, with its `uriPrefix`, or with its name
//! before them where another server has the same (R11).

use serde_json::{Value, json};
use tests::client::Answer;
use tests::upstream::{BODY_OF_ERRORS, Does, Entry, Form, Script};

use super::scene::{KEY, Scene, TRANSPORTS};
use super::several::{Several, listed, names, read, text};

/// A resource whose text tells its server.
fn of(server: &str, uri: &str) -> Entry {
    let result = json!({"contents": [{"uri": uri, "text": server}]});
    Entry::resource(uri, Does::Result(result.to_string()))
}

fn both(server: &str) -> Script {
    Script::default()
        .resources([of(server, "test://same"), of(server, &format!("test://{server}"))])
        .templates([Entry::template("test://of/{id}", Does::Echo)])
}

/// The text and the URI of the one content of an answer.
fn content(answer: &Answer) -> (Value, Value) {
    let mut json = answer.json();
    let contents = json["result"]["contents"].as_array_mut().unwrap_or_else(|| panic!("contents in {answer:?}"));
    assert_eq!(contents.len(), 1);
    (contents[0]["text"].take(), contents[0]["uri"].take())
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_a_uri_of_two_servers_is_the_earliers_and_the_others_bears_its_name() {
    for form in [Form::Json, Form::EventStream] {
        let two = json!([{"name": "two"}]);
        let server = |name| Script { form, ..both(name) };
        let scene = Several::with_keys(
            [("one", server("one"), json!({})), ("two", server("two"), json!({}))],
            &[("sb-two", two)],
        );
        let mut client = scene.client();
        let uris = ["test://same", "test://one", "switchboard:two:test://same", "test://two"];
        assert_eq!(listed(&mut client, "resources/list").await, uris, "{form:?}");
        let templates = ["test://of/{id}", "switchboard:two:test://of/{id}"];
        assert_eq!(listed(&mut client, "resources/templates/list").await, templates);
        for (uri, server) in uris.into_iter().zip(["one", "one", "two", "two"]) {
            let answer = read(&mut client, uri).await;
            assert_eq!(
                content(&answer),
                (json!(server), json!(uri)),
                "{form:?}: contents go by the URI that was asked"
            );
        }
        // Each has a name of its own that always works.
        for (uri, server) in [("switchboard:one:test://same", "one"), ("switchboard:two:test://two", "two")] {
            assert_eq!(content(&read(&mut client, uri).await), (json!(server), json!(uri)), "{form:?}");
        }
        let made = "switchboard:two:test://of/7";
        assert_eq!(content(&read(&mut client, made).await).1, made);
        assert_eq!(scene.upstreams.iter().map(|upstream| upstream.posts("resources/read")).collect::<Vec<_>>(), [3, 4]);
        let sent = scene.upstreams[1].received_of("resources/read");
        assert!(sent.iter().all(|sent| !String::from_utf8_lossy(&sent.body).contains("switchboard:")), "native URIs");

        // A server that the caller may not use has its URI all the same: whoever has the later server alone asks by its name.
        let mut other = scene.client_of("sb-two");
        for uri in listed(&mut other, "resources/list").await {
            assert_eq!(content(&read(&mut other, &uri).await), (json!("two"), json!(uri)), "{form:?}: list is read");
        }
        assert_eq!(read(&mut other, "switchboard:one:test://one").await.code(), Some(-32602));
        assert_eq!(scene.upstreams[0].posts("resources/read"), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uri_prefix_is_on_every_uri_and_stays_here() {
    let result = r#"{"z":1e400,"contents":[{"text":"file:///a.md","uri":"file:///a.md"},{"uri":"file:///a\/b","text":""}],"a":{"uri":"no"}}"#;
    let mapped = r#"{"z":1e400,"contents":[{"text":"file:///a.md","uri":"docs+file:///a.md"},{"uri":"docs+file:///a\/b","text":""}],"a":{"uri":"no"}}"#;
    for form in [Form::Json, Form::EventStream] {
        let server = Script { form, ..Script::default() }
            .resources([Entry::resource("file:///a.md", Does::Result(result.to_owned()))
                .defined(r#"{"z":1e400,"uri":"file:///a.md","name":"file:///a.md","a":{"uri":"file:///a.md"}}"#)])
            .templates([Entry::template("file:///{path}", Does::Echo)]);
        let scene = Several::of([("one", server, json!({"resources": {"uriPrefix": "docs+"}}))]);
        let mut client = scene.client();
        let list = text(&client.request("resources/list", "{}").await);
        let entry = r#"{"z":1e400,"uri":"docs+file:///a.md","name":"file:///a.md","a":{"uri":"file:///a.md"}}"#;
        assert!(list.contains(&format!(r#""resources":[{entry}]"#)), "{list}");
        assert_eq!(listed(&mut client, "resources/templates/list").await, ["docs+file:///{path}"]);

        let answer = text(&read(&mut client, "docs+file:///a.md").await);
        assert!(answer.contains(&format!(r#""result":{mapped}"#)), "{form:?}: {answer}");
        let modern = client.modern("resources/read", Some("docs+file:///a.md"), r#""uri":"docs+file:///a.md""#).await;
        assert!(text(&modern).contains(&mapped[..mapped.len() - 1]), "{form:?}: {}", text(&modern));
        assert!(text(&modern).contains(r#""cacheScope":"private""#), "{form:?}: {}", text(&modern));
        let made = read(&mut client, "docs+file:///c.md").await.json();
        assert_eq!(made["result"]["contents"][0]["uri"], "docs+file:///c.md", "{made}");
        assert_eq!(made["result"]["echo"]["uri"], "file:///c.md", "the server knows its own: {made}");

        let bare = read(&mut client, "file:///a.md").await;
        assert_eq!(bare.code(), Some(-32602), "the prefix is part of the URI: {bare:?}");
        let qualified = text(&read(&mut client, "switchboard:one:file:///a.md").await);
        assert!(qualified.contains(r#""uri":"switchboard:one:file:///a.md""#), "{qualified}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_resource_is_mapped_too() {
    for form in [Form::Json, Form::EventStream] {
        let blob = "x".repeat(1_000_000);
        let result = json!({"contents": [{"text": blob, "uri": "test://a"}]}).to_string();
        let server =
            Script { form, ..Script::default() }.resources([Entry::resource("test://a", Does::Result(result))]);
        let scene = Several::of([("one", server, json!({"resources": {"uriPrefix": "docs+"}}))]);
        let (content, uri) = content(&read(&mut scene.client(), "docs+test://a").await);
        assert!(content == blob.as_str() && uri == "docs+test://a", "{form:?}: {uri}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_and_filters_name_a_resource_as_its_server_does() {
    let server = both("one").resources([of("one", "test://denied")]);
    let spec = json!({"resources": {"uriPrefix": "docs+", "deny": ["test://denied"]}});
    let native = json!([{"name": "one", "resources": ["test://same", "test://denied", "test://of/{id}"]}]);
    let published = json!([{"name": "one", "resources": ["docs+*"]}]);
    let keys = [("sb-native", native), ("sb-published", published)];
    let scene = Several::with_keys([("one", server, spec)], &keys);
    let mut client = scene.client_of("sb-native");
    assert_eq!(listed(&mut client, "resources/list").await, ["docs+test://same"]);
    assert_eq!(listed(&mut client, "resources/templates/list").await, ["docs+test://of/{id}"]);
    for (uri, code) in [
        ("docs+test://same", None),
        ("docs+test://one", Some(-32602)),
        ("docs+test://denied", Some(-32602)),
        ("switchboard:one:test://denied", Some(-32602)),
        // Who may see the template may not read what it makes.
        ("docs+test://of/7", Some(-32602)),
    ] {
        assert_eq!(read(&mut client, uri).await.code(), code, "{uri}");
    }
    assert_eq!(scene.posts("resources/read"), 1);
    assert_eq!(listed(&mut scene.client_of("sb-published"), "resources/list").await.len(), 0);
    assert_eq!(read(&mut scene.client_of(KEY), "docs+test://denied").await.code(), Some(-32602));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_own_uri_cannot_pass_for_anothers_qualified_one() {
    let liar = Script::default().resources([of("liar", "switchboard:true:test://a"), of("liar", "test://b")]);
    let honest = Script::default().resources([of("true", "test://a")]);
    let scene = Several::of([("liar", liar, json!({})), ("true", honest, json!({}))]);
    let mut client = scene.client();
    let list = client.request("resources/list", "{}").await;
    let expected = ["switchboard:liar:switchboard:true:test://a", "test://b", "test://a"];
    assert_eq!(names("resources/list", &list), expected);
    for (uri, server) in
        expected.into_iter().zip(["liar", "liar", "true"]).chain([("switchboard:true:test://a", "true")])
    {
        assert_eq!(content(&read(&mut client, uri).await), (json!(server), json!(uri)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_resource_of_a_modern_client_is_named_as_it_was_asked() {
    let missing = Entry::resource("test://a", Does::Error(r#"{"code":-32002,"message":"gone"}"#.to_owned()));
    let scene =
        Several::of([("one", Script::default().resources([missing]), json!({"resources": {"uriPrefix": "docs+"}}))]);
    for uri in ["docs+test://a", "switchboard:one:test://a"] {
        let answer = scene.client().modern("resources/read", Some(uri), &format!(r#""uri":"{uri}""#)).await.json();
        assert_eq!((&answer["error"]["code"], &answer["error"]["data"]["uri"]), (&json!(-32602), &json!(uri)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_every_transport_and_in_a_batch_names_are_mapped_both_ways() {
    for transport in TRANSPORTS {
        let script = Script::default()
            .prompts([Entry::prompt("greet", Does::Echo)])
            .resources([Entry::resource("test://a", Does::Echo)])
            .templates([Entry::template("test://of/{id}", Does::Echo)]);
        let spec = json!({"resources": {"uriPrefix": "docs+"}});
        let scene = Scene::over(transport, Script { completes: Some(Does::Echo), ..script }, &spec);
        let mut client = scene.client();
        client.initialize("2025-03-26").await;
        let message = |id: u8, method: &str, params: &str| {
            format!(r#"  {{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
        };
        let batch = [
            message(1, "prompts/list", "{}"),
            message(2, "resources/list", "{}"),
            message(3, "resources/templates/list", "{}"),
            message(4, "prompts/get", r#"{"name":"up-greet"}"#),
            message(5, "resources/read", r#"{"uri":"docs+test://a"}"#),
            message(6, "resources/read", r#"{"uri":"docs+test://of/7"}"#),
            message(7, "completion/complete", r#"{"ref":{"type":"ref/resource","uri":"docs+test://of/{id}"}}"#),
            message(8, "resources/read", r#"{"uri":"docs+none"}"#),
        ];
        let answers = client.post(format!("[{}]", batch.join(" ,\n"))).await.json();
        let answer = |id: u8| {
            let mut all = answers.as_array().unwrap_or_else(|| panic!("{transport:?}: {answers}")).iter();
            all.find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{transport:?}: {id} in {answers}"))
        };
        assert_eq!(answer(1)["result"]["prompts"][0]["name"], "up-greet", "{transport:?}");
        assert_eq!(answer(2)["result"]["resources"][0]["uri"], "docs+test://a", "{transport:?}");
        assert_eq!(answer(3)["result"]["resourceTemplates"][0]["uriTemplate"], "docs+test://of/{id}", "{transport:?}");
        assert_eq!(answer(4)["result"]["echo"]["name"], "greet", "{transport:?}");
        for (id, uri) in [(5, "test://a"), (6, "test://of/7")] {
            let result = &answer(id)["result"];
            assert_eq!(result["echo"]["uri"], uri, "{transport:?}");
            assert_eq!(result["contents"][0]["uri"], format!("docs+{uri}"), "{transport:?}");
        }
        assert_eq!(answer(7)["result"]["echo"]["ref"]["uri"], "test://of/{id}", "{transport:?}");
        assert_eq!(answer(8)["error"]["code"], -32002, "what only the server can know it says: {transport:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_goes_before_a_read_and_its_uris_are_mapped_all_the_same() {
    let server = Script::default().resources([Entry::resource("test://a", Does::Progress(3))]);
    let scene = Several::of([("one", server, json!({"resources": {"uriPrefix": "docs+"}}))]);
    let params = r#"{"uri":"docs+test://a","_meta":{"progressToken":"mine"}}"#;
    let answer = scene.client().request("resources/read", params).await;
    let messages: Vec<Value> =
        answer.messages().into_iter().map(|message| serde_json::from_slice(message).unwrap()).collect();
    let tokens: Vec<_> = messages.iter().map(|message| message["params"]["progressToken"].clone()).collect();
    assert_eq!(tokens, [json!("mine"), json!("mine"), json!("mine"), json!(null)], "{messages:?}");
    assert_eq!(messages[3]["result"]["contents"][0]["uri"], "docs+test://a", "{messages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_may_not_outgrow_the_bound_and_bad_answers_are_the_servers_failure() {
    let large = json!({"contents": [{"uri": "test://large", "text": "x".repeat(200_000)}]}).to_string();
    let cases = [
        ("large", Does::Result(large)),
        ("huge", Does::Huge(1_000_000_000)),
        ("html", Does::Html),
        ("half", Does::Half),
        ("wrong", Does::WrongId),
        ("broken", Does::Status(500)),
        ("hang", Does::Hang),
    ];
    for (form, prefix) in [(Form::Json, "docs+"), (Form::Json, ""), (Form::EventStream, "docs+")] {
        let resources = cases.iter().map(|(name, does)| Entry::resource(&format!("test://{name}"), does.clone()));
        let server = Script { form, ..Script::default() }.resources(resources.chain([of("one", "test://good")]));
        let mut spec = json!({"limits": {"maxResponseBytes": 100_000}, "timeouts": {"callSeconds": 2}});
        if !prefix.is_empty() {
            spec["resources"] = json!({"uriPrefix": prefix});
        }
        let scene = Several::of([("one", server, spec)]);
        let mut client = scene.client();
        for (name, _) in &cases {
            // Without a prefix what is large streams as it comes, and is cut.
            if prefix.is_empty() && ["large", "huge"].contains(name) {
                continue;
            }
            let answer = read(&mut client, &format!("{prefix}test://{name}")).await;
            assert_eq!(answer.code(), Some(-32603), "{form:?} {name}: {answer:?}");
            let shown = format!("{answer:?}");
            assert!(answer.json()["error"]["data"]["switchboard.dev/outcome"].is_string(), "{shown}");
            assert!(!shown.contains(BODY_OF_ERRORS) && !shown.contains("It works!") && shown.len() < 2000, "{shown}");
            let good = format!("{prefix}test://good");
            assert_eq!(content(&read(&mut client, &good).await).1, json!(good), "the next one, after {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uri_that_a_server_lists_twice_is_listed_once() {
    let twice = |server| {
        let same = || of(server, "test://same");
        Script::default()
            .resources([same(), same()])
            .templates(["a", "b"].map(|_| Entry::template("t://{id}", Does::Echo)))
    };
    let scene = Several::of([("one", twice("one"), json!({})), ("two", twice("two"), json!({}))]);
    let mut client = scene.client();
    assert_eq!(listed(&mut client, "resources/list").await, ["test://same", "switchboard:two:test://same"]);
    assert_eq!(listed(&mut client, "resources/templates/list").await, ["t://{id}", "switchboard:two:t://{id}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spelling_of_an_alias_is_bounded_since_it_goes_before_each_uri() {
    let scene = Several::of([("one", both("one"), json!({})), ("two", both("two"), json!({}))]);
    let mut client = scene.client();
    for (dashes, found) in [(61, true), (62, false), (7000, false)] {
        let uri = format!("switchboard:one{}:test://one", "-".repeat(dashes));
        assert_eq!(read(&mut client, &uri).await.code().is_none(), found, "{dashes}");
    }
}
