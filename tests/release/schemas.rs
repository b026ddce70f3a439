//! Old and new releases of either side meet, in both orders and back: the old
//! ones know the schema of snapshots before this one only.

use std::time::Duration;

use tests::load::Load;
use tests::wait::until;

use crate::scene::{QUICKSTART, RELEASE, Scene, Values};

/// The tag of the images of before.
const BEFORE: &str = "before";

/// Goes through every meeting under load; after each step a change has to arrive.
pub(crate) fn meet_in_both_orders(scene: &Scene) {
    for image in ["before/operator", "before/gateway"] {
        scene.cluster.load(image);
    }
    let now = Values::default();
    let [operator_now, gateway_now] = now.tags.clone();
    let tags =
        |operator: &str, gateway: &str| Values { tags: [operator.to_owned(), gateway.to_owned()], ..Values::default() };
    // The release of before, then each order of an upgrade, each followed by the way back.
    let steps = [
        (tags(BEFORE, BEFORE), "3"),
        (tags(&operator_now, BEFORE), "3"),
        (tags(&operator_now, &gateway_now), "4"),
        (tags(BEFORE, &gateway_now), "3"),
        (tags(BEFORE, BEFORE), "3"),
        (tags(BEFORE, &gateway_now), "3"),
        (tags(&operator_now, &gateway_now), "4"),
    ];
    let load = Load::start(scene.load());
    for (number, (values, schema)) in steps.iter().enumerate() {
        let [operator, gateway] = &values.tags;
        scene.helm_upgrade(values);
        scene.rolled_out();
        change(scene, number);
        let line = first_line(scene);
        assert!(line.contains(&format!(" schema={schema} ")), "operator {operator}, gateway {gateway}: {line}");
        println!("  operator {operator}, gateway {gateway}: {line}");
    }
    let report = load.stop();
    let failures = report.failures();
    scene.figure("failed_calls_schemas", failures.len() as f64);
    assert!(
        failures.is_empty(),
        "{} of {} failed: {:?}",
        failures.len(),
        report.sent(),
        &failures[..failures.len().min(5)]
    );
    scene.kubectl(&[
        "-n",
        QUICKSTART,
        "patch",
        "mcpserver",
        "lab",
        "--type=merge",
        "-p",
        r#"{"spec":{"tools":{"deny":["fail"]}}}"#,
    ]);
    scene.settled();
}

fn change(scene: &Scene, number: usize) {
    let before = scene.written_revision();
    let patch = format!(r#"{{"spec":{{"tools":{{"deny":["fail","step_{number}"]}}}}}}"#);
    scene.kubectl(&["-n", QUICKSTART, "patch", "mcpserver", "lab", "--type=merge", "-p", &patch]);
    until("the change is written", Duration::from_secs(60), || (scene.written_revision() > before).then_some(()));
    scene.settled();
}

/// What people can read of the pointer.
fn first_line(scene: &Scene) -> String {
    let text = scene.member("configmap", RELEASE, &format!("{RELEASE}-snapshot"), ".binaryData.pointer");
    let bytes = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap();
    String::from_utf8_lossy(bytes.split(|byte| *byte == b'\n').next().unwrap()).into_owned()
}
