//! What is written, and what is not (R40, R41).

use std::time::{Duration, Instant};

use tests::args::full;
use tests::kube::Write;
use tests::wait::{throughout, until};

use crate::pods::Pods;
use crate::release::{Release, binding, server};

/// Writes since `from` of the operator, without the Leases, which are to be renewed.
fn writes(release: &Release, from: usize) -> Vec<Write> {
    let all = release.server.writes().split_off(from).into_iter();
    all.filter(|write| write.user.ends_with("sb-operator") && write.resource != "leases").collect()
}

/// Waits until the operator has written nothing for a while; gives how much was written until then.
fn at_rest(release: &Release) -> usize {
    let mut last = (Instant::now(), writes(release, 0).len());
    until("nothing more is written", Duration::from_secs(120), || {
        let now = writes(release, 0).len();
        if now != last.1 {
            last = (Instant::now(), now);
        }
        (last.0.elapsed() > Duration::from_secs(3)).then(|| release.server.writes().len())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_nothing_is_written_at_rest_nor_after_a_restart() {
    let release = Release::install(&["tools"]).await;
    let operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(2).await;
    let bindings: Vec<_> =
        (0..50).map(|number| binding("tools", &format!("b{number}"), &format!("{number}"), &["docs"])).collect();
    release.apply(&[server("tools", "docs"), bindings.concat()].concat());
    release.until("McpKeyBinding tools/b49", "Ready", "True Ready").await;
    let from = at_rest(&release);
    throughout(Duration::from_secs(if full() { 300 } else { 20 }), || ());
    assert!(writes(&release, from).is_empty(), "{:?}", writes(&release, from));

    drop(operator);
    let operator = release.operator("two");
    operator.until_metric("compile_seconds_count", |count| count > 0);
    at_rest(&release);
    assert!(writes(&release, from).is_empty(), "{:?}", writes(&release, from));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r40_one_changed_binding_of_many_writes_five_statuses_at_most() {
    let release = Release::install(&["tools"]).await;
    let _operator = release.operator("one");
    let mut pods = Pods::of(&release).await;
    pods.start_some(2).await;
    let count = if full() { 2_000 } else { 200 };
    let bindings: Vec<_> =
        (0..count).map(|number| binding("tools", &format!("b{number}"), &format!("{number}"), &["docs"])).collect();
    release.apply(&[server("tools", "docs"), bindings.concat()].concat());
    at_rest(&release);
    release.until("McpKeyBinding tools/b7", "Ready", "True Ready").await;
    let from = release.server.writes().len();
    release.apply(&binding("tools", "b7", "another", &["docs"]));
    pods.until("the new key", |it| it.knows("another")).await;
    at_rest(&release);
    release.until("McpKeyBinding tools/b7", "Ready", "True Ready").await;
    let all = writes(&release, from);
    let statuses = all.iter().filter(|write| write.subresource == "status").count();
    assert!((1..=5).contains(&statuses), "{all:?}");
    assert!(all.len() - statuses <= 3, "the pointer, a slot if there is one, how far it has come: {all:?}");
    let specs = all.iter().filter(|it| it.resource == "mcpkeybindings" && it.subresource.is_empty()).count();
    assert_eq!(specs, 0, "no spec of anybody's object is ever written");
}
