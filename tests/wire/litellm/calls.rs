//! Calls that are answered: what reaches the server, and what comes back.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tests::client::Client;
use tests::upstream::{Does, Form, Script, Tool};
use tests::wait::until;

use super::super::scene::{KEY, Scene, TRANSPORTS, Transport};
use super::{ALICE, CALL, Two, call, key_client, post, scene, text};

/// What only survives byte for byte.
const ARGUMENTS: &str = r#"{ "z":1e400,"a":9007199254740993 ,"nested":{"name":"x","name":"y"},"caf\u00e9":"\/"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn arguments_and_result_go_byte_for_byte_in_one_request() {
    let scene = scene([Tool::new("echo", Does::Echo)]);
    let answer = call(&key_client(&scene), ("up", "echo"), ARGUMENTS).await;
    let expected = format!(
        r#"{{"content":[{{"type":"text","text":"echo"}}],"structuredContent":{{"params":{{"name":"echo","arguments":{ARGUMENTS}}}}},"resultType":"complete"}}"#
    );
    assert_eq!((answer.status, text(&answer)), (StatusCode::OK, expected.as_str()));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(answer.headers.get("mcp-session-id").is_none());
    assert_eq!(scene.upstream.posts("tools/call"), 1);
    for received in scene.upstream.received() {
        assert!(!format!("{received:?}").contains(KEY), "the key at an upstream");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_form_and_era_answers() {
    for transport in TRANSPORTS {
        for form in [Form::Json, Form::EventStream] {
            let tools = [Tool::new("echo", Does::Progress(2)), Tool::new("big", Does::Huge(1 << 20))];
            let scene = Scene::over(transport, Script { form, ..Script::with(tools) }, &json!({}));
            let answer = call(&key_client(&scene), ("up", "echo"), ARGUMENTS).await;
            assert!(text(&answer).contains(ARGUMENTS), "{transport:?} {form:?}: {answer:?}");
            let big = call(&key_client(&scene), ("up", "big"), "{}").await.json();
            assert_eq!(big["content"][0]["text"].as_str().unwrap().len(), 1 << 20, "{transport:?} {form:?}");
            assert_eq!(big["resultType"], "complete", "{transport:?} {form:?}");
        }
    }
    let loose = r#"{"content":[],"structuredContent":[1e400],"resultType":"complete","ttlMs":7}"#;
    let tools = [Tool::new("echo", Does::Echo), Tool::new("loose", Does::Result(loose.to_owned()))];
    let scene = Scene::of(Script::with(tools).modern());
    let answer = call(&key_client(&scene), ("up", "echo"), ARGUMENTS).await;
    assert!(answer.status == StatusCode::OK && text(&answer).contains(ARGUMENTS), "{answer:?}");
    assert!(text(&answer).ends_with(r#","resultType":"complete"}"#), "{answer:?}");
    let answer = call(&key_client(&scene), ("up", "loose"), "{}").await;
    assert_eq!(text(&answer), r#"{"content":[],"structuredContent":[1e400],"ttlMs":7,"resultType":"complete"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_fails_is_a_result() {
    let failed = r#"{"content":[{"type":"text","text":"no such city"}],"isError":true}"#;
    let scene = scene([Tool::new("failed", Does::Result(failed.to_owned()))]);
    let answer = call(&key_client(&scene), ("up", "failed"), "{}").await;
    let expected = format!(r#"{},"resultType":"complete"}}"#, failed.trim_end_matches('}'));
    assert_eq!((answer.status, text(&answer)), (StatusCode::OK, expected.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn server_and_tool_are_named_as_in_the_list_or_as_on_mcp() {
    let two = Two::start();
    let alice = two.client(ALICE);
    let mut calls = 0;
    for server in ["default/far-one", "Far_Away", "far away", "FARAWAY", "far-one"] {
        for tool in ["echo", "Far_Away-echo", "faraway-echo"] {
            let answer = call(&alice, (server, tool), "{}").await;
            assert_eq!(answer.status, StatusCode::OK, "{server} {tool}: {answer:?}");
            calls += 1;
        }
    }
    assert_eq!((two.far.posts("tools/call"), two.near.posts("tools/call")), (calls, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_name_goes_before_a_published_one() {
    let said = |text: &str| Does::Result(json!({"content": [{"type": "text", "text": text}]}).to_string());
    let scene = scene([Tool::new("a", said("by a")), Tool::new("up-a", said("by up-a"))]);
    let client = key_client(&scene);
    for (name, expected) in [("a", "by a"), ("up-a", "by up-a"), ("up-up-a", "by up-a")] {
        let answer = call(&client, ("up", name), "{}").await.json();
        assert_eq!(answer["content"][0]["text"], expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_members_of_the_body_mean_nothing() {
    let scene = scene([Tool::new("echo", Does::Echo)]);
    let body = r#"{"litellm_metadata":{"name":"x"},"arguments":{"a":1},"name":"echo","server_id":"up","_meta":{"progressToken":1}}"#;
    let answer = post(&key_client(&scene), body).await;
    let params = json!({"name": "echo", "arguments": {"a": 1}});
    assert_eq!(answer.json()["structuredContent"]["params"], params);
}

/// R24: a server that is named is the one that a credential is meant for.
#[tokio::test(flavor = "multi_thread")]
async fn r24_a_callers_credential_reaches_the_server_that_is_named() {
    let two = Two::start();
    let alice = two.client(ALICE).header("x-mcp-auth", "of-alice");
    // The list of all leaves no one server.
    assert_eq!(super::read(&alice, super::LIST).await.status, StatusCode::OK);
    for listed in two.far.received_of("tools/list") {
        assert_eq!(listed.header("authorization"), Some("Bearer of-the-house"));
    }
    assert_eq!(call(&alice, ("far_away", "echo"), "{}").await.status, StatusCode::OK);
    assert_eq!(call(&alice, ("near", "echo"), "{}").await.status, StatusCode::OK);
    let at_far = &two.far.received_of("tools/call")[0];
    assert_eq!(at_far.header("authorization"), Some("Bearer of-alice"));
    assert_eq!(two.near.received_of("tools/call")[0].header("authorization"), None);
    // By its id too, and not by its object's name, which another object may come to hold as an alias.
    assert_eq!(call(&alice, ("default/far-one", "echo"), "{}").await.status, StatusCode::OK);
    assert_eq!(call(&alice, ("far-one", "echo"), "{}").await.status, StatusCode::OK);
    assert!(!alice.clone_at("/mcp/far-one").call("Far_Away-echo", "{}").await.is_tool_error());
    let sent = two.far.received_of("tools/call");
    let sent = sent[1..].iter().map(|call| call.header("authorization").unwrap());
    assert_eq!(sent.collect::<Vec<_>>(), ["Bearer of-alice", "Bearer of-the-house", "Bearer of-the-house"]);
}

/// What a server asks in a call, nobody can be asked here: it hears the same as of a client that declared nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_hears_what_it_does_of_a_client_without_capabilities() {
    let questions = [("sampling/createMessage", r#"{"messages":[],"maxTokens":1}"#), ("elicitation/create", "{}")];
    let questions = questions.map(|(method, params)| (method.to_owned(), params.to_owned())).to_vec();
    let tools = [Tool::new("ask", Does::Ask(questions))];
    let script = Script { form: Form::EventStream, ..Script::with(tools) };
    for mode in ["Shared", "PerClient"] {
        let scene = Scene::with(script.clone(), &json!({"sessionMode": mode}));
        let answer = call(&key_client(&scene), ("up", "ask"), "{}").await.json();
        let on_mcp = scene.client().call("up-ask", "{}").await.json();
        let answers = &answer["structuredContent"]["answers"];
        assert_eq!(*answers, on_mcp["result"]["structuredContent"]["answers"], "{mode}");
        assert!(answers[0]["error"]["code"].is_i64() && answers[1]["error"]["code"].is_i64(), "{mode}: {answers}");
    }
}

/// Nothing is left behind of a caller who has gone: they have no id to cancel by.
#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_cancels() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let script = Script { journal: Some(journal.clone()), ..Script::with([Tool::new("hang", Does::Hang)]) };
    let scene = Scene::over(Transport::Stdio, script, &json!({}));
    let said = |what: &str| {
        std::fs::read_to_string(&journal).unwrap_or_default().lines().filter(|line| line.contains(what)).count()
    };
    let url = scene.switchboard.mcp.clone();
    let call = tokio::spawn(async move {
        let mut client = Client::new(&url).key(KEY).path(CALL);
        client.post(r#"{"server_id":"up","name":"hang","arguments":{}}"#).await
    });
    until("the call is upstream", Duration::from_secs(5), || (said("tools/call") == 1).then_some(()));
    call.abort();
    until("the server hears of it", Duration::from_secs(5), || (said("notifications/cancelled") == 1).then_some(()));
}
