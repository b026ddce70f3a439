//! A process that ends loses no request, whether its clients look at
//! `/readyz` or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Client, get};
use tests::http2::Http2;
use tests::stream::End;
use tests::upstream::{Does, Form, Script, Tool};
use tests::wait::until_async;
use tokio::task::JoinHandle;

use super::asking::{ABLE, ALICE, Clients, call as call_asking};
use super::outsiders::Node;
use super::peers::Scene;
use super::scene::{KEY, PING, Scene as Alone};
use super::tls::Certified;

/// Clients that call, one call after the other.
const CALLERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_come_and_go_cost_no_request_behind_a_balancer() {
    let mut scene = Scene::of(3).await;
    let balancer = scene.fleet.balancer();
    let ended = Arc::new(AtomicBool::new(false));
    let called = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> =
        (0..CALLERS).map(|_| tokio::spawn(call(balancer.url.clone(), called.clone(), ended.clone()))).collect();
    let sessions = tokio::spawn(sessions(balancer.url.clone(), ended.clone()));
    for number in [0, 1, 2, 0] {
        let before = called.load(Ordering::Relaxed);
        until_async("calls go on", Duration::from_secs(30), async || {
            (called.load(Ordering::Relaxed) > before + 100).then_some(())
        })
        .await;
        scene.fleet.drain(number);
        scene.fleet.restart(number);
    }
    ended.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(sessions.await.unwrap() > 20, "levels were set all the time");
    assert_eq!(scene.upstream.posts("tools/call"), called.load(Ordering::Relaxed), "each call once");
}

/// Calls without a session; none may fail. Counts them.
async fn call(url: String, called: Arc<AtomicU64>, ended: Arc<AtomicBool>) {
    let mut client = Client::new(&url).key(KEY);
    while !ended.load(Ordering::Relaxed) {
        let answer = client.call("up-talks", "{}").await;
        assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
        assert!(answer.code().is_none(), "{answer:?}");
        called.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sessions that begin and end anywhere, each with something for its owner to do; none of it may fail. Counts that.
async fn sessions(url: String, ended: Arc<AtomicBool>) -> u64 {
    let mut set = 0;
    while !ended.load(Ordering::Relaxed) {
        let mut client = Client::new(&url).key(KEY);
        client.initialize("2025-11-25").await;
        for level in ["error", "info", "debug"] {
            let answer = client.request("logging/setLevel", &format!(r#"{{"level":"{level}"}}"#)).await;
            assert_eq!((answer.status, answer.code()), (StatusCode::OK, None), "{answer:?}");
            set += 1;
        }
        assert_eq!(client.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
        assert_eq!(client.request("ping", "{}").await.status, StatusCode::NOT_FOUND);
    }
    set
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_says_so_first_and_finishes_what_it_began() {
    let mut scene = Alone::of(Script::with([Tool::new("slow", Does::Slow(1500)), Tool::new("hang", Does::Hang)]));
    let mut client = scene.session().await;
    let slow = tokio::spawn(async move { client.call("up-slow", "{}").await });
    until_async("the call is under way", Duration::from_secs(10), async || {
        (scene.upstream.posts("tools/call") == 1).then_some(())
    })
    .await;
    let admin = scene.switchboard.admin.clone();
    let ended = tokio::task::spawn_blocking(move || {
        scene.switchboard.terminate(Duration::from_secs(20));
        scene
    });
    until_async("it is not ready any more", Duration::from_secs(10), async || {
        (get(&format!("{admin}/readyz")).await.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let answer = slow.await.unwrap();
    assert!(!answer.is_tool_error(), "{answer:?}");
    let scene = ended.await.unwrap();
    assert_eq!(scene.upstream.posts("tools/call"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_alive_connections_are_told_to_close_while_a_process_of_several_leaves() {
    let mut scene = Scene::of(2).await;
    let mut client = Client::new(&scene.fleet.process(1).mcp).key(KEY);
    client.initialize("2025-11-25").await;
    let admin = scene.fleet.process(1).admin.clone();
    let leaving = tokio::task::spawn_blocking(move || {
        scene.fleet.drain(1);
        scene
    });
    until_async("it leaves", Duration::from_secs(10), async || {
        (get(&format!("{admin}/readyz")).await.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    let answer = client.request("ping", "{}").await;
    assert_eq!(answer.status, StatusCode::OK, "it still answers");
    assert_eq!(answer.headers.get("connection").unwrap(), "close");
    leaving.await.unwrap();
}

/// Everything at once over one connection of HTTP/2, and what an outsider sees of the end of it.
#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_all_streams_end_rightly_and_the_connection_is_told_to_go() {
    let script = || Script::with([Tool::new("slow", Does::Slow(1500))]);
    let certified = Certified::of(script());
    let (origin, trusted) = (certified.origin(), certified.secret.trusted());
    let alone = Alone::of(script());
    let clear = alone.switchboard.mcp.replace("/mcp", "");
    for (scene, origin, trusted, alpn) in
        [(certified.scene, origin, Some(trusted.as_path()), "h2"), (alone, clear, None, "h2c")]
    {
        let node = Node::open(&origin, KEY, trusted);
        let scene = ending(scene).await;
        let seen = tokio::task::spawn_blocking(move || node.seen()).await.unwrap();
        let streams = seen["streams"].as_object().unwrap();
        let what: Vec<_> = streams.keys().map(String::as_str).collect();
        assert_eq!(what, ["call", "get", "initialize", "listen", "sse"]);
        for (what, stream) in streams {
            assert_eq!(
                (&stream["ended"], &stream["code"], &stream["error"]),
                (&json!(true), &json!(0), &Value::Null),
                "{what}"
            );
            assert_eq!(stream["status"], 200, "{what}");
        }
        let text = |what: &str| streams[what]["text"].as_str().unwrap();
        assert!(text("call").contains("structuredContent"), "what has begun is answered: {}", text("call"));
        assert!(text("listen").contains(r#""resultType":"complete""#), "{}", text("listen"));
        assert!(
            seen["goaways"].as_array().is_some_and(|codes| !codes.is_empty() && codes.iter().all(|code| code == 0))
        );
        assert_eq!((&seen["errors"], &seen["alpn"]), (&json!([]), &json!(alpn)));
        scene.await.unwrap();
    }
}

/// Tells it to end once the call is under way; gives the end.
async fn ending(mut scene: Alone) -> JoinHandle<()> {
    until_async("the call is under way", Duration::from_secs(10), async || {
        (scene.upstream.posts("tools/call") == 1).then_some(())
    })
    .await;
    tokio::task::spawn_blocking(move || {
        assert!(scene.switchboard.terminate(Duration::from_secs(8)).success());
        // Its server is there for as long.
        drop(scene);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_without_a_request_are_closed_at_once() {
    let mut scene = Alone::of(Script::echo());
    let http2 = Http2::clear(&scene.switchboard.mcp).await;
    assert_eq!(http2.post(KEY, &[], PING).await.unwrap().status, StatusCode::OK);
    let mut http1 = scene.client();
    assert_eq!(http1.post(PING).await.status, StatusCode::OK);
    let unused = tokio::net::TcpStream::connect(http1.address()).await.unwrap();
    let began = std::time::Instant::now();
    assert!(scene.switchboard.terminate(Duration::from_secs(8)).success());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    http2.closed(Duration::from_secs(5)).await.unwrap();
    drop((http1, unused));
}

/// Of a call that takes longer than a process waits its client is told, and its server too.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_in_time_is_told_so_and_its_stream_ends() {
    let asks = Does::Ask(vec![("roots/list".into(), "{}".into())]);
    let tools = [Tool::new("ask", asks), Tool::new("hang", Does::Hang)];
    let mut clients = Clients::of(Script { form: Form::EventStream, ..Script::with(tools) });
    let mut client = clients.session(ALICE, "2025-11-25", ABLE).await;
    let mut streaming = call_asking(&client).await;
    assert_eq!(streaming.message().await["method"], "roots/list");
    let hanging = tokio::spawn(async move { client.call("up-hang", "{}").await });
    let http2 = Http2::clear(&clients.switchboard.mcp).await;
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"up-hang"}}"#;
    let session = clients.session(ALICE, "2025-11-25", ABLE).await;
    let headers = [("mcp-session-id", session.session().unwrap().to_owned())];
    let over_http2 = async {
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        http2.post(ALICE, &headers, body).await.unwrap()
    };
    let terminate = async {
        until_async("the calls are under way", Duration::from_secs(10), async || {
            (clients.upstream.posts("tools/call") == 3).then_some(())
        })
        .await;
        let ended = tokio::task::spawn_blocking(move || {
            let status = clients.switchboard.terminate(Duration::from_secs(25));
            (status, clients)
        });
        ended.await.unwrap()
    };
    let (over_http2, (status, clients)) = tokio::join!(over_http2, terminate);
    assert!(status.success());
    for answer in [over_http2.json(), hanging.await.unwrap().json(), streaming.message().await] {
        assert_eq!(answer["result"]["_meta"]["switchboard.dev/outcome"], "unreachable", "{answer}");
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains("has ended; the request may have been carried out"), "{text}");
    }
    assert_eq!(streaming.event().await, Err(End::Told));
    assert_eq!(clients.upstream.posts("notifications/cancelled"), 3);
}

/// The process that keeps the session lives on: it is the one in between that ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_passed_on_ends_with_the_process_that_does_so() {
    let mut scene = Scene::of(2).await;
    let session = scene.begin(0).await;
    let mut stream = scene.client(1, Some(&session)).listen(&[]).await;
    assert!(stream.next().await.unwrap().id.is_some());
    let began = std::time::Instant::now();
    scene.fleet.drain(1);
    assert!(began.elapsed() < Duration::from_secs(8), "it did not wait for the stream: {:?}", began.elapsed());
    assert_eq!(stream.event().await, Err(End::Told));
    let mut again = session.listen(&[]).await;
    assert!(again.next().await.unwrap().id.is_some(), "and goes on where it is kept");
}
