//! An apiserver that is away: everything stays as it is, and goes on by itself.

use std::time::{Duration, Instant};

use tests::args::full;
use tests::kube::Component;
use tests::wait::throughout;

use crate::pods::Pods;
use crate::release::{Release, binding, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_apiserver_that_is_away_changes_nothing_and_is_found_again_within_seconds() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(1).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    release.until("McpKeyBinding tools/laptop", "Ready", "True Ready").await;
    // Ready as soon as it is compiled: pods hear of it later.
    let before = pods.until("the first key", |it| it.knows("key-1")).await;

    release.server.stop(Component::ApiServer);
    throughout(Duration::from_secs(if full() { 60 } else { 20 }), || ());
    assert_eq!(operator.ask("/livez").map(|(status, _)| status), Some(200));
    assert_eq!(operator.metric("leader"), Some(0), "who cannot renew its Lease does not lead");
    release.server.resume(Component::ApiServer);
    let back = Instant::now();
    release.apply(&binding("tools", "ci", "key-2", &["docs"]));
    let after = pods.until("the new key", |it| it.knows("key-2")).await;
    assert!(back.elapsed() < Duration::from_secs(10), "{:?}", back.elapsed());
    assert!(after.knows("key-1") && after.revision == before.revision + 1, "nothing was written in between");

    release.server.restart(Component::Etcd);
    release.apply(&binding("tools", "third", "key-3", &["docs"]));
    pods.until("the third key", |it| ["key-1", "key-2", "key-3"].iter().all(|key| it.knows(key))).await;
}
