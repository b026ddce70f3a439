//! Tokens of service accounts, as an apiserver issues them (R27): whose they
//! are, and what of them is not taken.

use http::StatusCode;
use tests::client::Client;
use tests::kube::Component;
use tests::wait::until_async;

use crate::harness::{SOON, Scene, call};

/// Bindings of the account `agent` of the namespace `agents`, which may use the server, and of one that nobody has.
const BINDINGS: &str = "---
apiVersion: switchboard.dev/v1alpha1
kind: McpKeyBinding
metadata: {name: agent, namespace: mcp}
spec:
  subject: {type: ServiceAccount, serviceAccount: {name: agent, namespace: agents}}
  grants: {servers: [{name: up}]}
";

async fn status(scene: &Scene, token: &str) -> StatusCode {
    let mut client = Client::new(&scene.gateway.mcp()).header("authorization", &format!("Bearer {token}"));
    client.request("tools/list", "{}").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_a_service_account_is_known_by_a_token_for_the_gateway_and_by_no_other() {
    let mut scene = Scene::new().await;
    scene.server.namespace("agents", &[]).await;
    let agent = scene.server.account("agents", "agent").await;
    let other = scene.server.account("agents", "other").await;
    let namesake = scene.server.account("mcp", "agent").await;
    let token = agent.token("switchboard").await;
    assert_eq!(status(&scene, &token).await, StatusCode::UNAUTHORIZED, "nobody has bound it");
    let compiled = scene.release.compile_more(("sesame", &scene.upstream.url(), &["me"]), BINDINGS);
    scene.release.write(&compiled, 11).await;
    scene.gateway.runs(11).await;
    let mut client = Client::new(&scene.gateway.mcp()).header("x-litellm-api-key", &format!("Bearer {token}"));
    call(&mut client).await;
    assert_eq!(scene.upstream.received_of("tools/call").last().unwrap().header("authorization"), None);
    for (whose, token) in [
        ("for the apiserver", agent.token("https://kubernetes.default.svc").await),
        ("for somebody else", agent.token("another").await),
        ("of another account", other.token("switchboard").await),
        ("of an account of that name elsewhere", namesake.token("switchboard").await),
    ] {
        assert_eq!(status(&scene, &token).await, StatusCode::UNAUTHORIZED, "{whose}");
    }
    // The keys that verify are had: no request waits for the apiserver.
    let later = agent.token("switchboard").await;
    scene.server.stop(Component::ApiServer);
    assert_eq!(status(&scene, &later).await, StatusCode::OK);
    scene.server.resume(Component::ApiServer);
    // Once its binding is gone, it is nobody.
    let compiled = scene.release.compile(&scene.upstream.url(), &["me"]);
    scene.release.write(&compiled, 12).await;
    until_async("it is refused", SOON, async || {
        (status(&scene, &token).await == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
    assert!(!scene.gateway.logs().contains("eyJ"), "no token is in a log");
}
