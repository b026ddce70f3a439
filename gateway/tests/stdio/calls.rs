//! Calls that work, and what a child sees.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use gateway::upstream::{Outcome, Outgoing};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::bench::{Bench, DEMO, Manifest, bad, call, call_all, read, send};

pub(crate) async fn a_call_works_and_the_child_serves_many() {
    let bench = Bench::new();
    let upstream = bench.upstream(DEMO, &[]);
    assert_eq!(upstream.state().starts, 0, "nothing starts before the first request");
    let calls = (0..20).map(|number| {
        let upstream = &upstream;
        async move { call(upstream, "add", json!({"a": number, "b": 1})).await.unwrap() }
    });
    let mut sums = Vec::new();
    for sum in futures(calls).await {
        sums.push(sum.parse::<u64>().unwrap());
    }
    assert_eq!(sums, (1..21).collect::<Vec<_>>());
    let state = upstream.state();
    assert_eq!(state.starts, 1, "no start per call");
    assert!(state.hello.unwrap().offers.tools);
}

/// R60.
pub(crate) async fn the_environment_is_what_is_declared_and_little_else() {
    let bench = Bench::new();
    let env = &[("LEVEL", "info"), ("DB", "${SCRATCH}/db"), ("TOKEN", "${X-Token}"), ("AUTH", "Bearer ${X-Token}")];
    let manifest = Manifest { env, ..bad(&["bad-server", "plain"]) };
    let upstream = bench.upstream(manifest, &[]);
    let mut seen: BTreeMap<String, String> =
        serde_json::from_str(&call(&upstream, "env", json!({})).await.unwrap()).unwrap();
    let scratch = seen.remove("TMPDIR").unwrap();
    assert!(scratch.starts_with(bench.scratch().to_str().unwrap()));
    assert!(std::path::Path::new(&scratch).is_dir());
    assert!(seen.remove("HOME").unwrap().starts_with(bench.dir.join("homes").to_str().unwrap()));
    assert_eq!(seen.remove("PATH"), std::env::var_os("PATH").map(|path| path.into_string().unwrap()));
    let db = format!("{scratch}/db");
    let rest = [("LEVEL", "info"), ("DB", &db), ("AUTH", "Bearer "), ("TZ", "Europe/Zurich")];
    assert_eq!(seen, rest.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

/// R60.
pub(crate) async fn a_child_has_its_own_group_few_files_no_core_and_no_new_privileges() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "plain"]), &[]);
    let seen = call(&upstream, "proc", json!({})).await.unwrap();
    let line = |start: &str| seen.lines().find(|line| line.starts_with(start)).unwrap().split_whitespace();
    assert_eq!(line("NoNewPrivs:").next_back(), Some("1"));
    assert!(line("Max core file size").take(6).skip(4).all(|limit| limit == "0"));
    assert!(line("Max open files").nth(3).unwrap().parse::<u32>().unwrap() <= 4096);
    let stat = seen.lines().last().unwrap();
    let group = stat[stat.rfind(')').unwrap()..].split(' ').nth(3);
    assert_eq!(group, line("Pid:").next_back());
}

/// R23.
pub(crate) async fn headers_of_two_callers_reach_two_children_and_do_not_mix() {
    let bench = Bench::new();
    let manifest = Manifest { env: &[("TOKEN", "${X-Token}")], ..bad(&["bad-server", "plain"]) };
    let (one, two) =
        (bench.upstream(manifest, &[("x-token", "first")]), bench.upstream(manifest, &[("x-token", "second")]));
    let (first, second) = tokio::join!(call(&one, "env", json!({})), call(&two, "env", json!({})));
    let (first, second): (Value, Value) =
        (serde_json::from_str(&first.unwrap()).unwrap(), serde_json::from_str(&second.unwrap()).unwrap());
    assert_eq!((&first["TOKEN"], &second["TOKEN"]), (&json!("first"), &json!("second")));
    assert_ne!(first["TMPDIR"], second["TMPDIR"]);
    assert_eq!(first["HOME"], second["HOME"], "one HOME a server, so that npx and uvx download once");
    assert_ne!(one.state().pid, two.state().pid);
}

/// The start belongs to no caller: one that gives up does not begin it anew.
pub(crate) async fn a_start_goes_on_when_the_caller_that_wanted_it_gives_up() {
    let bench = Bench::new();
    let this = std::env::current_exe().unwrap();
    let args = &["-c", r#"sleep 0.5; exec "$0" demo-server"#, this.to_str().unwrap()];
    let upstream = bench.upstream(Manifest { command: "sh", args, ..DEMO }, &[]);
    let Err(error) = send(&upstream, &json!({"name": "now"}), Duration::from_millis(50)).await else {
        panic!("answered before its start")
    };
    assert_eq!(error.outcome, Outcome::Timeout);
    assert_eq!(call(&upstream, "echo", json!({"text": "here"})).await.unwrap(), "here");
    assert_eq!(upstream.state().starts, 1);
}

pub(crate) async fn progress_goes_to_the_request_that_asked_for_it() {
    let bench = Bench::new();
    let upstream = bench.upstream(DEMO, &[]);
    let slow = |steps: u64| call_all(&upstream, "slow", json!({"seconds": 0.3, "steps": steps}));
    let (three, five) = tokio::join!(slow(3), slow(5));
    for (messages, steps) in [(three.unwrap(), 3), (five.unwrap(), 5)] {
        assert_eq!(messages.len(), steps + 1, "{messages:?}");
        assert!(messages[..steps].iter().all(|message| message["params"]["total"] == steps), "{messages:?}");
    }
}

/// R10: nobody's client is asked over a pooled session.
pub(crate) async fn requests_of_the_server_are_answered_here() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "plain"]), &[]);
    assert_eq!(call_all(&upstream, "ask", json!({})).await.unwrap().len(), 1, "only the response reaches the caller");
    let heard: Vec<Value> = serde_json::from_str(&call(&upstream, "heard", json!({})).await.unwrap()).unwrap();
    assert!(heard.contains(&json!({"jsonrpc": "2.0", "id": "p-1", "result": {}})), "{heard:?}");
    assert!(heard.iter().any(|answer| answer["id"] == 7 && answer["error"]["code"] == -32601), "{heard:?}");
}

pub(crate) async fn one_clients_child_is_heard_and_answered() {
    let bench = Bench::new();
    let (upstream, mut heard) = bench.upstream_of_client(bad(&["bad-server", "plain"]));
    call(&upstream, "ask", json!({})).await.unwrap();
    call(&upstream, "change", json!({})).await.unwrap();
    for method in ["sampling/createMessage", "notifications/message", "notifications/tools/list_changed"] {
        let next: Value = serde_json::from_slice(&heard.try_recv().unwrap()).unwrap();
        assert_eq!(next["method"], method);
    }
    assert!(heard.try_recv().is_err(), "a ping is answered here");
    let answer = json!({"jsonrpc": "2.0", "id": 7, "result": {"role": "assistant"}});
    upstream.answer(Bytes::from(answer.to_string())).await;
    let heard: Vec<Value> = serde_json::from_str(&call(&upstream, "heard", json!({})).await.unwrap()).unwrap();
    let begun: Vec<_> = heard.iter().filter(|message| message["method"] == "initialize").collect();
    assert_eq!(begun.len(), 1, "{heard:?}");
    assert_eq!(begun[0]["params"]["capabilities"], json!({"sampling": {}}));
    assert!(heard.contains(&json!({"jsonrpc": "2.0", "id": "p-1", "result": {}})), "{heard:?}");
    let answers: Vec<_> = heard.iter().filter(|message| message["id"] == 7 && message["method"].is_null()).collect();
    assert_eq!(answers, [&answer]);
}

pub(crate) async fn a_changed_list_is_seen() {
    let bench = Bench::new();
    let upstream = bench.upstream(bad(&["bad-server", "plain"]), &[]);
    let mut changed = upstream.list_again().subscribe();
    call(&upstream, "echo", json!({})).await.unwrap();
    assert!(!changed.has_changed().unwrap());
    call(&upstream, "change", json!({})).await.unwrap();
    changed.changed().await.unwrap();
}

pub(crate) async fn a_message_with_newlines_arrives_as_one() {
    let bench = Bench::new();
    let upstream = bench.upstream(DEMO, &[]);
    let render = |id: u64, _| {
        Bytes::from(format!(
            "{{\"jsonrpc\":\"2.0\",\n\"id\":{id},\r\n\"method\":\"tools/call\",\"params\":{{\"name\":\"echo\",\n\"arguments\":{{\"text\":\"a\\nb\"}}}}}}\n"
        ))
    };
    let deadline = Instant::now() + Duration::from_secs(20);
    let reply =
        upstream.send(&Outgoing { method: "tools/call", render: &render, mirror: &|_| {}, deadline }).await.unwrap();
    assert_eq!(read(reply).await.unwrap()[0]["result"]["content"][0]["text"], "a\nb");
}

/// The results of all, which run at once.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut ready = true;
        for (future, result) in &mut pending {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *result = Some(value),
                    std::task::Poll::Pending => ready = false,
                }
            }
        }
        if ready { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    pending.into_iter().map(|(_, result)| result.unwrap()).collect()
}
