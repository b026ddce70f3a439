//! A server whose credential has not arrived is off, alone, and visibly; one
//! that was forged is as good as none.

use serde_json::json;
use tests::kube::ApiServer;
use tests::upstream::{Script, Upstream};
use tests::wait::until_async;

use crate::harness::{Gateway, SOON, Scene, Start, call};
use crate::release::Release;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_waits_for_its_credential_and_nothing_else_does() {
    let server = ApiServer::start();
    let upstream = Upstream::start(Script::echo());
    let mut release = Release::new(&server, "mcp").await;
    let compiled = release.compile(&upstream.url(), &["me"]);
    release.write_keys().await;
    let mut forged = compiled.credentials.clone();
    for secrets in forged.values_mut() {
        secrets.url = Some(upstream.url().replace("127.0.0.1", "127.0.0.2"));
    }
    release.write_credentials(&forged).await;
    release.write_snapshot(&compiled.snapshot, 7).await;
    let gateway = Gateway::start(&Start::of(&server, &release));
    let mut client = gateway.ready().await;
    let answer = client.call("up-echo", "{}").await;
    assert!(answer.is_tool_error(), "{answer:?}");
    let said = gateway.json("/revision").await;
    assert_eq!((&said["revision"], &said["pendingCredentials"]), (&json!(7), &json!(1)), "{said}");
    let status = gateway.json("/status").await;
    assert_eq!(status["servers"][0]["state"], "off", "{status}");
    assert!(status["servers"][0]["detail"].as_str().unwrap().starts_with("CredentialPending"), "{status}");
    assert_eq!(gateway.metric("switchboard_pending_credentials").await, 1);
    // A revocation does not wait.
    release.write_snapshot(&release.compile(&upstream.url(), &["me", "ann"]).snapshot, 8).await;
    gateway.runs(8).await;

    release.write_credentials(&compiled.credentials).await;
    until_async("the server is on", SOON, async || (!client.call("up-echo", "{}").await.is_tool_error()).then_some(()))
        .await;
    assert_eq!(gateway.json("/revision").await["pendingCredentials"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_replaced_interrupts_no_call() {
    let mut scene = Scene::new().await;
    let mut client = scene.gateway.client();
    for (revision, secret) in [(11, "second"), (12, "third"), (13, "fourth")] {
        let compiled = scene.release.compile_with(secret, &scene.upstream.url(), &["me"]);
        let ((), ()) = tokio::join!(scene.release.write(&compiled, revision), async {
            until_async("calls come with the new one", SOON, async || {
                call(&mut client).await;
                let calls = scene.upstream.received_of("tools/call");
                (calls.last().unwrap().header("x-secret") == Some(secret)).then_some(())
            })
            .await;
        });
    }
}
