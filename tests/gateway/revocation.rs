//! R42: who is denied by the pointer is nobody within a second, and needs no
//! other snapshot for that.

use std::time::{Duration, Instant};

use crds::digest::to_hex;
use tests::client::Client;
use tests::upstream::{Does, Script, Tool};
use tests::wait::{until, until_async};

use crate::harness::{SOON, Scene, call};

#[tokio::test(flavor = "multi_thread")]
async fn r42_who_is_denied_is_nobody_within_a_second_streams_and_calls_included() {
    let script = Script::with([Tool::new("echo", Does::Echo), Tool::new("hang", Does::Hang)]);
    let mut scene = Scene::of(script).await;
    let mut listening = scene.gateway.client();
    listening.initialize("2025-11-25").await;
    let mut stream = listening.listen(&[]).await;
    assert_eq!(stream.status, 200);
    let mut hanging = scene.gateway.client();
    let (mut ann, mut me) = (Client::new(&scene.gateway.mcp()).key("ann"), scene.gateway.client());
    let hangs = tokio::spawn(async move { hanging.call("up-hang", "{}").await });
    until("the call at the server", SOON, || (scene.upstream.posts("tools/call") == 1).then_some(()));

    let began = Instant::now();
    scene.release.deny(&["me"]).await;
    let ended = async { while stream.event().await.is_ok() {} };
    let refused = until_async("the next call is refused", SOON, async || {
        (me.call("up-echo", "{}").await.status == 401).then_some(began.elapsed())
    });
    let (refused, (), hung) = tokio::join!(refused, ended, hangs);
    let took = began.elapsed();
    assert!(refused < Duration::from_secs(1) && took < Duration::from_secs(1), "{refused:?}, all of it {took:?}");
    assert!(hung.unwrap().text().contains("not found"), "unknown and forbidden look the same");
    call(&mut ann).await;

    let said = scene.gateway.runs(11).await;
    let digest = to_hex(&scene.release.live.as_ref().unwrap().digest);
    assert_eq!(said["digest"], digest.as_str(), "of the snapshot, which stayed");
    scene.release.deny(&["me", "ann"]).await;
    scene.gateway.runs(12).await;
    assert_eq!(ann.call("up-echo", "{}").await.status, 401);
    // The next snapshot denies nobody: it is without those who have nothing any more.
    scene.release.write(&scene.release.compile(&scene.upstream.url(), &["ann", "bob"]), 13).await;
    scene.gateway.runs(13).await;
    call(&mut ann).await;
    assert_eq!(me.call("up-echo", "{}").await.status, 401);
}
