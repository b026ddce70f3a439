//! Old clients, of HTTP+SSE (R12): one stream, and POSTs that are answered on it.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::raw;
use tests::sse_client::SseClient;
use tests::stream::End;
use tests::upstream::{Does, Entry, Form, Script, Tool, Upstream};
use tests::wait::{until, until_async};
use tokio::time::timeout;

use super::scene::{KEY, PING, Scene, TRANSPORTS};

/// The file in which a [`Scene`] has the caller's binding.
const BINDING: &str = "McpKeyBinding-scene.yaml";
/// How long something may take that waits for nobody.
const SOON: Duration = Duration::from_secs(5);

/// The URL of a path of the port that MCP is served on.
fn at(switchboard: &Switchboard, path: &str) -> String {
    switchboard.mcp.replace("/mcp", path)
}

async fn opened(switchboard: &Switchboard) -> SseClient {
    SseClient::open(&at(switchboard, "/sse"), &[("x-api-key", KEY)]).await.unwrap()
}

async fn begun(switchboard: &Switchboard) -> SseClient {
    let mut client = opened(switchboard).await;
    client.initialize("2024-11-05").await;
    client
}

fn names(response: &Value) -> Vec<&str> {
    let tools = response["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_the_endpoint_is_relative_and_its_id_is_short_and_never_the_same() {
    let scene = Scene::of(Script::echo());
    let mut ids = Vec::new();
    for path in ["/sse", "/sse/", "/mcp/sse", "/up/sse"] {
        let url = at(&scene.switchboard, path);
        let client = SseClient::open(&url, &[("x-api-key", KEY)]).await.unwrap();
        let (endpoint, id) = client.endpoint.split_once("?session_id=").unwrap();
        assert_eq!(endpoint, format!("{}/messages", path.trim_end_matches('/')));
        assert!(id.len() <= 1024 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        ids.push(id.to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_an_old_client_lists_calls_gets_and_reads_over_every_transport() {
    for transport in TRANSPORTS {
        let script = Script::echo()
            .prompts([Entry::prompt("greet", Does::Echo)])
            .resources([Entry::resource("test://one", Does::Echo)]);
        let scene = Scene::over(transport, script, &json!({}));
        let mut client = opened(&scene.switchboard).await;
        let result = client.initialize("2024-11-05").await;
        assert_eq!(result["protocolVersion"], "2024-11-05", "{result}");
        assert_eq!(client.request("ping", "{}").await["result"], json!({}));
        assert_eq!(names(&client.request("tools/list", "{}").await), ["up-echo"], "{transport:?}");
        let answer =
            client.call("up-echo", r#"{"huge":1e400}"#.replace("1e400", "12345678901234567890").as_str()).await;
        assert_eq!(
            answer["result"]["structuredContent"]["params"]["arguments"]["huge"],
            12_345_678_901_234_567_890_u64
        );
        let prompt = client.request("prompts/get", r#"{"name":"up-greet"}"#).await;
        assert_eq!(prompt["result"]["echo"]["name"], "greet", "{transport:?}: {prompt}");
        let read = client.request("resources/read", r#"{"uri":"test://one"}"#).await;
        assert!(read["result"].is_object(), "{transport:?}: {read}");
        assert_eq!(client.request("server/discover", "{}").await["error"]["code"], -32601, "no other era is here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_client_of_a_later_revision_negotiates_it_over_the_old_transport() {
    let scene = Scene::of(Script::echo());
    for (asked, given) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let mut client = opened(&scene.switchboard).await;
        assert_eq!(client.initialize(asked).await["protocolVersion"], given);
        // As clients of these do over any transport.
        client.posts.set_header("mcp-protocol-version", given);
        assert_eq!(names(&client.request("tools/list", "{}").await), ["up-echo"]);
        let again = client.request("initialize", r#"{"protocolVersion":"2025-11-25"}"#).await;
        assert!(again["error"]["code"].is_i64(), "a stream is one session: {again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_calls_run_at_once_and_their_messages_share_the_stream() {
    let tools =
        [Tool::new("slow", Does::Slow(700)), Tool::new("steps", Does::Progress(3)), Tool::new("quick", Does::Echo)];
    let scene = Scene::of(Script { form: Form::EventStream, ..Script::with(tools) });
    let mut client = begun(&scene.switchboard).await;
    let began = Instant::now();
    let slow = [
        client.ask("tools/call", r#"{"name":"up-slow"}"#).await,
        client.ask("tools/call", r#"{"name":"up-slow"}"#).await,
    ];
    let steps = client.messages("tools/call", r#"{"name":"up-steps","_meta":{"progressToken":"mine"}}"#).await;
    let (last, progress) = steps.split_last().unwrap();
    assert!(last["result"].is_object() && progress.len() == 3, "{steps:?}");
    assert!(progress.iter().all(|step| step["params"]["progressToken"] == "mine"), "{steps:?}");
    assert!(began.elapsed() < Duration::from_millis(700), "nobody waits for the slow ones: {:?}", began.elapsed());
    let mut later = [client.message().await.unwrap()["id"].as_u64(), client.message().await.unwrap()["id"].as_u64()];
    later.sort();
    assert_eq!(later, slow.map(Some));
    assert!(began.elapsed() < Duration::from_millis(1400), "the slow ones ran at once: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_large_answer_is_one_message_and_a_cut_one_is_an_error() {
    let script = Script::with([Tool::new("huge", Does::Huge(3_000_000)), Tool::new("half", Does::Half)]);
    let scene = Scene::of(script);
    let mut client = begun(&scene.switchboard).await;
    let huge = client.call("up-huge", "{}").await;
    assert!(huge["result"]["content"].to_string().len() > 3_000_000);
    let half = client.call("up-half", "{}").await;
    assert!(half["error"].is_object() || half["result"]["isError"] == true, "{half}");
    assert_eq!(client.request("ping", "{}").await["result"], json!({}), "the stream goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_batch_is_answered_as_over_http() {
    let scene = Scene::of(Script::echo());
    let batch = r#"[{"jsonrpc":"2.0","id":7,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":8,"method":"tools/list"}]"#;
    let mut client = opened(&scene.switchboard).await;
    client.initialize("2025-03-26").await;
    assert_eq!(client.post(batch).await.status, StatusCode::ACCEPTED);
    let answer = client.message().await.unwrap();
    assert_eq!((&answer[0]["id"], &answer[1]["id"]), (&json!(7), &json!(8)), "{answer}");
    assert_eq!(client.post(r#"[{"jsonrpc":"2.0","method":"notifications/x"}]"#).await.status, StatusCode::ACCEPTED);
    assert_eq!(client.request("ping", "{}").await["result"], json!({}), "nothing came of what asked for nothing");
    let mut old = begun(&scene.switchboard).await;
    assert_eq!(old.post(batch).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_an_endpoint_is_its_callers_own_and_no_credential() {
    let upstream = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    manifests.http("up", &upstream.url()).key("one", KEY, &["up"]).key("other", "sb-other", &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = begun(&switchboard).await;
    let endpoint = client.endpoint.clone();
    let (path, id) = endpoint.split_once("?session_id=").unwrap();
    let post = async |key: &str, endpoint: String| {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-echo"}}"#;
        let poster = Client::new(&switchboard.mcp).path(&endpoint);
        let mut poster = if key.is_empty() { poster } else { poster.key(key) };
        poster.post(call).await.status
    };
    let session = {
        let mut other = Client::new(&switchboard.mcp).key(KEY);
        other.initialize("2025-11-25").await;
        other.session().unwrap().to_owned()
    };
    let mut flipped = id.to_owned().into_bytes();
    flipped[40] = if flipped[40] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    let bad = [
        String::new(),
        "?session_id=".to_owned(),
        "?session_id=made-up".to_owned(),
        format!("?session_id={}", &id[..id.len() - 1]),
        format!("?session_id={id}A"),
        format!("?session_id={id}&session_id={id}"),
        format!("?session_id={flipped}"),
        format!("?session_id={session}"),
        format!("?session_id={}", "A".repeat(5000)),
    ];
    for query in bad {
        assert_eq!(post(KEY, format!("{path}{query}")).await, StatusCode::NOT_FOUND, "{query}");
    }
    assert_eq!(post("sb-other", endpoint.clone()).await, StatusCode::NOT_FOUND, "foreign");
    assert_eq!(post("", endpoint.clone()).await, StatusCode::UNAUTHORIZED, "nobody");
    assert_eq!(post("sb-wrong", endpoint.clone()).await, StatusCode::UNAUTHORIZED);
    assert_eq!(upstream.posts("tools/call"), 0, "none of them reached a server");
    assert_eq!(client.request("ping", "{}").await["result"], json!({}), "and nothing came on the stream");
    let mut as_session = Client::new(&switchboard.mcp).key(KEY).header("mcp-session-id", id);
    assert_eq!(as_session.post(PING).await.status, StatusCode::NOT_FOUND, "it is no session id");
    let told = switchboard.errors();
    assert!(!told.contains(id) && !told.contains("session_id"), "queries are never logged: {told}");
    drop(client);
    until_async("the stream's end", SOON, async || {
        (post(KEY, endpoint.clone()).await == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_a_stream_is_refused_as_any_request_is() {
    let scene = Scene::of(Script::echo());
    let open = async |path: &str, headers: &[(&str, &str)]| {
        SseClient::open(&at(&scene.switchboard, path), headers).await.map(drop).unwrap_err()
    };
    let key = ("x-api-key", KEY);
    assert_eq!(open("/sse", &[]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(open("/sse", &[("x-api-key", "sb-wrong")]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(open("/nope/sse", &[key]).await, StatusCode::NOT_FOUND);
    assert_eq!(open("/mcp/up/sse", &[key]).await, StatusCode::NOT_FOUND);
    assert_eq!(open("/sse", &[key, ("origin", "https://evil.example")]).await, StatusCode::FORBIDDEN);
    let mut client = scene.client().path("/sse");
    let evil = [("host", "evil.example"), ("accept", "text/event-stream")];
    assert_eq!(client.send(&Method::GET, &evil, "").await.status, StatusCode::FORBIDDEN);
    let json = [("accept", "application/json")];
    assert_eq!(client.send(&Method::GET, &json, "").await.status, StatusCode::NOT_ACCEPTABLE);
    for path in ["/sse", "/mcp/sse", "/up/sse"] {
        // By this a client of both transports sees that it has to GET.
        let mut client = scene.client_at(path);
        let answer = client.try_initialize("2025-11-25").await;
        assert_eq!((answer.status, answer.headers["allow"].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "GET"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r12_each_post_is_judged_by_its_own_headers() {
    let scene = Scene::of(Script::echo());
    let mut client = begun(&scene.switchboard).await;
    assert_eq!(client.posts.send(&Method::POST, &[("content-type", "text/plain")], PING).await.status, 415);
    assert_eq!(client.posts.send(&Method::POST, &[("content-encoding", "gzip")], PING).await.status, 415);
    assert_eq!(client.posts.send(&Method::POST, &[("origin", "https://evil.example")], PING).await.status, 403);
    assert_eq!(client.posts.send(&Method::POST, &[("accept", "")], PING).await.status, 202);
    assert_eq!(client.message().await.unwrap()["result"], json!({}));
    for body in ["", "{", r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#] {
        assert_eq!(client.post(body).await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nx-api-key: {KEY}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
        client.endpoint,
        large.len()
    );
    let reply = raw::exchange(client.posts.address(), &head, &large).await;
    assert_eq!(reply.status(), Some(StatusCode::PAYLOAD_TOO_LARGE));
    client.posts.set_header("x-mcp-servers", "nothing");
    assert_eq!(names(&client.request("tools/list", "{}").await), [""; 0], "narrowed");
    assert_eq!(client.posts.send(&Method::DELETE, &[], "").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gets_the_logs_from_the_level_that_it_set() {
    let levels = ["debug", "error"].map(ToOwned::to_owned).to_vec();
    let script = Script { form: Form::EventStream, ..Script::with([Tool::new("talks", Does::Logs(levels))]) };
    let scene = Scene::of(script);
    let (mut one, mut other) = (begun(&scene.switchboard).await, begun(&scene.switchboard).await);
    assert_eq!(one.request("logging/setLevel", r#"{"level":"error"}"#).await["result"], json!({}));
    for (client, expected) in [(&mut one, &["error"][..]), (&mut other, &["debug", "error"])] {
        client.ask("tools/call", r#"{"name":"up-talks"}"#).await;
        for level in expected {
            let log = client.event().await.unwrap().data;
            assert!(log.contains(&format!(r#""data":{{"of": "{level}","huge":1e400}}"#)), "as it was written: {log}");
        }
        assert!(client.message().await.unwrap()["result"].is_object());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_within_a_second_of_its_key() {
    let scene = Scene::of(Script::with([Tool::new("hang", Does::Hang)]));
    let mut client = begun(&scene.switchboard).await;
    client.ask("tools/call", r#"{"name":"up-hang"}"#).await;
    until("the call at the server", SOON, || (scene.upstream.posts("tools/call") == 1).then_some(()));
    let began = Instant::now();
    scene.manifests.remove(BINDING);
    let end = loop {
        // The call may be told its own end before.
        if let Err(end) = client.message().await {
            break end;
        }
    };
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(end, End::Told);
    assert_eq!(client.post(PING).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_calls_at_the_server() {
    for transport in TRANSPORTS {
        let script = Script::with([Tool::new("hang", Does::Hang), Tool::new("echo", Does::Echo)]);
        let scene = Scene::over(transport, script, &json!({"limits": {"maxConcurrentCalls": 1}}));
        let mut client = begun(&scene.switchboard).await;
        client.ask("tools/call", r#"{"name":"up-hang"}"#).await;
        let mut other = begun(&scene.switchboard).await;
        let waits = other.ask("tools/call", r#"{"name":"up-echo"}"#).await;
        drop(client);
        let answer = timeout(SOON, other.message()).await.expect("the only place is given back").unwrap();
        assert!(answer["id"] == waits && answer["result"]["structuredContent"].is_object(), "{transport:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_process_ends_streams_once_their_calls_are_answered() {
    let mut scene = Scene::of(Script::with([Tool::new("slow", Does::Slow(1000))]));
    let (mut idle, mut busy) = (begun(&scene.switchboard).await, begun(&scene.switchboard).await);
    let call = busy.ask("tools/call", r#"{"name":"up-slow"}"#).await;
    until("the call at the server", SOON, || (scene.upstream.posts("tools/call") == 1).then_some(()));
    let began = Instant::now();
    let ending = tokio::task::spawn_blocking(move || scene.switchboard.terminate(Duration::from_secs(8)));
    assert_eq!(idle.message().await, Err(End::Told));
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(busy.message().await.unwrap()["id"], call);
    assert_eq!(busy.message().await, Err(End::Told));
    assert!(ending.await.unwrap().success());
}
