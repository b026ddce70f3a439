//! Old and new releases of either side meet, in both orders and back: the old
//! ones know the schema of snapshots before this one only.

use std::time::Duration;

use tests::load::Load;

use crate::scene::{Scene, Values, none_failed};

/// The tag of the images of before.
const BEFORE: &str = "before";

/// How long a change may take to be written, whoever has just begun to lead.
const WRITTEN_WITHIN: Duration = Duration::from_secs(60);

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
        (tags(BEFORE, BEFORE), "4"),
        (tags(&operator_now, BEFORE), "4"),
        (tags(&operator_now, &gateway_now), "5"),
        (tags(BEFORE, &gateway_now), "4"),
        (tags(BEFORE, BEFORE), "4"),
        (tags(BEFORE, &gateway_now), "4"),
        (tags(&operator_now, &gateway_now), "5"),
    ];
    let load = Load::start(scene.load());
    for (number, (values, schema)) in steps.iter().enumerate() {
        let [operator, gateway] = &values.tags;
        scene.helm_upgrade(values);
        scene.rolled_out();
        scene.lab_denies(&["fail", &format!("step_{number}")], WRITTEN_WITHIN);
        let line = first_line(scene);
        assert!(line.contains(&format!(" schema={schema} ")), "operator {operator}, gateway {gateway}: {line}");
        println!("  operator {operator}, gateway {gateway}: {line}");
    }
    let report = load.stop();
    scene.figure("failed_calls_schemas", report.failures().len() as f64);
    none_failed(&report);
    scene.lab_denies(&["fail"], WRITTEN_WITHIN);
}

/// What people can read of the pointer.
fn first_line(scene: &Scene) -> String {
    String::from_utf8_lossy(&scene.pointer()).lines().next().unwrap().to_owned()
}
