//! The beginning: what is waited for is said, and nothing stands in for it.

use std::time::{Duration, Instant};

use tests::kube::ApiServer;
use tests::upstream::{Script, Upstream};

use crate::harness::{Gateway, SOON, Start, call};
use crate::release::Release;

#[tokio::test(flavor = "multi_thread")]
async fn r9_it_waits_for_keys_and_snapshot_and_says_for_which() {
    let server = ApiServer::start();
    let upstream = Upstream::start(Script::echo());
    let mut release = Release::new(&server, "mcp").await;
    let mut gateway = Gateway::start(&Start::of(&server, &release));
    gateway.unready("waiting for the Secret mcp/sb-keys").await;
    assert_eq!(gateway.page("/status").await.status, 503, "nobody can be known before there is a token");
    release.write_keys_without("mac").await;
    gateway.unready("the Secret mcp/sb-keys: it has no entry `mac`").await;
    release.write_keys().await;
    gateway.unready("waiting for the ConfigMap mcp/sb-snapshot").await;
    let said = gateway.json("/revision").await;
    assert_eq!((&said["revision"], &said["ready"]), (&0.into(), &false.into()), "{said}");

    release.write(&release.compile(&upstream.url(), &["me"]), 7).await;
    let mut client = gateway.ready().await;
    client.initialize("2025-11-25").await;
    assert_eq!(client.tools().await, ["up-echo"]);
    call(&mut client).await;
    assert_eq!(upstream.received_of("tools/call")[0].header("x-secret"), Some("sesame"), "the credential arrived");
    assert!(gateway.terminate(Duration::from_secs(20)).success());
    for secret in ["sesame", "sk-of-me", "0123456789abcdef"] {
        assert!(!gateway.logs().contains(secret), "{}", gateway.logs());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_it_is_asked_to_before_anything_is_in_force() {
    let server = ApiServer::start();
    let release = Release::new(&server, "mcp").await;
    let mut gateway = Gateway::start(&Start::of(&server, &release));
    gateway.unready("waiting for").await;
    let began = Instant::now();
    assert!(gateway.terminate(SOON).success());
    assert!(began.elapsed() < Duration::from_secs(5), "nobody is waited for");
}
