//! The harness itself: pods in a restricted namespace, load on them from beside them, and what can be done to them.

use std::time::Duration;

use rustix::process::Signal;
use tests::kube::{Cluster, Pod, RESTRICTED};
use tests::load::{Load, Plan};
use tests::upstream::{Does, Script, Tool};
use tests::wait::{until, until_async};

use crate::fixture::{self, PORT};

const WITHIN: Duration = Duration::from_secs(30);

/// A server that forgets nothing and needs no session.
fn script() -> Script {
    Script { sessions: false, keep: false, ..Script::with([Tool::new("echo", Does::Echo)]) }
}

async fn pods(cluster: &Cluster, namespace: &str) -> Vec<Pod> {
    cluster.api().pods(namespace, "app=echo").await
}

#[tokio::test]
async fn r80_r86_load_reaches_pods_through_their_service_and_each_alone() {
    let cluster = Cluster::enter();
    cluster.api().namespace("harness-load", &RESTRICTED).await;
    fixture::deploy(cluster.api(), "harness-load", "echo", &script(), 2);
    let service = cluster.api().service_ip("harness-load", "echo").await;
    let load = Load::start(Plan::call(&format!("http://{service}:{PORT}/mcp"), "none", "echo"));
    let pods = pods(cluster, "harness-load").await;
    let probes: Vec<_> = pods.iter().map(|pod| Load::start(Plan::probe(&pod.url(PORT), "none", "echo"))).collect();
    assert_eq!(probes.len(), 2);
    until("two seconds of load", WITHIN, || (load.elapsed() > Duration::from_secs(2)).then_some(()));
    for report in probes.into_iter().chain([load]).map(Load::stop) {
        assert!(report.failures().is_empty(), "{:?}", report.failures()[0]);
        assert!(report.sent() >= 190, "{}", report.sent());
    }
    cluster.api().kubectl(&["delete", "namespace", "harness-load"]);
}

#[tokio::test]
async fn a_pod_can_be_frozen_continued_and_killed() {
    let cluster = Cluster::enter();
    let Some(node) = cluster.node("signals to the processes of a pod") else { return };
    cluster.api().namespace("harness-signals", &RESTRICTED).await;
    fixture::deploy(cluster.api(), "harness-signals", "echo", &script(), 1);
    let pod = pods(cluster, "harness-signals").await.remove(0);
    let container = pod.container("fixture");
    let probe = Load::start(Plan::probe(&pod.url(PORT), "none", "echo"));
    until("answers", WITHIN, || probe.so_far().last_success());

    node.signal(container, Signal::STOP);
    let frozen = probe.elapsed();
    until("unanswered calls", WITHIN, || (!probe.so_far().failures().is_empty()).then_some(()));
    node.signal(container, Signal::CONT);
    let continued = probe.elapsed();
    until("answers again", WITHIN, || probe.so_far().last_success().filter(|last| *last > continued));
    // One that was under way when it froze may have been answered then.
    let silent = probe.so_far().between(frozen + Duration::from_millis(100), frozen + Duration::from_millis(500));
    assert!(silent.sent() > 0 && silent.failures().len() == silent.sent(), "{silent:?}");

    node.signal(container, Signal::KILL);
    let killed = probe.elapsed();
    let restarted = async || pods(cluster, "harness-signals").await.remove(0);
    until_async("the container is started again", WITHIN, async || {
        let pod = restarted().await;
        let container = pod.container("fixture");
        (container.restarts == 1 && pod.ready && node.pid(container).is_some()).then_some(())
    })
    .await;
    until("answers after the restart", WITHIN, || probe.so_far().last_success().filter(|last| *last > killed));
    cluster.api().kubectl(&["delete", "namespace", "harness-signals"]);
}

#[tokio::test]
async fn a_namespace_that_enforces_restricted_refuses_what_is_not() {
    let cluster = Cluster::enter();
    cluster.api().namespace("harness-restricted", &RESTRICTED).await;
    let refused = cluster.api().try_kubectl(&[
        "run",
        "open",
        "--namespace=harness-restricted",
        "--image=localhost/switchboard-fixture:test",
    ]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("restricted"), "{words}");
    cluster.api().kubectl(&["delete", "namespace", "harness-restricted"]);
}
