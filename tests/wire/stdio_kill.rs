//! A child that is killed under load (R80): the calls in flight fail with a
//! clear error, the next works, with a new pid and no zombie.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tests::load::{Load, Plan};
use tests::upstream::{Does, Script, Tool};
use tests::usage::{descendants, lives};
use tests::wait::{until, until_async};

use super::scene::{KEY, Scene, Transport};

/// How long the gateway may take to notice that a pipe closed; calls sent into it until then went to the dead child.
const UNNOTICED: Duration = Duration::from_millis(100);

fn script() -> Script {
    Script::with([Tool::new("slow", Does::Slow(50)), Tool::new("pid", Does::Pid), Tool::new("die", Does::Exit)])
}

#[tokio::test(flavor = "multi_thread")]
async fn r80_kill_9_under_load_fails_the_calls_in_flight_only() {
    let scene = Scene::over(Transport::Stdio, script(), &json!({}));
    let mut client = scene.session().await;
    let load = Load::start(Plan::call(&scene.switchboard.mcp, KEY, "up-slow"));
    until("load under way", Duration::from_secs(10), || (load.so_far().sent() > 200).then_some(()));
    let pid: u32 = client.call("up-pid", "{}").await.text().parse().unwrap();

    let killed = load.elapsed();
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
    let fresh: u32 = until_async("a call that works", Duration::from_secs(5), async || {
        let answer = client.call("up-pid", "{}").await;
        (!answer.is_tool_error()).then(|| answer.text().parse().unwrap())
    })
    .await;
    assert_ne!(fresh, pid, "another process answers");
    assert!(!lives(pid));
    let enough = load.so_far().sent() + 300;
    until("more load", Duration::from_secs(10), || (load.so_far().sent() > enough).then_some(()));
    let report = load.stop();

    for sample in report.failures() {
        let failure = sample.failure.as_deref().unwrap();
        assert!(sample.due < killed + UNNOTICED, "due {:?}, killed {killed:?}: {failure}", sample.due);
        assert!(sample.due + sample.latency > killed, "it ended before the kill: {failure}");
        assert!(failure.contains("up") && failure.contains("unreachable"), "it says who and what: {failure}");
    }
    assert!(!report.failures().is_empty(), "some calls were in flight");
    let family = || descendants(scene.switchboard.pid());
    until("no zombie", Duration::from_secs(5), || family().iter().all(|child| child.state != 'Z').then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_exits_by_itself_is_started_again_for_the_next_call() {
    let scene = Scene::over(Transport::Stdio, script(), &json!({}));
    let mut client = scene.session().await;
    let first = client.call("up-pid", "{}").await.text();
    let death = client.call("up-die", "{}").await;
    assert!(death.is_tool_error());
    assert_eq!(death.json()["result"]["_meta"]["switchboard.dev/outcome"], "unreachable");
    let second = client.call("up-pid", "{}").await.text();
    assert_ne!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn r60_no_child_outlives_switchboard_even_if_that_is_killed() {
    let scene = Scene::over(Transport::Stdio, script(), &json!({}));
    let mut client = scene.session().await;
    assert!(!client.call("up-pid", "{}").await.is_tool_error());
    let family = descendants(scene.switchboard.pid());
    assert!(!family.is_empty());
    let pid = i32::try_from(scene.switchboard.pid()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    until("the children end", Duration::from_secs(5), || family.iter().all(|child| !lives(child.pid)).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn r60_a_child_has_the_declared_environment_and_nothing_else_of_ours() {
    let environment = json!([{"name": "DECLARED", "value": "yes"}, {"name": "WHERE", "value": "${SCRATCH}"}]);
    let script = Script::with([Tool::new("environment", Does::Environment)]);
    let mut stdio = tests::upstream::stdio::manifest(&script);
    stdio["env"] = environment;
    let manifests = tests::manifests::Manifests::default();
    manifests.server("up", &json!({"stdio": stdio, "sessionMode": "Shared"})).key("scene", KEY, &["up"]);
    let options = tests::process::Options {
        environment: vec![("OURS_ALONE".to_owned(), "secret".to_owned())],
        ..tests::process::Options::default()
    };
    let switchboard = tests::process::Switchboard::start_ready(manifests.path(), &options);
    let mut client = tests::client::Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    let text = client.call("up-environment", "{}").await.text();
    let all: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(all["DECLARED"], "yes");
    assert!(std::path::Path::new(all["WHERE"].as_str().unwrap()).is_dir(), "{}", all["WHERE"]);
    assert!(all["HOME"] != std::env::var_os("HOME").unwrap_or_default().to_string_lossy().as_ref());
    assert!(all.contains_key("PATH") && all.contains_key("TMPDIR"));
    assert!(
        !all.contains_key("OURS_ALONE") && !all.keys().any(|name| name.starts_with("XDG_STATE")),
        "{:?}",
        all.keys()
    );
}
