//! A pointer that was altered, cut, replayed or forged; a leader from the
//! past: callers notice nothing, and it is said.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crds::snapshot::stored::{MacKey, Pointer};
use rustix::process::Signal;
use serde_json::json;
use tests::load::Load;
use tests::wait::{throughout, until};

use crate::scene::{BLUE, QUICKSTART, RELEASE, Scene, client_of, none_failed, sha256, succeeded};

/// How long a change may take to be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(30);

/// Each kind of harm once, while calls come in: refused by every gateway, mended by the operator.
pub(crate) fn changes_nothing(scene: &Scene) {
    let old = scene.pointer();
    scene.lab_denies(&["fail", "now"], WRITTEN_WITHIN);
    let load = Load::start(scene.load());
    for (what, harmed) in harms(scene, &old) {
        let pods = scene.gateways();
        let refused = |pod| scene.metric(pod, "switchboard_snapshots_refused_total");
        let before: Vec<f64> = pods.iter().map(refused).collect();
        let revision = scene.written_revision();
        put(scene, &harmed);
        until(&format!("every gateway refuses what is {what}"), Duration::from_secs(20), || {
            pods.iter().map(refused).zip(&before).all(|(now, before)| now > *before).then_some(())
        });
        until(&format!("what is {what} is mended"), Duration::from_secs(20), || {
            (scene.pointer() != harmed && scene.written_revision() > revision).then_some(())
        });
        scene.settled();
        println!("  {what}: refused by all, mended");
    }
    none_failed(&load.stop());
    let mended = scene.metric(&scene.leader(), "switchboard_operator_mended_total");
    assert!(mended >= 4.0, "the leader counts {mended} mendings");
    scene.lab_denies(&["fail"], WRITTEN_WITHIN);
}

/// With no operator there, a replayed pointer is refused for as long as it stands, and every gateway says so.
pub(crate) fn is_said_while_nobody_mends(scene: &Scene) {
    let old = scene.pointer();
    scene.lab_denies(&["fail", "now"], WRITTEN_WITHIN);
    let in_force = scene.written_revision();
    scene.kubectl(&["-n", RELEASE, "scale", &format!("deployment/{RELEASE}-operator"), "--replicas=0"]);
    until("no operator is left", Duration::from_secs(60), || scene.operators().is_empty().then_some(()));
    put(scene, &old);
    let token = scene.fleet_token();
    for pod in scene.gateways() {
        until("the gateway says what it refused", Duration::from_secs(20), || {
            let says = scene.revision(&pod, &token);
            assert_eq!(says["revision"], in_force, "{says}");
            says["refused"]["reason"].as_str().map(str::to_owned)
        });
        let (status, body) = scene.get(&pod, "/status", Some(&token));
        assert!(status == 200 && body.contains("\"refused\":{"), "{body}");
        assert_eq!(scene.get(&pod, "/status", None).0, 401, "the status is for holders of the fleet's token");
    }
    let mut client = scene.mcp(BLUE);
    let answer = scene.block_on(client.call("demo-add", r#"{"a":2,"b":3}"#));
    assert!(succeeded(&answer), "{answer:?}");
    scene.kubectl(&["-n", RELEASE, "scale", &format!("deployment/{RELEASE}-operator"), "--replicas=2"]);
    until("the pointer is mended", Duration::from_secs(90), || (scene.pointer() != old).then_some(()));
    scene.rolled_out();
    scene.settled();
    for pod in scene.gateways() {
        assert!(scene.revision(&pod, &token)["refused"].is_null(), "nothing is refused any more");
    }
    scene.lab_denies(&["fail"], WRITTEN_WITHIN);
}

/// A leader is frozen past its Lease; the next one revokes a key; the first one continues.
pub(crate) fn a_leader_from_the_past_is_not_heard(scene: &Scene) {
    let key = "sb-past";
    scene.apply(&binding("past", key));
    scene.kubectl(&["-n", QUICKSTART, "wait", "--for=condition=Propagated", "mcpkeybinding", "past", "--timeout=60s"]);
    let frozen = scene.leader();
    scene.signal(&frozen, Signal::STOP);
    let next = until("another operator leads", Duration::from_secs(60), || {
        let leader = scene.leader();
        (leader.name != frozen.name).then_some(leader)
    });
    scene.kubectl(&["-n", QUICKSTART, "delete", "mcpkeybinding", "past"]);
    until("the key is dead", Duration::from_secs(30), || (status_of(scene, key) == 401).then_some(()));
    let revision = scene.written_revision();
    scene.signal(&frozen, Signal::CONT);
    let mut highest = revision;
    throughout(Duration::from_secs(10), || {
        assert_eq!(status_of(scene, key), 401, "the key lives again");
        let now = scene.written_revision();
        assert!(now >= highest, "revision {now} after {highest}");
        highest = now;
    });
    println!("  {} was frozen, {} led, the key stayed dead", frozen.name, next.name);
    until("both operators are ready", Duration::from_secs(90), || {
        let operators = scene.operators();
        (operators.len() == 2 && operators.iter().all(|pod| pod.is_ready)).then_some(())
    });
}

/// The harmed pointers: `old` is an authentic one of before.
fn harms(scene: &Scene, old: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let now = scene.pointer();
    let mut altered = now.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let mac = mac(scene);
    let mut decoded = Pointer::decode(&now, &mac).unwrap();
    decoded.revision += 1000;
    let foreign = decoded.encode(&MacKey([7; 32]));
    vec![
        ("altered", altered),
        ("cut", now[..now.len() - 40].to_vec()),
        ("replayed", old.to_vec()),
        ("under a foreign key", foreign),
    ]
}

fn put(scene: &Scene, pointer: &[u8]) {
    let patch = json!({"binaryData": {"pointer": BASE64_STANDARD.encode(pointer)}}).to_string();
    scene.kubectl(&["-n", RELEASE, "patch", "configmap", &format!("{RELEASE}-snapshot"), "--type=merge", "-p", &patch]);
}

fn mac(scene: &Scene) -> MacKey {
    let encoded = scene.member("secret", RELEASE, &format!("{RELEASE}-keys"), ".data.mac");
    MacKey(BASE64_STANDARD.decode(encoded).unwrap().try_into().unwrap())
}

fn status_of(scene: &Scene, key: &str) -> u16 {
    let url = scene.url();
    scene.block_on(async { client_of(&url, key).call("demo-echo", r#"{"text":"x"}"#).await.status.as_u16() })
}

fn binding(name: &str, key: &str) -> String {
    format!(
        "{{apiVersion: switchboard.dev/v1alpha1, kind: McpKeyBinding, metadata: {{name: {name}, namespace: {QUICKSTART}}}, \
         spec: {{subject: {{type: Key, keys: [{{name: k, sha256: {}}}]}}, grants: {{servers: [{{name: demo}}]}}}}}}\n",
        sha256(key)
    )
}
