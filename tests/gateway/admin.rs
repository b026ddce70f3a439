//! The admin port of a pod: open to probes and to whoever counts, and to those
//! with the fleet's token for the rest.

use std::time::{Duration, Instant};

use crds::digest::to_hex;
use http::Method;
use serde_json::json;
use tests::client::{Client, get};

use crate::harness::{SOON, Scene};
use crate::release::TOKEN;

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_are_open_and_all_else_needs_the_token() {
    let scene = Scene::new().await;
    let admin = &scene.gateway.admin;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(get(&format!("{admin}{path}")).await.status, 200, "{path}");
    }
    let bearer = format!("Bearer {TOKEN}");
    for path in ["/status", "/revision", "/revision?not=1&wait=1"] {
        let ask = async |authorization: &str| {
            let mut client = Client::new(&format!("{admin}{path}"));
            client.send(&Method::GET, &[("authorization", authorization)], "").await.status
        };
        for stranger in ["", TOKEN, "Bearer", &bearer[..bearer.len() - 1], &format!("{bearer}0"), "Basic eDp5"] {
            assert_eq!(ask(stranger).await, 401, "{path}: {stranger:?}");
        }
        assert_eq!(ask(&bearer).await, 200, "{path}");
    }
    assert_eq!(scene.gateway.page("/revision?not=x").await.status, 400);
    assert_eq!(scene.gateway.page("/nothing").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_hears_of_a_revision_at_once_and_of_none_in_time() {
    let mut scene = Scene::new().await;
    let said = scene.gateway.json("/revision").await;
    let digest = to_hex(&scene.release.live.as_ref().unwrap().digest);
    let boot = said["boot"].as_str().unwrap().to_owned();
    assert!(boot.len() == 16 && boot.bytes().all(|digit| digit.is_ascii_hexdigit()), "{said}");
    let expected = json!({
        "boot": boot, "revision": 10, "digest": digest, "schema": 5, "reads": [4, 5], "source": "api",
        "refused": null, "pendingCredentials": 0, "ready": true,
    });
    assert_eq!(said, expected);
    let status = scene.gateway.json("/status").await;
    assert_eq!((&status["digest"], &status["source"]), (&said["digest"], &"api".into()), "{status}");

    let began = Instant::now();
    let same = scene.gateway.json("/revision?not=10&wait=1").await;
    assert_eq!(same["revision"], 10);
    assert!(began.elapsed() >= Duration::from_secs(1), "it waits: {:?}", began.elapsed());
    assert_eq!(scene.gateway.json("/revision?not=9&wait=30").await["revision"], 10);

    let compiled = scene.release.compile(&scene.upstream.url(), &["me"]);
    let (asked, ()) = tokio::join!(scene.gateway.json("/revision?not=10&wait=30"), async {
        scene.release.write(&compiled, 11).await;
    });
    assert_eq!(asked["revision"], 11);
    assert!(began.elapsed() < SOON);
}
