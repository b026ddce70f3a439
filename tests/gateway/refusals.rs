//! What somebody else writes in the operator's place changes nothing for
//! callers, is counted and shown, and is over with the next good snapshot.

use crds::snapshot::MacKey;
use tests::client::Client;
use tests::wait::until_async;

use crate::harness::{SOON, Scene, call};

#[tokio::test(flavor = "multi_thread")]
async fn altered_cut_old_and_foreign_snapshots_are_refused_and_the_last_good_one_serves_on() {
    let mut scene = Scene::new().await;
    let good = scene.release.live.clone().unwrap();
    let bytes = scene.release.encode(&good);
    let other = scene.release.compile(&scene.upstream.url(), &[]).snapshot;
    let of_other = |revision| scene.release.plan(&other, revision).pointer;
    let mut altered = bytes.clone();
    *altered.last_mut().unwrap() ^= 1;
    let foreign = of_other(11).encode(&MacKey([9; 32]));
    let cases = [
        (altered, "authentication code is wrong", None),
        (bytes[..bytes.len() / 2].to_vec(), "authentication code is wrong", None),
        (foreign, "authentication code is wrong", None),
        (Vec::new(), "not a snapshot", None),
        (scene.release.encode(&of_other(9)), "has revision 9, and 10 has been in force", Some(9)),
        (scene.release.encode(&of_other(10)), "has revision 10, which is in force with another content", Some(10)),
    ];
    let mut client = scene.gateway.client();
    for (count, (bytes, why, revision)) in (1..).zip(cases) {
        scene.release.write_pointer(&bytes).await;
        assert_eq!(scene.gateway.refuses(why).await.as_u64(), revision);
        assert_eq!(scene.gateway.metric("switchboard_snapshots_refused_total").await, count, "{why}");
        call(&mut client).await;
        let said = scene.gateway.json("/revision").await;
        assert!(said["revision"] == 10 && said["ready"] == true, "{said}");
        let status = scene.gateway.json("/status").await;
        assert!(status["refused"]["reason"].as_str().unwrap().contains(why), "{status}");
    }
    // The operator writes again what it wrote.
    scene.release.write_pointer(&bytes).await;
    until_async("the refusal is over", SOON, async || {
        scene.gateway.json("/revision").await["refused"].is_null().then_some(())
    })
    .await;
    scene.release.write_snapshot(&other, 11).await;
    scene.gateway.runs(11).await;
    assert_eq!(client.call("up-echo", "{}").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_and_keys_that_are_deleted_change_nothing() {
    let mut scene = Scene::new().await;
    let mut client = scene.gateway.client();
    scene.release.delete_pointer_and_keys().await;
    // That it is seen is seen by what is doubted from then on.
    until_async("the deletion is seen", SOON, async || {
        (scene.gateway.metric("switchboard_snapshot_age_seconds").await >= 1).then_some(())
    })
    .await;
    call(&mut client).await;
    assert_eq!(scene.gateway.readyz().await.0, 200);
    assert_eq!(scene.gateway.metric("switchboard_snapshots_refused_total").await, 0);
    scene.release.write_keys().await;
    scene.release.write(&scene.release.compile(&scene.upstream.url(), &["ann"]), 11).await;
    scene.gateway.runs(11).await;
    let mut ann = Client::new(&scene.gateway.mcp()).key("ann");
    call(&mut ann).await;
    assert_eq!(scene.gateway.metric("switchboard_snapshot_age_seconds").await, 0);
}
