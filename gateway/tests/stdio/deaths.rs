//! How children end, and that nothing of them stays.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gateway::upstream::stdio::StdioUpstream;
use gateway::upstream::{Outcome, UpstreamError};
use serde_json::json;
use tokio::time::Instant;

use crate::bench::{Bench, DEMO, Manifest, bad, call, eventually, read, send};
use crate::processes::{self, exists, kill};

const CALLS: usize = 10;

pub(crate) async fn a_killed_server_fails_the_calls_in_flight_and_the_next_works() {
    let bench = Bench::new();
    let upstream = Arc::new(bench.upstream(DEMO, &[]));
    let (supervisor, server) = started(&upstream).await;
    let calls = slow_calls(&upstream).await;
    kill(server);
    for error in failures(calls).await {
        assert_eq!(error.to_string(), "unreachable: the server's process ended (signal 9)");
    }
    let begun = Instant::now();
    assert_eq!(call(&upstream, "echo", json!({"text": "back"})).await.unwrap(), "back");
    assert!(begun.elapsed() < Duration::from_secs(1), "the first restart is at once");
    let state = upstream.state();
    assert_eq!((state.starts, state.crash_looping), (2, false));
    assert_ne!(state.pid, u32::try_from(supervisor).ok());
    assert_eq!(state.last_failure.as_deref(), Some("the server's process ended (signal 9)"));
    eventually("neither process is left, not as a zombie either", || !exists(supervisor) && !exists(server)).await;
    eventually("one scratch directory", || bench.scratches() == 1).await;
}

pub(crate) async fn a_killed_supervisor_leaves_nothing_behind() {
    let bench = Bench::new();
    let upstream = Arc::new(bench.upstream(bad(&["bad-server", "forks"]), &[]));
    let (supervisor, _) = started(&upstream).await;
    let before = whole_tree(&bench).await;
    let calls = in_flight(&upstream, "never").await;
    kill(supervisor);
    for error in failures(calls).await {
        assert_eq!(error.to_string(), "unreachable: the server's process ended (signal 9)");
    }
    assert_eq!(call(&upstream, "any", json!({})).await.unwrap(), "called");
    eventually("nothing of the first tree is left", || {
        let now = processes::under(&bench.scratch());
        before.iter().all(|pid| !now.contains(pid))
    })
    .await;
    eventually("the supervisor is no zombie", || !exists(supervisor)).await;
    eventually("one scratch directory", || bench.scratches() == 1).await;
}

pub(crate) async fn a_killed_gateway_leaves_nothing_behind() {
    let bench = Bench::new();
    let mut gateway = Command::new(std::env::current_exe().unwrap());
    let mut gateway = Gateway(gateway.arg("gateway").arg(&bench.dir).stdout(Stdio::piped()).spawn().unwrap());
    let mut said = String::new();
    BufReader::new(gateway.0.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "serving\n");
    whole_tree(&bench).await;
    drop(gateway);
    eventually("nothing of the tree is left", || processes::under(&bench.scratch()).is_empty()).await;
    eventually("no scratch directory is left", || bench.scratches() == 0).await;
}

/// The gateway of the case above, in a process of its own.
pub(crate) async fn gateway_to_be_killed(dir: PathBuf) -> ExitCode {
    let bench = Bench { dir, idle: None };
    let upstream = bench.upstream(bad(&["bad-server", "forks"]), &[]);
    call(&upstream, "any", json!({})).await.unwrap();
    println!("serving");
    std::future::pending().await
}

pub(crate) async fn stop_ends_the_whole_tree_and_removes_the_scratch_directory() {
    let bench = Bench::new();
    let upstream = Arc::new(bench.upstream(bad(&["bad-server", "forks"]), &[]));
    started(&upstream).await;
    whole_tree(&bench).await;
    let calls = in_flight(&upstream, "never").await;
    let begun = Instant::now();
    let stopping = tokio::spawn({
        let upstream = upstream.clone();
        async move { upstream.stop().await }
    });
    for error in failures(calls).await {
        assert_eq!(error.to_string(), "unreachable: the server's process was stopped");
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "what a change takes away ends within a second");
    stopping.await.unwrap();
    assert_eq!(processes::under(&bench.scratch()), Vec::<i32>::new());
    assert_eq!(bench.scratches(), 0);
    assert!(bench.dir.join("homes").read_dir().unwrap().count() == 1, "the HOME stays");
    assert_eq!(call(&upstream, "any", json!({})).await.unwrap_err().outcome, Outcome::Unreachable);
    assert_eq!(upstream.state().starts, 1);
}

pub(crate) async fn a_child_that_is_starting_when_it_is_stopped_leaves_nothing_behind() {
    let bench = Bench::new();
    // It never answers initialize.
    let upstream = Arc::new(bench.upstream(Manifest { command: "sleep", args: &["1000"], ..DEMO }, &[]));
    let waiting = tokio::spawn({
        let upstream = upstream.clone();
        async move { call(&upstream, "any", json!({})).await }
    });
    eventually("it is starting", || upstream.state().pid.is_some()).await;
    upstream.stop().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "unreachable: the server's process was stopped");
    assert_eq!(processes::under(&bench.scratch()), Vec::<i32>::new());
    assert_eq!(bench.scratches(), 0);
    assert_eq!(call(&upstream, "any", json!({})).await.unwrap_err().outcome, Outcome::Unreachable);
    assert_eq!(upstream.state().starts, 1);
}

pub(crate) async fn an_idle_child_stops_and_comes_back() {
    let mut bench = Bench::new();
    bench.idle = Some(Duration::from_millis(300));
    let upstream = bench.upstream(DEMO, &[]);
    let slow = json!({"name": "slow", "arguments": {"seconds": 1, "steps": 1}});
    let reply = send(&upstream, &slow, Duration::from_secs(20)).await.unwrap();
    read(reply).await.unwrap();
    assert_eq!(upstream.state().starts, 1, "a child with a call under way is not idle");
    eventually("the idle child stops", || upstream.state().pid.is_none()).await;
    eventually("nothing of it is left", || processes::under(&bench.scratch()).is_empty()).await;
    assert_eq!(call(&upstream, "echo", json!({"text": "back"})).await.unwrap(), "back");
    let state = upstream.state();
    assert_eq!((state.starts, state.last_failure), (2, None));
}

pub(crate) async fn a_dropped_upstream_ends_after_its_last_reply() {
    let bench = Bench::new();
    let upstream = bench.upstream(DEMO, &[]);
    let slow = json!({"name": "slow", "arguments": {"seconds": 0.5, "steps": 1}});
    let reply = send(&upstream, &slow, Duration::from_secs(20)).await.unwrap();
    drop(upstream);
    assert_eq!(read(reply).await.unwrap().last().unwrap()["result"]["isError"], false);
    eventually("nothing of it is left", || processes::under(&bench.scratch()).is_empty()).await;
}

pub(crate) async fn a_server_that_exits_at_start_is_started_again_ever_later() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "exits"]), &[]);
    let begun = Instant::now();
    for _ in 0..2 {
        let error = call(&upstream, "any", json!({})).await.unwrap_err();
        assert_eq!(error.to_string(), "unreachable: the server's process ended (exit code 3)");
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "the first restart is at once");
    assert!(!upstream.state().crash_looping);
    // the next is a second later: too late for this one, in time for that one
    let params = json!({"name": "any"});
    let Err(error) = send(&upstream, &params, Duration::from_millis(100)).await else { panic!("answered") };
    assert_eq!(error.to_string(), "unreachable: the server's process ended (exit code 3); it is started again in 1 s");
    assert_eq!(upstream.state().starts, 2);
    call(&upstream, "any", json!({})).await.unwrap_err();
    assert!(begun.elapsed() >= Duration::from_secs(1), "the second restart waits");
    let state = upstream.state();
    assert_eq!((state.starts, state.crash_looping), (3, true));
}

/// A gateway that is killed when dropped, so that a failed case leaves none behind.
struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the supervisor, the server that forks, its orphan and that one's child.
async fn whole_tree(bench: &Bench) -> Vec<i32> {
    eventually("the tree is complete", || processes::under(&bench.scratch()).len() == 4).await;
    processes::under(&bench.scratch())
}

/// Makes a first call; the process ids of the supervisor and of the server.
async fn started(upstream: &StdioUpstream) -> (i32, i32) {
    call(upstream, "echo", json!({"text": ""})).await.unwrap();
    let supervisor = upstream.state().pid.unwrap();
    let children = processes::children_of(supervisor);
    (i32::try_from(supervisor).unwrap(), *children.first().unwrap())
}

/// R60: a server that heeds neither the end of its input nor SIGTERM.
pub(crate) async fn a_deaf_server_is_killed() {
    let bench = Bench::new();
    let this = std::env::current_exe().unwrap();
    let script = r#"trap '' TERM; "$0" bad-server plain; sleep 1000; true"#;
    let upstream =
        bench.upstream(Manifest { command: "sh", args: &["-c", script, this.to_str().unwrap()], ..DEMO }, &[]);
    call(&upstream, "any", json!({})).await.unwrap();
    let begun = Instant::now();
    upstream.stop().await;
    assert_eq!(processes::under(&bench.scratch()), Vec::<i32>::new());
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(4), "it had no time to end by itself: {took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

type Call = tokio::task::JoinHandle<Result<Vec<serde_json::Value>, UpstreamError>>;

async fn slow_calls(upstream: &Arc<StdioUpstream>) -> Vec<Call> {
    in_flight(upstream, "slow").await
}

/// Calls that were written and not answered.
async fn in_flight(upstream: &StdioUpstream, tool: &str) -> Vec<Call> {
    let params = json!({"name": tool, "arguments": {"seconds": 30, "steps": 1}});
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let reply = send(upstream, &params, Duration::from_secs(20)).await.unwrap();
        calls.push(tokio::spawn(read(reply)));
    }
    calls
}

async fn failures(calls: Vec<Call>) -> Vec<UpstreamError> {
    let mut failures = Vec::new();
    for call in calls {
        failures.push(call.await.unwrap().unwrap_err());
    }
    failures
}
