//! Several operators of a release: one leads.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::pods::Pods;
use crate::release::{Release, binding, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_in_good_order_hands_over_at_once() {
    let release = Release::install(&["tools"]).await;
    let mut first = release.operator("one");
    first.until_metric("leader", |leads| leads > 0);
    let second = release.operator("two");
    let pods = Pods::of(&release).await;
    tests::wait::until("the second is ready", Duration::from_secs(20), || {
        second.ask("/readyz").filter(|(status, _)| *status == 200)
    });
    assert_eq!(second.metric("leader"), Some(0), "ready, and not the leader");
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    pods.until("the key", |it| it.knows("key-1")).await;

    first.signal(Signal::TERM);
    assert!(first.ended().success());
    let ended = Instant::now();
    release.delete(&["mcpkeybinding", "laptop", "--namespace", "tools"]);
    pods.until("no key", |it| !it.knows("key-1")).await;
    assert!(ended.elapsed() < Duration::from_secs(6), "{:?}", ended.elapsed());
    assert_eq!(second.metric("leader"), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_killed_is_followed_once_the_lease_has_run_out() {
    let release = Release::install(&["tools"]).await;
    let first = release.operator("one");
    first.until_metric("leader", |leads| leads > 0);
    let second = release.operator("two");
    let pods = Pods::of(&release).await;
    release.apply(&binding("tools", "laptop", "key-1", &[]));
    pods.until("the key", |it| it.knows("key-1")).await;
    drop(first);
    let killed = Instant::now();
    release.apply(&binding("tools", "ci", "key-2", &[]));
    pods.until("the other key", |it| it.knows("key-1") && it.knows("key-2")).await;
    assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
    assert_eq!(second.metric("leader"), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_past_its_lease_brings_nothing_back() {
    let release = Release::install(&["tools"]).await;
    let first = release.operator("one");
    first.until_metric("leader", |leads| leads > 0);
    let second = release.operator("two");
    let pods = Pods::of(&release).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    pods.until("the key", |it| it.knows("key-1")).await;

    first.signal(Signal::STOP);
    // It finds this when it wakes up, with the old state in its memory.
    release.delete(&["mcpkeybinding", "laptop", "--namespace", "tools"]);
    second.until_metric("leader", |leads| leads > 0);
    let revoked = pods.until("no key", |it| !it.knows("key-1")).await;
    let writes = release.server.writes().len();
    first.signal(Signal::CONT);
    first.until_metric("leader", |leads| leads < 1);
    // Both have been told of this one, and the first has had its time to do harm.
    release.apply(&binding("tools", "ci", "key-2", &["docs"]));
    let later = pods.until("the other key", |it| it.knows("key-2")).await;
    assert!(!later.knows("key-1") && later.revision > revoked.revision);
    assert!(!pods.newest().knows("key-1"));
    let since = release.server.writes().split_off(writes);
    let pointers = since.iter().filter(|it| it.name == "sb-snapshot" && it.status == 200).count();
    assert_eq!(pointers, 1, "the second's, for the other key: {since:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_while_another_came_and_went_begins_with_what_is() {
    let release = Release::install(&["tools"]).await;
    let first = release.operator("one");
    first.until_metric("leader", |leads| leads > 0);
    let mut second = release.operator("two");
    let pods = Pods::of(&release).await;
    release.apply(&[server("tools", "docs"), binding("tools", "laptop", "key-1", &["docs"])].concat());
    pods.until("the key", |it| it.knows("key-1")).await;

    first.signal(Signal::STOP);
    second.until_metric("leader", |leads| leads > 0);
    release.delete(&["mcpkeybinding", "laptop", "--namespace", "tools"]);
    let revoked = pods.until("no key", |it| !it.knows("key-1")).await;
    // The Lease is free: whoever wakes up takes it at the first try, and never hears that another one had it.
    second.signal(Signal::TERM);
    assert!(second.ended().success());
    first.signal(Signal::CONT);
    release.apply(&binding("tools", "ci", "key-2", &["docs"]));
    let later = pods.until("the other key", |it| it.knows("key-2")).await;
    assert!(!later.knows("key-1"));
    assert_eq!(later.revision, revoked.revision + 1, "nothing was written in between, the old state least of all");
}
