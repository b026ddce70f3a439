//! The harness itself: pods in a restricted namespace, load on them from beside them, and what can be done to them.

use std::time::Duration;

use rustix::process::Signal;
use tests::kube::{Cluster, Component, Pod, RESTRICTED};
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
async fn r80_r86_load_reaches_pods_through_their_service_and_each_alone_with_and_without_the_apiserver() {
    let cluster = Cluster::enter();
    let Some(_) = cluster.node("load on the addresses of pods and Services") else { return };
    cluster.api().namespace("harness-load", &RESTRICTED).await;
    fixture::deploy(cluster.api(), "harness-load", "echo", &script(), 2);
    let service = cluster.api().service_ip("harness-load", "echo").await;
    let load = Load::start(Plan::call(&format!("http://{service}:{PORT}/mcp"), "none", "echo"));
    let pods = pods(cluster, "harness-load").await;
    let probes: Vec<_> = pods.iter().map(|pod| Load::start(Plan::probe(&pod.url(PORT), "none", "echo"))).collect();
    assert_eq!(probes.len(), 2);
    until("two seconds of load", WITHIN, || (load.elapsed() > Duration::from_secs(2)).then_some(()));
    cluster.api().stop(Component::ApiServer);
    let away = load.elapsed();
    until("load without the apiserver", WITHIN, || (load.elapsed() > away + Duration::from_secs(1)).then_some(()));
    cluster.api().resume(Component::ApiServer);
    cluster.api().restart(Component::Etcd);
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
    let continued = probe.elapsed();
    node.signal(container, Signal::CONT);
    until("answers again", WITHIN, || probe.so_far().last_success().filter(|last| *last > continued));
    // One that was under way when it froze may have been answered then.
    let silence = frozen + Duration::from_millis(100)..continued;
    let report = probe.so_far();
    let successes = report.samples.iter().filter(|sample| sample.failure.is_none());
    let answered = successes.filter(|sample| silence.contains(&(sample.due + sample.latency))).count();
    assert_eq!(answered, 0, "while it was frozen");

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
