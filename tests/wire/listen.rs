//! `subscriptions/listen`: a modern client is told of what it asked for and of what it sees itself, and of nothing else.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Client, MODERN, modern_body};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::stream::Stream;
use tests::upstream::{Does, Entry, Script, Tool, Upstream};
use tests::wait::{until, until_async};

use super::asking::BOB;
use super::scene::{KEY, Scene};

/// Long enough for what should not come to come.
const A_WHILE: Duration = Duration::from_millis(400);
const SOON: Duration = Duration::from_secs(5);
const TAG: &str = "io.modelcontextprotocol/subscriptionId";
const ALL: &str = r#"{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}"#;

/// Begins to listen, with this id as it is written.
async fn listen(client: &Client, id: &str, wanted: &str) -> Stream {
    let body = modern_body(0, "subscriptions/listen", &format!(r#""notifications":{wanted}"#));
    let body = body.replacen(r#""id":0"#, &format!(r#""id":{id}"#), 1);
    let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "subscriptions/listen")];
    client.stream(&Method::POST, &headers, body).await
}

/// The same, acknowledged: what is honoured of it.
async fn listening(client: &Client, id: &str, wanted: &str) -> (Stream, Value) {
    let mut stream = listen(client, id, wanted).await;
    assert_eq!(stream.status, StatusCode::OK);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let mut first = stream.message().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
    assert_eq!(first["params"]["_meta"][TAG].to_string(), id);
    (stream, first["params"]["notifications"].take())
}

/// The result that ends a stream, and its end.
async fn ended(stream: &mut Stream, id: &str) {
    let last = stream.message().await;
    assert_eq!(last["id"].to_string(), id, "{last}");
    assert_eq!(last["result"]["resultType"], "complete", "{last}");
    assert_eq!(last["result"]["_meta"][TAG].to_string(), id, "{last}");
    assert_eq!(stream.next().await, None);
}

/// A server whose lists change and which says so.
fn changes() -> Script {
    Script { list_changed: true, ..Script::echo() }.modern()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_honoured_is_said_first_and_every_message_bears_the_id() {
    let scene = Scene::of(changes());
    until("the gateway listens", SOON, || (scene.upstream.listeners() == 1).then_some(()));
    let client = scene.client();
    let wanted = r#"{"toolsListChanged":true,"promptsListChanged":false,"taskIds":["t"],"unheardOf":{}}"#;
    for (number, id) in ["7", r#""a\u00e9""#, "1e3"].into_iter().enumerate() {
        let (mut stream, honoured) = listening_raw(&client, id, wanted).await;
        assert_eq!(honoured, json!({"toolsListChanged": true}));
        scene.upstream.change(|script| script.tools.push(Tool::new(&format!("more{number}"), Does::Echo)));
        scene.upstream.tell("notifications/tools/list_changed");
        let told = stream.next().await.unwrap().data;
        assert_eq!(
            told,
            format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{{"_meta":{{"{TAG}":{id}}}}}}}"#
            )
        );
    }
}

/// As [`listening`], of an id that a decoder would write otherwise.
async fn listening_raw(client: &Client, id: &str, wanted: &str) -> (Stream, Value) {
    let mut stream = listen(client, id, wanted).await;
    let first = stream.next().await.unwrap();
    assert!(first.data.contains(&format!(r#""{TAG}":{id}}}"#)), "{}", first.data);
    let honoured = first.json()["params"]["notifications"].take();
    (stream, honoured)
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_what_was_not_asked_for_is_not_told() {
    let script = changes().prompts([Entry::prompt("one", Does::Echo)]);
    let scene = Scene::of(script);
    until("the gateway listens", SOON, || (scene.upstream.listeners() == 1).then_some(()));
    let client = scene.client();
    let (mut prompts, honoured) = listening(&client, "1", r#"{"promptsListChanged":true}"#).await;
    assert_eq!(honoured, json!({"promptsListChanged": true}));
    let (mut nothing, honoured) = listening(&client, "2", "{}").await;
    assert_eq!(honoured, json!({}));
    let (mut tools, _) = listening(&client, "3", r#"{"toolsListChanged":true}"#).await;
    scene.upstream.change(|script| script.tools.push(Tool::new("more", Does::Echo)));
    scene.upstream.tell("notifications/tools/list_changed");
    assert_eq!(tools.message().await["method"], "notifications/tools/list_changed");
    assert!(prompts.is_silent(A_WHILE).await && nothing.is_silent(A_WHILE).await);
    scene.upstream.change(|script| script.prompts.push(Entry::prompt("two", Does::Echo)));
    scene.upstream.tell("notifications/prompts/list_changed");
    assert_eq!(prompts.message().await["method"], "notifications/prompts/list_changed");
    assert!(tools.is_silent(A_WHILE).await && nothing.is_silent(A_WHILE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_a_new_grant_is_told_to_its_caller_and_to_nobody_else() {
    let scene = Scene::of(Script::echo());
    let more = Upstream::start(Script::with([Tool::new("more", Does::Echo)]));
    scene.manifests.http("more", &more.url()).key("bob", BOB, &["up"]);
    let bob = Client::new(&scene.switchboard.mcp).key(BOB);
    let mut probe = Client::new(&scene.switchboard.mcp).key(BOB);
    until_async("bob is known", SOON, async || {
        (probe.modern("tools/list", None, "").await.status == StatusCode::OK).then_some(())
    })
    .await;
    let (mut to_bob, honoured) = listening(&bob, "1", ALL).await;
    assert_eq!(honoured.to_string().len(), ALL.len());
    let client = scene.client();
    let (mut own, _) = listening(&client, "1", ALL).await;
    // The same client by a path that leaves it the first server alone sees nothing new.
    let (mut scoped, _) = listening(&scene.client_at("/mcp/up"), "1", ALL).await;
    scene.manifests.key("scene", KEY, &["up", "more"]);
    assert_eq!(own.message().await["method"], "notifications/tools/list_changed");
    assert!(own.is_silent(A_WHILE).await, "of the other lists none changed");
    assert!(to_bob.is_silent(A_WHILE).await && scoped.is_silent(A_WHILE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_a_result_when_its_caller_is_no_more() {
    let scene = Scene::of(Script::echo());
    let (mut stream, _) = listening(&scene.client(), "9", ALL).await;
    let began = Instant::now();
    scene.manifests.remove("McpKeyBinding-scene.yaml");
    ended(&mut stream, "9").await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(listen(&scene.client(), "9", ALL).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_process_ends_streams_with_a_result_and_does_not_wait_for_them() {
    let mut scene = Scene::of(Script::echo());
    let (mut stream, _) = listening(&scene.client(), r#""end""#, ALL).await;
    let began = Instant::now();
    assert!(scene.switchboard.terminate(Duration::from_secs(8)).success());
    assert!(began.elapsed() < SOON, "it did not wait for the stream");
    ended(&mut stream, r#""end""#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_filter_is_refused_and_legacy_clients_know_no_such_method() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    let wrong = [
        "",
        r#""notifications":null"#,
        r#""notifications":[]"#,
        r#""notifications":"toolsListChanged""#,
        r#""notifications":{"toolsListChanged":"true"}"#,
        r#""notifications":{"toolsListChanged":true,"toolsListChanged":true}"#,
    ];
    for params in wrong {
        let answer = client.modern("subscriptions/listen", None, params).await;
        assert_eq!(answer.code(), Some(-32602), "{params}: {answer:?}");
    }
    let long = format!(r#""{}""#, "x".repeat(2000));
    let mut refused = listen(&client, &long, ALL).await;
    assert_eq!(refused.status, StatusCode::OK);
    assert_eq!(refused.headers["content-type"], "application/json");
    assert_eq!(refused.next().await, None);
    let mut legacy = scene.session().await;
    let answer = legacy.request("subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#).await;
    assert_eq!(answer.code(), Some(-32601), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_a_caller_has_so_many_streams_as_it_may_and_gets_them_back() {
    let scene = Scene::of(Script::echo());
    let client = scene.client();
    let mut streams = Vec::new();
    for _ in 0..1024 {
        streams.push(listening(&client, "1", "{}").await.0);
    }
    assert_eq!(listen(&client, "1", "{}").await.status, StatusCode::TOO_MANY_REQUESTS);
    streams.truncate(1000);
    until_async("what was left is free", SOON, async || {
        (listen(&client, "1", "{}").await.status == StatusCode::OK).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_says_what_is_told() {
    let scene = Scene::of(Script::echo());
    let answer = scene.client().modern("server/discover", None, "").await.json();
    for kind in ["tools", "prompts", "resources"] {
        assert_eq!(answer["result"]["capabilities"][kind]["listChanged"], true, "{kind}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_a_caller_with_values_of_their_own_is_told_of_what_they_see() {
    let script = Script { caller_header: Some("x-user".to_owned()), list_changed: true, ..Script::echo() };
    let upstream = Upstream::start(script.modern());
    let manifests = Manifests::default();
    let http = json!({"url": upstream.url(), "forwardHeaders": ["x-user"]});
    manifests.server("up", &json!({"http": http, "sessionMode": "Shared"})).key("scene", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    until("the gateway listens", SOON, || (upstream.listeners() == 1).then_some(()));
    let mut client = Client::new(&switchboard.mcp).key(KEY).header("x-user", "ann");
    let (mut stream, _) = listening(&client, "1", ALL).await;
    upstream.change(|script| script.tools.push(Tool::new("more", Does::Echo)));
    upstream.tell("notifications/tools/list_changed");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    let listed = client.modern("tools/list", None, "").await;
    let listed = String::from_utf8_lossy(&listed.body).into_owned();
    assert!(listed.contains("up-more") && listed.contains("up-for_ann"), "{listed}");
    assert!(stream.is_silent(A_WHILE).await);
}

/// The resources that are honoured, of these.
async fn resources(client: &Client, uris: &str) -> (Stream, Value) {
    let (stream, mut honoured) = listening(client, "5", &format!(r#"{{"resourceSubscriptions":{uris}}}"#)).await;
    (stream, honoured["resourceSubscriptions"].take())
}

const UPDATED: &str = "notifications/resources/updated";

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_told_of_by_the_uri_that_the_client_said_and_to_whom_may_read_it_alone() {
    let resources_of =
        |script: Script| script.resources(["test://one", "test://two"].map(|uri| Entry::resource(uri, Does::Echo)));
    let scene = Scene::of(resources_of(Script::echo()).modern());
    let legacy = Upstream::start(Script::echo().resources([Entry::resource("old://one", Does::Echo)]));
    scene.manifests.http("old", &legacy.url()).key("scene", KEY, &["up", "old"]).key("bob", BOB, &["old"]);
    let (client, bob) = (scene.client(), Client::new(&scene.switchboard.mcp).key(BOB));
    let mut probes = [scene.client(), Client::new(&scene.switchboard.mcp).key(BOB)];
    for probe in &mut probes {
        until_async("both know of the legacy server", SOON, async || {
            let answer = probe.modern("resources/list", None, "").await;
            String::from_utf8_lossy(&answer.body).contains("old://one").then_some(())
        })
        .await;
    }
    let wanted = r#"["test://two","switchboard:up:test://one","old://one","no://where"]"#;
    let (mut own, honoured) = resources(&client, wanted).await;
    assert_eq!(honoured, json!(["switchboard:up:test://one", "test://two"]), "what nobody tells of is left out");
    let asked = scene.upstream.received_of("subscriptions/listen").pop().unwrap();
    let asked: Value = serde_json::from_slice(&asked.body).unwrap();
    let mut natives = asked["params"]["notifications"]["resourceSubscriptions"].as_array().unwrap().clone();
    natives.sort_by_key(ToString::to_string);
    assert_eq!(natives, ["test://one", "test://two"]);
    assert_eq!(resources(&bob, wanted).await.1, Value::Null, "bob may read none of these");

    scene.upstream.tell_with(UPDATED, &json!({"uri": "test://three"}));
    scene.upstream.tell_with("notifications/tools/list_changed", &json!({}));
    scene.upstream.tell_with(UPDATED, &json!({"uri": "test://one", "more": {"a": 1}}));
    let told = own.message().await;
    assert_eq!(
        told["params"],
        json!({"uri": "switchboard:up:test://one", "more": {"a": 1}, "_meta": {TAG: 5}}),
        "{told}"
    );
    // What may not be read any more is not told.
    scene.manifests.key_with("scene", KEY, &json!({"servers": [{"name": "up", "resources": ["test://two"]}]}));
    until_async("the grant is narrower", SOON, async || {
        let answer = probes[0].modern("resources/list", None, "").await;
        (!String::from_utf8_lossy(&answer.body).contains("test://one")).then_some(())
    })
    .await;
    scene.upstream.tell_with(UPDATED, &json!({"uri": "test://one"}));
    scene.upstream.tell_with(UPDATED, &json!({"uri": "test://two"}));
    assert_eq!(own.message().await["params"]["uri"], "test://two");
    assert!(own.is_silent(A_WHILE).await);
    // A server that ends its stream ends the client's, which then asks anew.
    scene.upstream.hang_up();
    ended(&mut own, "5").await;
    assert_eq!(scene.upstream.listeners(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_streams_with_servers_along() {
    let scene = Scene::of(Script::echo().resources([Entry::resource("test://one", Does::Echo)]).modern());
    let (stream, honoured) = resources(&scene.client(), r#"["test://one"]"#).await;
    assert_eq!(honoured, json!(["test://one"]));
    assert_eq!(scene.upstream.listeners(), 1);
    drop(stream);
    until("its stream with the server ends", SOON, || (scene.upstream.listeners() == 0).then_some(()));
}
