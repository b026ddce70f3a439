//! What pods say, and what follows from it.

use std::time::{Duration, Instant};

use tests::usage::cpu;
use tests::wait::throughout;

use crate::pods::Pods;
use crate::release::{Release, binding, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r40_a_frozen_pod_keeps_what_is_new_from_being_propagated_and_nothing_else() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(3).await;
    release.apply(&[server("tools", "docs"), binding("tools", "old", "key-1", &["docs"])].concat());
    release.until("McpKeyBinding tools/old", "Propagated", "True Propagated").await;
    pods.all()[1].freeze(true);
    release.apply(&binding("tools", "new", "key-2", &["docs"]));
    release.until("McpKeyBinding tools/new", "Programmed", "True Programmed").await;
    release.until("McpKeyBinding tools/new", "Propagated", "False Pending").await;
    // Once that has lasted the pods are counted, and an event says so.
    let counted = |condition: &serde_json::Value| condition["message"].as_str().unwrap().starts_with("2 of 3 pods");
    let condition = release.until_condition("McpKeyBinding tools/new", "Propagated", counted).await;
    assert_eq!(condition["status"], "False");
    release.until("McpKeyBinding tools/old", "Propagated", "True Propagated").await;
    operator.until_metric("pods_silent", |silent| silent > 0);
    pods.all()[1].freeze(false);
    release.until("McpKeyBinding tools/new", "Propagated", "True Propagated").await;
    release.until("McpKeyBinding tools/new", "Ready", "True Ready").await;
    // A pod that starts has what is newest before it serves: what was everywhere stays so.
    pods.start_some(1).await;
    operator.until_metric("pods_propagated", |count| count > 3);
    release.until("McpKeyBinding tools/old", "Propagated", "True Propagated").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_the_newest_that_every_pod_reads() {
    let release = Release::install(&["tools"]).await;
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start(&[4, 5]).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    pods.until("the newest schema", |it| it.schema == 5 && it.knows("key-1")).await;
    // A pod of the release before is rolled back to.
    pods.start(&[3, 4]).await;
    pods.until("the schema before", |it| it.schema == 4 && it.knows("key-1")).await;
    release.apply(&binding("tools", "ci", "key-2", &["docs"]));
    release.until("McpKeyBinding tools/ci", "Propagated", "True Propagated").await;
    assert_eq!(pods.newest().schema, 4);
    pods.end(1).await;
    pods.until("the newest schema again", |it| it.schema == 5 && it.knows("key-2")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_pods_report_and_cost_next_to_nothing() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(100).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    release.until("McpKeyBinding tools/laptop", "Propagated", "True Propagated").await;
    operator.until_metric("pods_propagated", |count| count >= 100);
    let (began, used, asked) = (Instant::now(), cpu(operator.pid()), pods.all()[0].asked());
    throughout(Duration::from_secs(25), || ());
    let share = cpu(operator.pid()).saturating_sub(used).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("100 pods at rest: {:.2} % of a CPU", share * 100.0);
    assert!(share < 0.1, "{share}");
    assert!(pods.all()[0].asked() - asked <= 3, "a question waits at the pod");
}
