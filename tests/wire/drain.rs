//! A process that ends loses no request, whether its clients look at
//! `/readyz` or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use tests::client::{Client, get};
use tests::upstream::{Does, Script, Tool};
use tests::wait::until_async;

use super::peers::Scene;
use super::scene::{KEY, Scene as Alone};

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
