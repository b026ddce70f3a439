//! The token: the one that is in the file, and never in a log.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use tests::mount::Mount;
use tests::sidecar::Sidecar;
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::until_async;

use super::super::scene::{KEY, PING, Scene};
use super::{Beside, before_a_witness, origin, refusal};

const OTHER: &str = "sb-the-next-token";
const SOON: std::time::Duration = std::time::Duration::from_secs(15);

/// What looks like a token of kubelet's that is good until then.
fn jwt(expires: u64) -> String {
    let claims =
        format!(r#"{{"aud":["switchboard"],"exp":{expires},"sub":"system:serviceaccount:agents:researcher"}}"#);
    [r#"{"alg":"RS256"}"#, &claims, "signature"].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_token_goes_with_the_next_request() {
    let scene = Scene::of(Script::echo());
    let more = Upstream::start(Script::with([Tool::new("more", Does::Echo)]));
    scene.manifests.http("more", &more.url()).key("next", OTHER, &["more"]);
    let mut next = tests::client::Client::new(&scene.switchboard.mcp).key(OTHER);
    until_async("the next token is known", SOON, async || {
        let answer = next.request("tools/list", "{}").await;
        (answer.status == StatusCode::OK && answer.json()["result"]["tools"][0].is_object()).then_some(())
    })
    .await;
    let Beside { scene: _scene, mut sidecar } = Beside::before(scene);
    let mut agent = sidecar.agent();
    for _ in 0..20 {
        assert_eq!(agent.tools().await, ["up-echo"]);
        sidecar.renew(OTHER);
        assert_eq!(agent.tools().await, ["more-more"]);
        sidecar.renew(KEY);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_it_is_not_ready_and_says_why() {
    let scene = Scene::of(Script::echo());
    let gateway = origin(&scene.switchboard.mcp);
    let mut sidecar = Sidecar::start_with(&gateway, Mount::of(&["token"]), &[], &[]);
    let mut agent = sidecar.agent();
    for _ in 0..2 {
        let why = sidecar.becomes(false).await;
        assert!(why.contains("/token: ") && why.contains("serviceAccountToken"), "{why}");
        let answer = agent.post(PING).await;
        assert_eq!(
            (answer.status, &answer.headers["retry-after"]),
            (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
        );
        assert!(refusal(&answer).contains(why.trim()), "{answer:?}");
        sidecar.renew("");
    }
    sidecar.renew(KEY);
    assert_eq!(agent.tools().await, ["up-echo"], "the next request has it");
    assert_eq!(sidecar.readyz().await, (200, "ok\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_a_token_takes_nothing_away_and_is_counted() {
    let (witness, mut sidecar) = before_a_witness(Script::echo());
    let failures = "switchboard_sidecar_token_read_failures_total";
    let mut agent = sidecar.agent();
    let status = async |agent: &mut tests::client::Client| agent.request("tools/list", "{}").await.status;
    assert_eq!(status(&mut agent).await, StatusCode::OK);
    assert_eq!(sidecar.metric(failures).await, Some(0));
    sidecar.volume.put(&[]);
    until_async("that is counted", SOON, async || (sidecar.metric(failures).await == Some(1)).then_some(())).await;
    assert_eq!((status(&mut agent).await, sidecar.readyz().await.0), (StatusCode::OK, 200));
    let sent = witness.received().last().unwrap().header("x-litellm-api-key").map(ToOwned::to_owned);
    assert_eq!(sent, Some(format!("Bearer {KEY}")), "the last good one");

    let (late, soon) = (jwt(1_700_000_000), jwt(4_000_000_000));
    sidecar.renew(&soon);
    assert_eq!(status(&mut agent).await, StatusCode::OK);
    let expires = sidecar.metric("switchboard_sidecar_token_expires_timestamp_seconds").await;
    assert_eq!(expires, Some(4_000_000_000));
    let before = witness.all_posts();
    sidecar.renew(&late);
    let answer = agent.request("tools/list", "{}").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refusal(&answer).contains("expired on 2023-11-14T22:13:20Z"), "{answer:?}");
    assert!(sidecar.becomes(false).await.contains("expired"));
    assert_eq!(witness.all_posts(), before, "it is not sent any more");
}

/// At the most talkative level, through all that can be said of tokens.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_token_is_logged_shown_or_counted() {
    let witness = Upstream::start(Script { sessions: false, ..Script::echo() });
    let mut volume = Mount::of(&["token"]);
    volume.put(&[("token", KEY)]);
    let gateway = origin(&witness.url());
    let mut sidecar = Sidecar::start_with(&gateway, volume, &["--log", "trace"], &[]);
    let mut agent = sidecar.agent();
    let mut shown = Vec::new();
    let (late, soon) = (jwt(1_700_000_000), jwt(4_000_000_000));
    let two = format!("{KEY} {OTHER}");
    for token in [KEY, OTHER, &soon, &two, &late] {
        sidecar.renew(token);
        shown.push(agent.request("tools/list", "{}").await);
        shown.push(agent.send(&Method::GET, &[], "").await);
    }
    sidecar.renew(KEY);
    witness.change(|script| script.required = Some(("x-litellm-api-key".to_owned(), "Bearer another".to_owned())));
    let refused = agent.request("tools/list", "{}").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "as the gateway says it: {refused:?}");
    drop(witness);
    shown.extend([refused, agent.request("tools/list", "{}").await]);
    assert_eq!(shown.last().unwrap().status, StatusCode::BAD_GATEWAY);
    for page in ["readyz", "metrics"] {
        shown.push(tests::client::get(&format!("{}/{page}", sidecar.admin)).await);
    }
    assert_eq!(sidecar.metric(r#"switchboard_sidecar_requests_total{outcome="unauthorized"}"#).await, Some(1));
    assert!(sidecar.terminate(SOON).success());
    let logs = sidecar.logs();
    assert!(logs.contains("McpKeyBinding") && logs.contains("another token"), "there is something to look at: {logs}");
    let signature = URL_SAFE_NO_PAD.encode("signature");
    for secret in [KEY, OTHER, &soon, &late, &signature, soon.split('.').nth(1).unwrap()] {
        assert!(!logs.contains(secret), "{secret} in {logs}");
        for answer in &shown {
            assert!(!String::from_utf8_lossy(&answer.body).contains(secret), "{secret} in {answer:?}");
        }
    }
}
