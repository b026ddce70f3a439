//! A snapshot that is too large for its pointer: 20,000 keys in slots.

use std::time::{Duration, Instant};

use crds::snapshot::{Caller, CallerKey, Digest128, Snapshot};
use tests::client::Client;
use tests::wait::until_async;

use crate::harness::{Scene, call};

const KEYS: usize = 20_000;

/// The snapshot with so many more callers, each as its first.
fn with_many(mut snapshot: Snapshot) -> Snapshot {
    let first = snapshot.callers[0].clone();
    let more = (0..KEYS).map(|number| {
        let mut digest = [0; 16];
        getrandom::fill(&mut digest).unwrap();
        let keys = vec![CallerKey { digest: Digest128(digest), expires: None }];
        Caller { id: format!("mcp/many-{number:05}-{}", Digest128(digest)), keys, ..first.clone() }
    });
    snapshot.callers.extend(more);
    snapshot.callers.sort_by(|one, next| one.id.cmp(&next.id));
    snapshot
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_keys_come_in_slots_and_one_of_them_changes_alone() {
    let mut scene = Scene::new().await;
    let compiled = scene.release.compile(&scene.upstream.url(), &["me", "ann"]);
    let large = with_many(compiled.snapshot);
    scene.release.write_snapshot(&large, 11).await;
    scene.gateway.runs(11).await;
    assert!(scene.release.live.as_ref().unwrap().parts.len() > 2, "it is in slots");
    let (mut me, mut ann) = (scene.gateway.client(), Client::new(&scene.gateway.mcp()).key("ann"));
    call(&mut me).await;
    call(&mut ann).await;

    // A slot that does not hold what is named: nothing changes, and it is over when it does.
    let mut without_ann = large.clone();
    without_ann.callers.retain(|caller| caller.id != "mcp/ann");
    let plan = scene.release.plan(&without_ann, 12);
    assert_eq!(plan.writes.len(), 1, "one bucket has changed");
    let (slot, part) = &plan.writes[0];
    scene.release.write_part(*slot, b"something else").await;
    scene.release.write_pointer(&scene.release.encode(&plan.pointer)).await;
    assert_eq!(scene.gateway.refuses(&format!("slot {slot:02} does not hold the part")).await, 12);
    call(&mut ann).await;
    let began = Instant::now();
    scene.release.write_part(*slot, &part.bytes).await;
    let refused = async || (ann.call("up-echo", "{}").await.status == 401).then_some(());
    until_async("the key is gone", Duration::from_secs(10), refused).await;
    println!("a slot that was mended is in force after {:?}", began.elapsed());
    let said = scene.gateway.runs(12).await;
    assert!(said["refused"].is_null(), "{said}");
    call(&mut me).await;
}
