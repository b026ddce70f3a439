//! A key that is suspended or deleted is dead on every pod within a second of
//! the apiserver's answer, with what it held open; and a pod that does not
//! answer is not taken for one that has it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::load::Load;
use tests::usage::{descendants, lives};
use tests::wait::{throughout, until};

use crate::probe::Probes;
use crate::scale::{crowd, disperse};
use crate::scene::{QUICKSTART, RELEASE, Scene, client_of, none_failed, sha256, succeeded};

/// How long a key may live on.
const DEAD_WITHIN: f64 = 1000.0;

/// Suspends and deletes bindings in turn while 200 calls a second come in.
pub(crate) fn is_everywhere_within_a_second(scene: &Scene) {
    let (bindings, revocations) = if tests::args::full() { (20_000, 50) } else { (2_000, 10) };
    crowd(scene, bindings);
    scene.apply(OWN);
    let mut all = String::new();
    for number in 0..revocations {
        let _ = write!(all, "---\n{}", victim(number));
    }
    scene.apply(&all);
    scene.kubectl(&[
        "-n",
        QUICKSTART,
        "wait",
        "--for=condition=Propagated",
        "mcpkeybinding",
        "--all",
        "--timeout=120s",
    ]);
    let pods = scene.gateways();
    let load = Load::start(scene.load());
    let (mut samples, mut held) = (Vec::new(), Vec::new());
    for number in 0..revocations {
        let key = key(number);
        let probes = Probes::start(&pods, &key, "demo-echo", r#"{"text":"x"}"#);
        probes.all_succeed();
        let pod = &pods[number % pods.len()];
        // Each pod has a child for the server's lists, and what starts with the call is the caller's.
        let before = of_own(scene);
        let mut stream = scene.block_on(hold(SocketAddr::new(pod.ip, 8080), &key));
        let callers: Vec<u32> = of_own(scene).into_iter().filter(|child| !before.contains(child)).collect();
        assert!(!callers.is_empty(), "the caller's own child runs");
        let name = name(number);
        if number % 2 == 0 {
            scene.kubectl(&[
                "-n",
                QUICKSTART,
                "patch",
                "mcpkeybinding",
                &name,
                "--type=merge",
                "-p",
                r#"{"spec":{"suspend":true}}"#,
            ]);
        } else {
            scene.kubectl(&["-n", QUICKSTART, "delete", "mcpkeybinding", &name, "--wait=false"]);
        }
        let answered = Instant::now();
        let last = probes.all_refuse();
        samples.push(last.saturating_duration_since(answered).as_secs_f64() * 1000.0);
        // What was held open has ended by then, or does now.
        scene.block_on(async { while stream.event().await.is_ok() {} });
        until("the caller's child ends", Duration::from_secs(5), || {
            callers.iter().any(|child| !lives(*child)).then_some(())
        });
        held.push(answered.elapsed().as_secs_f64() * 1000.0);
    }
    none_failed(&load.stop());
    let percentile = |samples: &[f64], share: f64| {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * share).round() as usize]
    };
    for (name, share) in [("revocation_p50_ms", 0.5), ("revocation_p99_ms", 0.99)] {
        println!("  {name}: {:.0}", percentile(&samples, share));
        scene.figures.write(name, percentile(&samples, share), &samples);
    }
    println!(
        "  until streams and children had ended too: p50 {:.0} ms, p99 {:.0} ms",
        percentile(&held, 0.5),
        percentile(&held, 0.99)
    );
    assert!(
        samples.iter().chain(&held).all(|sample| *sample < DEAD_WITHIN),
        "{samples:?}, with what was held: {held:?}"
    );
    frozen_pod_has_nothing(scene);
    scene.kubectl(&["-n", QUICKSTART, "delete", "mcpkeybinding", "-l", "victim"]);
    scene.kubectl(&["-n", QUICKSTART, "delete", "mcpserver", "own"]);
    disperse(scene);
}

/// R40: a frozen pod keeps Propagated False for what it has not got.
fn frozen_pod_has_nothing(scene: &Scene) {
    let frozen = scene.gateways().remove(0);
    scene.signal(&frozen, Signal::STOP);
    scene.apply(&victim(1000));
    let others = until("the operator says who is missing", Duration::from_secs(30), || {
        let path = ".status.conditions[?(@.type=='Propagated')].message";
        let message = scene.member("mcpkeybinding", QUICKSTART, &name(1000), path);
        message.contains("2 of").then_some(message)
    });
    println!("  with a frozen pod: {others}");
    throughout(Duration::from_secs(5), || {
        assert_eq!(scene.condition("mcpkeybinding", QUICKSTART, &name(1000), "Propagated"), "False");
    });
    scene.signal(&frozen, Signal::CONT);
    scene.kubectl(&[
        "-n",
        QUICKSTART,
        "wait",
        "--for=condition=Propagated",
        "mcpkeybinding",
        &name(1000),
        "--timeout=60s",
    ]);
    scene.kubectl(&[
        "-n",
        RELEASE,
        "wait",
        "--for=condition=Ready",
        "pod",
        "-l",
        "app.kubernetes.io/component=gateway",
        "--timeout=90s",
    ]);
}

/// Initializes a session, calls the caller's own child, and opens the session's stream.
async fn hold(pod: SocketAddr, key: &str) -> tests::stream::Stream {
    let url = format!("http://{pod}/mcp");
    let mut client = client_of(&url, key);
    client.initialize("2025-11-25").await;
    let answer = client.call("own-echo", r#"{"text":"x"}"#).await;
    assert!(succeeded(&answer), "{answer:?}");
    let stream = client.stream(&http::Method::GET, &[("accept", "text/event-stream")], "").await;
    assert_eq!(stream.status, 200);
    stream
}

/// Processes of the server `own`, of all pods.
fn of_own(scene: &Scene) -> Vec<u32> {
    let is_own = |pid: u32| {
        let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.contains("OWN=yes")
    };
    let children = scene.gateways().into_iter().flat_map(|pod| descendants(scene.process(&pod)));
    children.map(|child| child.pid).filter(|pid| is_own(*pid)).collect()
}

fn name(number: usize) -> String {
    format!("victim-{number}")
}

fn key(number: usize) -> String {
    format!("sb-victim-{number}")
}

fn victim(number: usize) -> String {
    format!(
        "{{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {{name: {}, namespace: {QUICKSTART}, labels: {{victim: \"\"}}}}, \
         spec: {{subject: {{type: Key, keys: [{{name: k, sha256: {}}}]}}, grants: {{servers: [{{name: demo}}, {{name: own}}]}}}}}}\n",
        name(number),
        sha256(&key(number))
    )
}

/// A server of which each caller has a child of their own.
const OWN: &str = "{apiVersion: switchboard.dev/v1alpha1, kind: McpServer, metadata: {name: own, namespace: quickstart}, \
    spec: {stdio: {command: switchboard, args: [demo-server], env: [{name: OWN, value: \"yes\"}]}, sessionMode: PerCaller}}\n";
