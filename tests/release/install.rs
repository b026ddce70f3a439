//! From nothing to a call; upgrades and rollbacks under load; what an
//! uninstallation leaves.

use std::time::{Duration, Instant};

use tests::kube::repository;
use tests::load::Load;
use tests::wait::{until, until_async};

use crate::scene::{BLUE, QUICKSTART, RELEASE, Scene, Values, client_of, none_failed, succeeded};

/// From the first command to the first call.
const SERVES_WITHIN: f64 = 10.0;

/// Installs both charts and the quickstart, in one breath as a person would.
pub(crate) fn serves_in_seconds(scene: &Scene) {
    let started = Instant::now();
    install_definitions(scene);
    scene.helm_upgrade(&Values::default());
    apply_quickstart(scene);
    first_call(scene);
    let took = started.elapsed().as_secs_f64();
    scene.figure("install_to_call_s", took);
    scene.kubectl(&["-n", QUICKSTART, "wait", "--for=condition=Propagated", "mcpserver", "--all", "--timeout=60s"]);
    scene.kubectl(&[
        "-n",
        QUICKSTART,
        "wait",
        "--for=condition=Ready",
        "mcpserver,mcpaccessgroup,mcpkeybinding",
        "--all",
        "--timeout=60s",
    ]);
    scene.rolled_out();
    let waited = scene.switchboard(&["rollout", "status", "--namespace", RELEASE, "--timeout", "30"]);
    let said = String::from_utf8_lossy(&waited.stdout).into_owned();
    assert!(waited.status.success() && said.contains("is in force at all 3 gateways"), "{waited:?}");
    let mut client = scene.mcp(BLUE);
    let tools = scene.block_on(client.tools());
    assert_eq!(tools, ["demo-echo", "demo-add", "demo-now", "demo-fail", "demo-slow", "lab-add", "lab-slow"]);
    assert!(took < SERVES_WITHIN, "from helm install to the first call: {took:.1} s");
}

/// Installs what is not there, for a scenario that runs alone.
pub(crate) fn ensure(scene: &Scene) {
    let there = scene.api().try_kubectl(&["-n", RELEASE, "get", "deployment", &format!("{RELEASE}-gateway")]);
    if !there.status.success() {
        install_definitions(scene);
        scene.helm_upgrade(&Values::default());
        apply_quickstart(scene);
        scene.rolled_out();
    }
    first_call(scene);
    scene.settled();
}

fn install_definitions(scene: &Scene) {
    let chart = repository().join("charts/switchboard-crds");
    let chart = chart.to_str().unwrap();
    scene.api().helm(&["upgrade", "--install", "switchboard-crds", chart, "--namespace", RELEASE]);
}

fn apply_quickstart(scene: &Scene) {
    let quickstart = repository().join("deploy/quickstart");
    scene.kubectl(&["apply", "-f", quickstart.to_str().unwrap()]);
}

/// Waits until a call through the Service works.
fn first_call(scene: &Scene) {
    let url = scene.url();
    scene.block_on(until_async("a call through the Service", Duration::from_secs(120), async || {
        let mut client = client_of(&url, BLUE);
        let answer =
            tokio::time::timeout(Duration::from_secs(2), client.try_call("demo-add", r#"{"a":2,"b":3}"#)).await;
        matches!(answer, Ok(Ok(answer)) if succeeded(&answer)).then_some(())
    }));
}

/// `helm upgrade` and `helm rollback` roll every pod while 200 calls a second come in.
pub(crate) fn upgrades_under_load(scene: &Scene) {
    let load = Load::start(scene.load());
    until("the load is under way", Duration::from_secs(10), || (load.so_far().sent() > 200).then_some(()));
    let before = scene.gateways();
    scene.helm_upgrade(&Values { mark: "1".to_owned(), ..Values::default() });
    scene.rolled_out();
    let between = scene.gateways();
    assert!(before.iter().all(|old| between.iter().all(|new| new.name != old.name)), "every pod is another one now");
    scene.api().helm(&["rollback", RELEASE, "--namespace", RELEASE]);
    scene.rolled_out();
    let report = load.stop();
    scene.figure("failed_calls_upgrade", report.failures().len() as f64);
    scene.figure("calls_sent", report.sent() as f64);
    none_failed(&report);
    scene.settled();
}

/// `helm uninstall` lets a call finish and keeps objects and definitions; a new installation serves them.
pub(crate) fn leaves_objects_and_comes_back(scene: &Scene) {
    let url = scene.url();
    let pods = scene.gateways();
    let under_way = std::thread::spawn({
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { client_of(&url, BLUE).try_call("demo-slow", r#"{"seconds":5}"#).await })
        }
    });
    // The call has reached a server once that has been asked.
    until("the call is under way", Duration::from_secs(10), || {
        let sent: f64 = pods.iter().map(|pod| scene.metric(pod, "switchboard_permits_total")).sum();
        (sent > 0.0).then_some(())
    });
    scene.api().helm(&["uninstall", RELEASE, "--namespace", RELEASE]);
    let answer = under_way.join().unwrap().expect("the call that was under way is answered");
    assert!(succeeded(&answer), "{answer:?}");
    until("every pod has ended", Duration::from_secs(90), || scene.gateways().is_empty().then_some(()));
    let kept = scene.kubectl(&["-n", QUICKSTART, "get", "mcp", "-o", "name"]);
    assert_eq!(kept.lines().count(), 6, "{kept}");
    until("what the operator made is gone", Duration::from_secs(60), || {
        let left = scene.kubectl(&[
            "-n",
            RELEASE,
            "get",
            "configmaps,secrets",
            "-l",
            "app.kubernetes.io/managed-by=switchboard-operator",
            "-o",
            "name",
        ]);
        left.trim().is_empty().then_some(())
    });
    let started = Instant::now();
    scene.helm_upgrade(&Values::default());
    first_call(scene);
    let took = started.elapsed().as_secs_f64();
    scene.figure("reinstall_to_call_s", took);
    scene.rolled_out();
    assert!(took < SERVES_WITHIN, "from helm install to the first call, once more: {took:.1} s");
}
