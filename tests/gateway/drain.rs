//! The end of a pod among its peers: not ready first, and still answering.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::client::Client;
use tests::fleet;
use tests::kube::ApiServer;
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::{until, until_async};

use crate::harness::{Gateway, SOON, Start, call};
use crate::release::{KEY, Release};

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_ends_is_not_ready_first_answers_on_and_tells_its_peers() {
    let server = ApiServer::start();
    let upstream = Upstream::start(Script::with([Tool::new("echo", Does::Echo), Tool::new("slow", Does::Slow(8000))]));
    let mut release = Release::new(&server, "mcp").await;
    release.write_keys().await;
    release.write(&release.compile(&upstream.url(), &["me"]), 7).await;
    let peers = [fleet::address(), fleet::address()];
    let names = peers.map(|peer| peer.to_string()).join(",");
    let [mut one, two] = peers.map(|own| {
        let arguments = vec![format!("--peers={names}"), format!("--peer-listen={own}")];
        Gateway::start(&Start { arguments, ..Start::of(&server, &release) })
    });
    for gateway in [&one, &two] {
        gateway.ready().await;
        until_async("they have met", SOON, async || {
            (gateway.metric("switchboard_peers_reachable").await == 1).then_some(())
        })
        .await;
    }
    let (mut client, mcp) = (one.client(), one.mcp());
    client.initialize("2025-11-25").await;
    let session = client.session().unwrap().to_owned();
    let mut stream = client.listen(&[]).await;
    let slow = tokio::spawn({
        let mut client = one.client();
        async move { client.try_call("up-slow", "{}").await }
    });
    until("the call at the server", SOON, || (upstream.posts("tools/call") == 1).then_some(()));

    let began = Instant::now();
    one.signal(Signal::TERM);
    one.unready("this process ends").await;
    // Balancers hear of it a moment later: until then whoever comes is answered.
    let mut answered = 0;
    while began.elapsed() < Duration::from_secs(4) {
        call(&mut Client::new(&mcp).key(KEY)).await;
        answered += 1;
    }
    assert!(answered > 10, "{answered}");
    let ended = async { while stream.event().await.is_ok() {} };
    tokio::time::timeout(SOON, ended).await.expect("its streams end");
    assert!(!slow.await.unwrap().unwrap().is_tool_error(), "a call under way is answered");
    assert!(one.ended(SOON).success());
    // The session goes on at another pod.
    let mut client = Client::new(&two.mcp()).key(KEY);
    client.set_header("mcp-session-id", &session);
    client.set_header("mcp-protocol-version", "2025-11-25");
    call(&mut client).await;
}
