//! An apiserver that is away: what is in force stays, also for a container
//! that starts again, and what changed meanwhile is in force soon after.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::kube::{ApiServer, Component};
use tests::wait::until_async;

use crate::harness::{Gateway, SOON, Scene, Start, call};
use crate::release::Release;

/// How long a container that starts again without an apiserver may take to serve.
const RESTART: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_starts_again_without_the_apiserver_serves_as_before() {
    let mut scene = Scene::new().await;
    let mut client = scene.gateway.client();
    // Who was denied last stays so.
    scene.release.deny(&["ann"]).await;
    scene.gateway.runs(11).await;
    scene.server.stop(Component::ApiServer);
    call(&mut client).await;
    let age = "switchboard_snapshot_age_seconds";
    until_async("its age is counted", SOON, async || (scene.gateway.metric(age).await >= 1).then_some(())).await;
    let began = Instant::now();
    let gateway = scene.gateway.start_again(&Start::of(&scene.server, &scene.release));
    let mut client = gateway.ready().await;
    call(&mut client).await;
    let took = began.elapsed();
    println!("restart_without_apiserver_s {:.2}", took.as_secs_f64());
    assert!(took < RESTART, "{took:?}");
    assert_eq!(scene.upstream.received_of("tools/call").last().unwrap().header("x-secret"), Some("sesame"));
    assert_eq!(tests::client::Client::new(&gateway.mcp()).key("ann").call("up-echo", "{}").await.status, 401);
    let said = gateway.json("/revision").await;
    assert_eq!((&said["revision"], &said["source"]), (&11.into(), &"kept".into()), "{said}");

    scene.server.resume(Component::ApiServer);
    until_async("it knows that this is the newest", SOON, async || {
        (gateway.json("/revision").await["source"] == "api").then_some(())
    })
    .await;
    assert_eq!(gateway.metric(age).await, 0);
    let began = Instant::now();
    scene.release.write(&scene.release.compile(&scene.upstream.url(), &["bob"]), 12).await;
    gateway.runs(12).await;
    println!("a change after an outage is in force after {:?}", began.elapsed());
    assert_eq!(client.call("up-echo", "{}").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_during_an_outage_is_in_force_soon_after_and_no_call_fails_meanwhile() {
    let mut scene = Scene::new().await;
    let mut client = scene.gateway.client();
    let compiled = scene.release.compile(&scene.upstream.url(), &["me", "bob"]);
    for component in [Component::ApiServer, Component::Etcd] {
        scene.server.stop(component);
        for _ in 0..20 {
            call(&mut client).await;
        }
        scene.server.resume(component);
    }
    let revision = scene.gateway.json("/revision").await["revision"].as_u64().unwrap();
    let wrote = async || scene.release.write(&compiled, revision + 1).await;
    let mut wrote = wrote;
    wrote().await;
    let began = Instant::now();
    scene.gateway.runs(revision + 1).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    call(&mut client).await;
    assert_eq!(scene.gateway.readyz().await.0, 200);
    assert_eq!(scene.gateway.metric("switchboard_snapshots_refused_total").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apiserver_that_hangs_holds_up_no_start_that_can_do_without() {
    let scene = Scene::new().await;
    scene.server.signal(Component::ApiServer, Signal::STOP);
    let began = Instant::now();
    let gateway = scene.gateway.start_again(&Start::of(&scene.server, &scene.release));
    let mut client = gateway.ready().await;
    call(&mut client).await;
    assert!(began.elapsed() < RESTART, "{:?}", began.elapsed());
    scene.server.signal(Component::ApiServer, Signal::CONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_apiserver_and_without_anything_kept_it_waits_and_says_so() {
    let server = ApiServer::start();
    let mut release = Release::new(&server, "mcp").await;
    release.write_keys().await;
    release.write(&release.compile("http://127.0.0.1:1/mcp", &["me"]), 7).await;
    server.stop(Component::ApiServer);
    let gateway = Gateway::start(&Start::of(&server, &release));
    gateway.unready("the apiserver cannot be asked: Connection refused").await;
    let kept = gateway.pod().join("kept/last-good/snapshot");
    assert!(!kept.exists());
    server.resume(Component::ApiServer);
    gateway.ready().await;
    until_async("it is kept", SOON, async || kept.exists().then_some(())).await;
    // Cut, as by a machine that ran out of room, it is not used, and is written anew.
    server.stop(Component::ApiServer);
    std::fs::write(&kept, &std::fs::read(&kept).unwrap()[..100]).unwrap();
    let gateway = gateway.start_again(&Start::of(&server, &release));
    gateway.unready("the apiserver cannot be asked").await;
    assert!(gateway.logs().contains("is not used: it was cut or changed"), "{}", gateway.logs());
    server.resume(Component::ApiServer);
    gateway.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r42_a_pod_that_has_been_without_news_for_too_long_is_not_ready_where_the_settings_say_so() {
    let mut scene = Scene::new().await;
    let mut compiled = scene.release.compile(&scene.upstream.url(), &["me"]);
    compiled.snapshot.settings.snapshot_max_age_seconds = Some(10);
    scene.release.write(&compiled, 11).await;
    scene.gateway.runs(11).await;
    scene.server.stop(Component::ApiServer);
    let began = Instant::now();
    scene.gateway.unready("snapshotMaxAgeSeconds is 10").await;
    assert!(began.elapsed() >= Duration::from_secs(10), "{:?}", began.elapsed());
    call(&mut scene.gateway.client()).await;
    scene.server.resume(Component::ApiServer);
    scene.gateway.ready().await;
}
