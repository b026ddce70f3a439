//! What breaks beside the gateway, and the gateway itself, while 200 calls a
//! second come in.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::kube::Component;
use tests::load::{CONNECTIONS, Load};
use tests::wait::{throughout, until, until_async};

use crate::scene::{BLUE, QUICKSTART, RELEASE, Running, Scene, client_of, none_failed, succeeded};

/// How long a container may take to serve again while the apiserver is away.
const SERVES_AGAIN_WITHIN: f64 = 5.0;

/// Both operators are killed at once, twice.
pub(crate) fn operators_are_killed(scene: &Scene) {
    let load = under_way(scene);
    for _ in 0..2 {
        let operators = until("two operators run", Duration::from_secs(60), || {
            let operators = scene.operators();
            (operators.len() == 2 && operators.iter().all(|pod| pod.is_ready && !pod.ends)).then_some(operators)
        });
        for pod in &operators {
            scene.signal(pod, Signal::KILL);
        }
        until("both are started again", Duration::from_secs(60), || {
            let now = scene.operators();
            let again = |old: &Running| {
                now.iter().any(|pod| pod.name == old.name && pod.restarts > old.restarts && pod.is_ready)
            };
            operators.iter().all(again).then_some(())
        });
    }
    let report = load.stop();
    scene.figure("failed_calls_operator_kill", report.failures().len() as f64);
    none_failed(&report);
    // And it is in charge again.
    scene.leader();
    scene.lab_denies(&["fail", "now"], Duration::from_secs(60));
    scene.lab_denies(&["fail"], Duration::from_secs(60));
}

/// The right to see bindings is taken from the operators, and they are killed so that none is left who saw one: nothing is
/// unpublished, and what is changed meanwhile is in force once the right is back.
pub(crate) fn a_right_is_taken_away(scene: &Scene) {
    let load = under_way(scene);
    let pointer = scene.pointer();
    may_see_bindings(scene, false);
    let before = scene.operators();
    for pod in &before {
        scene.signal(pod, Signal::KILL);
    }
    let blind = until("a leader of after says what it cannot see", Duration::from_secs(90), || {
        let leader = scene.leader();
        let began_after = before.iter().all(|old| old.name != leader.name || old.restarts < leader.restarts);
        if !began_after || !Scene::listens(&leader) {
            return None;
        }
        let (status, detail) = scene.get(&leader, "/readyz", None);
        (status == 503 && detail.contains("mcpkeybindings of namespace quickstart")).then_some(leader)
    });
    scene.have_lab_deny(&["fail", "now"]);
    throughout(Duration::from_secs(20), || assert!(scene.pointer() == pointer, "something was published"));
    assert!(scene.metric(&blind, "switchboard_operator_unknown_streams") > 0.0);
    may_see_bindings(scene, true);
    until("the change of then is written", Duration::from_secs(90), || (scene.pointer() != pointer).then_some(()));
    scene.rolled_out();
    scene.lab_denies(&["fail"], Duration::from_secs(60));
    none_failed(&load.stop());
}

/// Takes the right to see the quickstart's bindings away, or gives it back.
fn may_see_bindings(scene: &Scene, may: bool) {
    let kinds = if may {
        r#"["mcpservers","mcpaccessgroups","mcpkeybindings"]"#
    } else {
        r#"["mcpservers","mcpaccessgroups"]"#
    };
    let patch = format!(r#"[{{"op":"replace","path":"/rules/0/resources","value":{kinds}}}]"#);
    scene.kubectl(&["-n", QUICKSTART, "patch", "role", &format!("{RELEASE}-watch"), "--type=json", "-p", &patch]);
}

/// A pod is deleted, as a drain of its node does, and its successor comes.
pub(crate) fn a_pod_is_drained(scene: &Scene) {
    let load = under_way(scene);
    for _ in 0..2 {
        let pod = scene.gateways().remove(0);
        scene.kubectl(&["-n", RELEASE, "delete", "pod", &pod.name, "--wait=false"]);
        until("it has ended and another serves", Duration::from_secs(120), || {
            let now = scene.gateways();
            let others = now.iter().filter(|it| it.is_ready && !it.ends).count();
            (others == 3 && now.iter().all(|it| it.name != pod.name)).then_some(())
        });
    }
    let report = load.stop();
    scene.figure("failed_calls_drain", report.failures().len() as f64);
    none_failed(&report);
}

/// A gateway's process is killed: of all calls only those fail that were under way at it.
pub(crate) fn a_pod_is_killed(scene: &Scene) {
    let load = under_way(scene);
    let pod = scene.gateways().remove(0);
    kill(scene, &pod);
    let killed = load.elapsed();
    until("it is started again", Duration::from_secs(60), || {
        scene.gateways().iter().any(|it| it.name == pod.name && it.restarts > pod.restarts && it.is_ready).then_some(())
    });
    let report = load.stop();
    let failures = report.failures();
    println!("  {} of {} calls failed", failures.len(), report.sent());
    assert!(failures.len() < CONNECTIONS, "more than were under way: {:?}", &failures[..5]);
    let was_under_way = |due: Duration| due <= killed;
    assert!(failures.iter().all(|it| was_under_way(it.due)), "killed at {killed:?}: {failures:?}");
    scene.settled();
}

/// The apiserver is stopped for a minute, and in it a gateway's container is killed; then etcd is restarted.
pub(crate) fn the_apiserver_is_away(scene: &Scene) {
    let server = scene.api();
    scene.apply(WITH_SECRET);
    scene.kubectl(&["-n", QUICKSTART, "wait", "--for=condition=Propagated", "mcpserver", "guarded", "--timeout=60s"]);
    scene.settled();
    // One that has not been killed yet: the kubelet waits before it starts a container again that ended twice.
    let pod = scene.gateways().into_iter().min_by_key(|pod| pod.restarts).unwrap();
    assert_eq!(pod.restarts, 0);
    let load = under_way(scene);
    server.stop(Component::ApiServer);
    let stopped = Instant::now();
    kill(scene, &pod);
    let killed = load.elapsed();
    let url = format!("http://{}:8080/mcp", pod.ip);
    let died = Instant::now();
    scene.block_on(until_async("the container serves again", Duration::from_secs(60), async || {
        let mut client = client_of(&url, BLUE);
        let calls = async || client.try_call("guarded-add", r#"{"a":2,"b":3}"#).await;
        let mut calls = calls;
        let answer = tokio::time::timeout(Duration::from_secs(2), calls()).await;
        matches!(answer, Ok(Ok(answer)) if succeeded(&answer)).then_some(())
    }));
    let took = died.elapsed().as_secs_f64();
    scene.figure("restart_without_apiserver_s", took);
    throughout(Duration::from_secs(60).saturating_sub(stopped.elapsed()), || ());
    server.resume(Component::ApiServer);
    until("the apiserver knows the pods", Duration::from_secs(60), || {
        scene.gateways().iter().filter(|pod| pod.is_ready).count().eq(&3).then_some(())
    });
    let report = load.stop();
    let after = report.failures().into_iter().filter(|it| it.due > killed).count();
    scene.figure("failed_calls_apiserver_down", after as f64);
    let failures = report.failures();
    assert!(after == 0, "killed at {killed:?}: {:?}", &failures[..failures.len().min(5)]);
    assert!(failures.len() < CONNECTIONS, "{} failed", failures.len());
    assert!(took < SERVES_AGAIN_WITHIN, "without the apiserver it took {took:.1} s");
    etcd_is_restarted(scene);
    scene.kubectl(&["-n", QUICKSTART, "delete", "mcpserver/guarded", "secret/guarded"]);
    scene.settled();
}

/// Kills a pod's process. It takes calls until it is gone: what it was sent by then is under way at it (R80).
fn kill(scene: &Scene, pod: &Running) {
    let process = scene.process(pod);
    scene.signal(pod, Signal::KILL);
    until("the process is gone", Duration::from_secs(30), || (!tests::usage::lives(process)).then_some(()));
}

fn etcd_is_restarted(scene: &Scene) {
    let load = under_way(scene);
    scene.api().restart(Component::Etcd);
    until("the apiserver answers again", Duration::from_secs(60), || {
        scene.api().try_kubectl(&["get", "--raw=/readyz"]).status.success().then_some(())
    });
    scene.lab_denies(&["fail", "now"], Duration::from_secs(60));
    scene.lab_denies(&["fail"], Duration::from_secs(60));
    none_failed(&load.stop());
}

/// The load of R80, once it is under way.
fn under_way(scene: &Scene) -> Load {
    let load = Load::start(scene.load());
    until("the load is under way", Duration::from_secs(10), || (load.so_far().sent() > 100).then_some(()));
    load
}

/// A server that needs a credential from a Secret, and joins team blue's group.
const WITH_SECRET: &str = "---
apiVersion: v1
kind: Secret
metadata: {name: guarded, namespace: quickstart, labels: {switchboard.dev/use: credential}}
stringData: {token: a-token-of-the-tests}
---
apiVersion: switchboard.dev/v1alpha1
kind: McpServer
metadata: {name: guarded, namespace: quickstart}
spec:
  stdio:
    command: switchboard
    args: [demo-server]
    env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: guarded, key: token}}}]
  sessionMode: Shared
  accessGroups: [{name: everyday}]
";
