//! TLS on the port for clients: who is shown what, while the files change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tests::certificates::{Issued, Secret};
use tests::http2::Http2;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, Upstream};
use tests::wait::until_async;

use super::outsiders;
use super::scene::{KEY, Scene};

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(15);
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-echo","arguments":{}}}"#;

/// Switchboard with a certificate.
pub(crate) struct Certified {
    pub(crate) scene: Scene,
    pub(crate) issued: Issued,
    pub(crate) secret: Secret,
}

impl Certified {
    pub(crate) fn of(script: Script) -> Self {
        let issued = Issued::new();
        let secret = Secret::of(&issued);
        let scene = Scene::of(script);
        let directory = secret.path().to_str().unwrap().to_owned();
        let options = Options { arguments: vec!["--tls-certificates".into(), directory], ..Options::default() };
        let switchboard = Switchboard::start_ready(scene.manifests.path(), &options);
        Self { scene: Scene { switchboard, ..scene }, issued, secret }
    }

    /// `https://localhost:PORT`
    pub(crate) fn origin(&self) -> String {
        let port = self.scene.switchboard.mcp.strip_prefix("https://127.0.0.1:").unwrap();
        format!("https://localhost:{}", port.strip_suffix("/mcp").unwrap())
    }

    async fn connect(&self, trusted: &Issued) -> std::io::Result<Http2> {
        Http2::tls(&self.origin(), &trusted.der).await
    }

    /// A counter or gauge.
    async fn metric(&self, name: &str) -> Option<u64> {
        self.scene.switchboard.metric(name).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_call_over_tls_in_http_1_and_2() {
    let certified = Certified::of(Script::echo());
    for version in ["TLSv1_2", "TLSv1_3"] {
        let trusted = certified.secret.trusted();
        let url = format!("{}/mcp", certified.origin());
        let said = outsiders::python(&url, KEY, (&trusted, version), CALL);
        assert_eq!((&said["tls"], &said["http"]), (&Value::from(version.replace('_', ".")), &Value::from(11)));
        assert!(said["status"] == 200 && said["body"]["result"]["structuredContent"].is_object(), "{said}");
    }
    let client = Arc::new(certified.connect(&certified.issued).await.unwrap());
    let call = |client: Arc<Http2>| async move { client.post(KEY, &[], CALL).await };
    let calls: Vec<_> = (0..200).map(|_| tokio::spawn(call(client.clone()))).collect();
    for answer in calls {
        let answer = answer.await.unwrap().unwrap();
        assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
    }
    assert_eq!(client.post("sb-wrong", &[], CALL).await.unwrap().status, StatusCode::UNAUTHORIZED);
    assert!(certified.connect(&Issued::new()).await.is_err(), "who does not trust it does not connect");
    assert!(certified.scene.switchboard.mcp.starts_with("https://"), "the address that is told can be used");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_costs_no_call_and_a_broken_one_nothing_at_all() {
    let mut certified = Certified::of(Script::echo());
    let ended = Arc::new(AtomicBool::new(false));
    let called = Arc::new(AtomicU64::new(0));
    let kept = certified.connect(&certified.issued).await.unwrap();
    let calling = {
        let (ended, called) = (ended.clone(), called.clone());
        tokio::spawn(async move {
            while !ended.load(Ordering::Relaxed) {
                let answer = kept.post(KEY, &[], CALL).await.unwrap();
                assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
                called.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let expires = certified.metric("switchboard_certificate_expires_timestamp_seconds").await;
    assert!(expires.is_some_and(|expires| expires > 1_000_000_000), "{expires:?}");
    let new = Issued::new();
    certified.secret.put(&new.certificate, &new.key);
    until_async("the new certificate is shown", SOON, async || certified.connect(&new).await.ok()).await;
    assert!(certified.connect(&certified.issued).await.is_err(), "and no longer the old one");

    certified.secret.put(&certified.issued.certificate, &new.key);
    let failures = "switchboard_certificate_reload_failures_total";
    assert_eq!(certified.metric(failures).await, Some(0));
    until_async("what does not match is told", SOON, async || {
        (certified.metric(failures).await == Some(1)).then_some(())
    })
    .await;
    let words = "tls.key: this is not the key of the certificate in tls.crt";
    until_async("why", SOON, async || certified.scene.switchboard.errors().contains(words).then_some(())).await;
    let shown = certified.connect(&new).await.unwrap();
    assert_eq!(shown.post(KEY, &[], CALL).await.unwrap().status, StatusCode::OK, "the last good one stays");

    let before = called.load(Ordering::Relaxed);
    until_async("calls go on, on the connection that was there before all that", SOON, async || {
        (called.load(Ordering::Relaxed) > before + 10).then_some(())
    })
    .await;
    ended.store(true, Ordering::Relaxed);
    calling.await.unwrap();
}

#[test]
fn without_a_certificate_it_does_not_start_and_says_why() {
    let scene = Upstream::start(Script::echo());
    let manifests = tests::manifests::Manifests::default();
    manifests.http("up", &scene.url());
    let empty = tempfile::tempdir().unwrap();
    let directory = empty.path().to_str().unwrap();
    let manifests = manifests.path().to_str().unwrap();
    let arguments = ["run", manifests, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let (code, _, errors) = tests::process::run(&[&arguments[..], &["--tls-certificates", directory]].concat());
    assert_eq!(code, Some(1));
    assert!(errors.contains("tls.crt: No such file") && errors.contains("kubernetes.io/tls"), "{errors}");
}
