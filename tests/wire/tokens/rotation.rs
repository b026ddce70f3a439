//! Keys of an issuer come and go, and so does the issuer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Within this an issuer is asked for a key that is not known, however lately it was.
const ASKED_AGAIN: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread")]
async fn r27_a_new_key_is_asked_for_once_however_many_tokens_name_it() {
    let scene = Scene::of(|manifests| bind(manifests, "ann", &user("corp:ann"), &["time"])).await;
    assert_eq!(scene.tools(&scene.token("ann", &json!({"email": "ann"}))).await, TIME);
    let asked = scene.issuer.asked();
    let second = Signer::new("second");
    scene.issuer.publish(&[&scene.signer, &second]);
    let refused = Arc::new(AtomicU64::new(0));
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let payload = scene.issuer.payload("ann", &json!({"email": "ann", "jti": number.to_string()}));
            let (mut client, refused) = (scene.client(&second.sign(&payload)), refused.clone());
            tokio::spawn(async move {
                let answer = client.request("ping", "{}").await;
                refused.fetch_add(u64::from(answer.status != StatusCode::OK), Ordering::SeqCst);
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(refused.load(Ordering::SeqCst), 0);
    assert_eq!(scene.issuer.asked(), asked + 1, "one request for all of them");
    // What anybody may write into a token costs the issuer nothing more for half a minute.
    for number in 0..20 {
        let token = Signer::new(&format!("invented-{number}")).sign(&scene.issuer.payload("ann", &json!({})));
        assert_eq!(scene.ping(&token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(scene.issuer.asked(), asked + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_keys_that_were_had_are_kept_through_an_outage_and_those_that_were_not_are_waited_for() {
    let bound = |manifests: &Manifests| bind(manifests, "ann", &user("corp:ann"), &["time"]);
    let scene = Scene::of(bound).await;
    assert_eq!(scene.tools(&scene.token("ann", &json!({"email": "ann"}))).await, TIME);
    scene.issuer.set_down(true);
    assert_eq!(scene.tools(&scene.token("ann", &json!({"email": "ann", "jti": "new"}))).await, TIME);

    let scene =
        Scene::with(bound, Script::with([Tool::new("get", Does::Echo), Tool::new("note", Does::Echo)]), false).await;
    let token = scene.token("ann", &json!({"email": "ann"}));
    let answer = scene.ping(&token).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "nobody can say: {answer:?}");
    let url = scene.issuer.url();
    let metric = async |name: &str| scene.switchboard.metric(&format!(r#"{name}{{issuer="{url}"}}"#)).await;
    let (read, failures) = ("switchboard_issuer_keys_read_timestamp_seconds", "switchboard_issuer_keys_failures_total");
    assert_eq!(metric(read).await, Some(0), "never");
    assert!(metric(failures).await.is_some_and(|failures| failures > 0));
    assert!(answer.headers.contains_key("retry-after") && !answer.headers.contains_key("www-authenticate"));
    scene.issuer.set_down(false);
    until_async("the keys", SOON, async || (scene.ping(&token).await.status == StatusCode::OK).then_some(())).await;
    assert!(metric(read).await.is_some_and(|read| read > 1_700_000_000));
    assert!(scene.switchboard.errors().contains("503"), "it was said why: {}", scene.switchboard.errors());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_no_longer_trusted_is_nobodys_and_what_its_tokens_opened_ends() {
    let tools = [Tool::new("get", Does::Hang), Tool::new("note", Does::Remember)];
    let bound = |manifests: &Manifests| bind(manifests, "ann", &user("corp:ann"), &["time"]);
    let scene = Scene::with(bound, Script::with(tools), true).await;
    let token = scene.token("ann", &json!({"email": "ann"}));
    assert_eq!(scene.tools(&token).await, TIME);
    let mut client = scene.client(&token);
    client.initialize("2025-11-25").await;
    let session = client.session().unwrap().to_owned();
    let mut held = scene.client(&token).listen(&[("mcp-session-id", session.as_str())]).await;
    assert_eq!(held.status, StatusCode::OK);
    let call = tokio::spawn(async move { client.call("time-get", "{}").await });
    until_async("the call", SOON, async || (scene.upstream.posts("tools/call") == 1).then_some(())).await;
    // The same issuer for another audience: what was taken is asked anew.
    let mut issuer = scene.issuer.settings(&json!({"user": {"claim": "email", "prefix": "corp:"}}));
    issuer["audiences"] = json!(["another"]);
    scene.manifests.settings(&json!({"issuers": [issuer]}));
    until_async("a 401", SOON, async || (scene.ping(&token).await.status == StatusCode::UNAUTHORIZED).then_some(()))
        .await;
    let ended = tokio::time::timeout(SOON, async { while held.event().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "the stream ends with the trust");
    let ended = tokio::time::timeout(SOON, call).await;
    assert!(ended.is_ok_and(|call| call.is_ok()), "the call ends with the trust");
}

/// Settings that change nothing of what a token says keep nobody waiting and end nothing.
#[tokio::test(flavor = "multi_thread")]
async fn another_issuer_beside_it_changes_nothing_for_the_tokens_of_one() {
    let scene = Scene::of(|manifests| bind(manifests, "ann", &user("corp:ann"), &["time"])).await;
    let token = scene.token("ann", &json!({"email": "ann"}));
    let mut client = scene.client(&token);
    client.initialize("2025-11-25").await;
    client.call("time-note", r#"{"text":"before"}"#).await;
    let other = json!({"issuer": "https://other.example", "audiences": ["switchboard"]});
    let asked = scene.issuer.asked();
    let before = get(&format!("{}/revision", scene.switchboard.admin)).await.body;
    scene.manifests.settings(&json!({"issuers": [other, scene.issuer.settings(&mapping())], "maxToolNameLength": 63}));
    until_in_force(&scene, &before).await;
    assert_eq!(client.call("time-note", r#"{"text":""}"#).await.text(), "before", "the session goes on");
    assert_eq!(scene.issuer.asked(), asked, "its keys are known");
}

/// A key or an issuer that is no longer trusted takes nothing from those whom another vouches for: what a server remembers
/// for them is there without a word of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_or_an_issuer_that_goes_ends_nothing_of_what_others_vouch_for() {
    let bound = |manifests: &Manifests| {
        bind(manifests, "blue", &blue(), &["time"]);
        bind(manifests, "dan", &user("corp:dan"), &["time"]);
    };
    let tools = [Tool::new("get", Does::Hang), Tool::new("note", Does::Remember)];
    let scene = Scene::with(bound, Script::with(tools), true).await;
    let second = Signer::new("second");
    scene.issuer.publish(&[&scene.signer, &second]);
    let payload = scene.issuer.payload("ann", &json!({"groups": ["blue"]}));
    let of_second = second.sign(&payload);
    // The keys may be on their way since before this one was published.
    let known = async || (scene.ping(&of_second).await.status == StatusCode::OK).then_some(());
    until_async("the second key", ASKED_AGAIN, known).await;
    let mut client = scene.client(&of_second);
    client.initialize("2025-11-25").await;
    client.call("time-note", r#"{"text":"before"}"#).await;
    let of_first = scene.token("bob", &json!({"groups": ["blue"]}));
    let mut bob = scene.client(&of_first);
    bob.initialize("2025-11-25").await;
    let session = bob.session().unwrap().to_owned();
    let mut held = scene.client(&of_first).listen(&[("mcp-session-id", session.as_str())]).await;
    assert_eq!(held.status, StatusCode::OK);

    let mut dan = scene.client(&scene.token("dan", &json!({"email": "dan"})));
    let calls = scene.upstream.posts("tools/call");
    let hanging = tokio::spawn(async move { dan.call("time-get", "{}").await });
    until_async("the call", SOON, async || (scene.upstream.posts("tools/call") > calls).then_some(())).await;

    // The first key goes, which is seen when the keys are next read. Settings in force look at every session.
    let third = Signer::new("third");
    scene.issuer.publish(&[&second, &third]);
    let of_third = third.sign(&scene.issuer.payload("cay", &json!({"groups": ["blue"]})));
    let gone = async || (scene.ping(&of_third).await.status == StatusCode::OK).then_some(());
    until_async("the third key", ASKED_AGAIN, gone).await;
    assert_eq!(scene.ping(&of_first).await.status, StatusCode::UNAUTHORIZED, "its key is no more");
    let ended = tokio::time::timeout(SOON, async { while held.event().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "what it opened ends by itself");
    let ended = tokio::time::timeout(SOON, hanging).await;
    assert!(ended.is_ok_and(|call| call.is_ok()), "a call that it began, too");
    let other = json!({"issuer": "https://other.example", "audiences": ["switchboard"]});
    for issuers in [json!([other, scene.issuer.settings(&mapping())]), json!([scene.issuer.settings(&mapping())])] {
        let before = get(&format!("{}/revision", scene.switchboard.admin)).await.body;
        scene.manifests.settings(&json!({ "issuers": issuers }));
        until_in_force(&scene, &before).await;
        let answer = client.call("time-note", r#"{"text":"before"}"#).await;
        assert_eq!(answer.text(), "before", "the session goes on: {answer:?}");
    }
}

/// Until other settings than those of this page are in force.
async fn until_in_force(scene: &Scene, before: &[u8]) {
    let page = format!("{}/revision", scene.switchboard.admin);
    until_async("the settings", SOON, async || (get(&page).await.body != before).then_some(())).await;
}

fn blue() -> Value {
    claims(&json!([{"claim": "team", "values": ["blue"]}]))
}
