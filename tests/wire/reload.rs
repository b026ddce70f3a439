//! An edited manifest is in force in under a second and costs no call; garbage
//! leaves the last good state in force and is reported by file and line.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::Client;
use tests::figures::Figures;
use tests::load::{Load, Plan};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::{until, until_async};

use super::scene::KEY;

/// Edits that are measured.
const EDITS: usize = 12;

/// An edit is in force within this.
const IN_FORCE: Duration = Duration::from_secs(1);

struct Two {
    manifests: Manifests,
    switchboard: Switchboard,
    client: Client,
    _upstreams: [Upstream; 2],
}

/// Two servers; the key has `first` alone.
async fn two() -> Two {
    let upstreams = [Upstream::start(Script::echo()), Upstream::start(Script::echo())];
    let manifests = Manifests::default();
    manifests.http("first", &upstreams[0].url()).http("second", &upstreams[1].url()).key("caller", KEY, &["first"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    assert_eq!(client.tools().await, ["first-echo"]);
    Two { manifests, switchboard, client, _upstreams: upstreams }
}

impl Two {
    /// Waits for a list of so many tools; gives how long that took.
    async fn sees(&mut self, tools: usize, since: Instant) -> Duration {
        let client = &mut self.client;
        until_async("an edit in force", Duration::from_secs(10), async || {
            (client.tools().await.len() == tools).then_some(())
        })
        .await;
        since.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r80_an_edit_under_load_is_in_force_within_a_second_and_fails_no_call() {
    let mut two = two().await;
    let load = Load::start(Plan::call(&two.switchboard.mcp, KEY, "first-echo"));
    until("load under way", Duration::from_secs(10), || (load.so_far().sent() > 100).then_some(()));
    let mut milliseconds = Vec::new();
    for edit in 0..EDITS {
        let servers: &[&str] = if edit % 2 == 0 { &["first", "second"] } else { &["first"] };
        let started = Instant::now();
        two.manifests.key("caller", KEY, servers);
        let took = two.sees(servers.len(), started).await;
        assert!(took < IN_FORCE, "edit {edit} took {took:?}");
        milliseconds.push(took.as_secs_f64() * 1e3);
    }
    let report = load.stop();
    let failures = report.failures();
    let figures = Figures::of("wire");
    figures.write_median("reload_ms", &milliseconds);
    let count = |number: usize| f64::from(u32::try_from(number).unwrap());
    figures.write("reload_calls_sent", count(report.sent()), &[count(report.sent())]);
    figures.write("reload_failed_calls", count(failures.len()), &[count(failures.len())]);
    assert!(failures.is_empty(), "{} of {}: {:?}", failures.len(), report.sent(), failures.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_leaves_the_last_good_state_and_names_file_and_line() {
    let mut two = two().await;
    two.manifests.write("McpKeyBinding-caller.yaml", "kind: McpKeyBinding\nspec:\n  - {unclosed\n");
    let refused = two.switchboard.event("refused", Duration::from_secs(5), |_| true);
    assert!(refused["file"].as_str().unwrap().ends_with("McpKeyBinding-caller.yaml"), "{refused}");
    assert!(matches!(refused["line"].as_u64(), Some(3 | 4)), "{refused}");
    assert!(refused["message"].as_str().is_some_and(|message| !message.is_empty()), "{refused}");
    assert_eq!(two.client.tools().await, ["first-echo"], "the last good state serves");
    assert!(!two.client.call("first-echo", "{}").await.is_tool_error());
    let started = Instant::now();
    two.manifests.key("caller", KEY, &["first", "second"]);
    two.sees(2, started).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_file_of_garbage_other_files_edits_and_revocations_apply() {
    let mut two = two().await;
    two.manifests.write("McpServer-second.yaml", "]]]");
    two.switchboard.event("refused", Duration::from_secs(5), |_| true);
    let started = Instant::now();
    two.manifests.key("caller", KEY, &["first", "second"]);
    two.sees(2, started).await;
    two.manifests.remove("McpKeyBinding-caller.yaml");
    let client = &mut two.client;
    until_async("the revocation", IN_FORCE, async || {
        (client.request("ping", "{}").await.status == http::StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_in_place_fails_no_call_between_its_halves() {
    let mut two = two().await;
    let file = two.manifests.path().join("McpKeyBinding-caller.yaml");
    let edited = Manifests::default();
    edited.key("caller", KEY, &["first", "second"]);
    let text = std::fs::read(edited.path().join("McpKeyBinding-caller.yaml")).unwrap();
    let load = Load::start(Plan::call(&two.switchboard.mcp, KEY, "first-echo"));
    for times in 1..=20 {
        // A shell does so for a program whose output it saves: the file is empty for as long as that runs.
        std::fs::write(&file, "").unwrap();
        let so_far = load.so_far().sent();
        until("calls between the halves", Duration::from_secs(10), || {
            (load.so_far().sent() > so_far + if times == 1 { 150 } else { 5 }).then_some(())
        });
        let started = Instant::now();
        std::fs::write(&file, &text).unwrap();
        two.sees(2, started).await;
    }
    let report = load.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures().first());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_costs_its_object_alone_and_is_reported_by_line() {
    let mut two = two().await;
    let digest = tests::manifests::sha256("sb-other");
    let text = format!(
        "apiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata:\n  name: other\nspec:\n  subject: {{type: Key, keys: [{{name: a, sha256: {digest}}}]}}\n  grnts: {{}}\n"
    );
    two.manifests.write("other.yaml", &text);
    let found = two.switchboard.event("finding", Duration::from_secs(5), |event| {
        event["file"].as_str().is_some_and(|file| file.ends_with("other.yaml"))
    });
    assert_eq!(found["line"], json!(7), "{found}");
    assert!(found["message"].as_str().unwrap().contains("grnts"), "{found}");
    assert_eq!(two.client.tools().await, ["first-echo"]);
}

#[test]
fn at_start_a_file_that_is_no_yaml_ends_the_program_and_names_file_and_line() {
    let manifests = Manifests::default();
    manifests.write("broken.yaml", "a: b\nc: [1\n");
    let directory = manifests.path().to_str().unwrap();
    let (code, stdout, stderr) =
        tests::process::run(&["run", directory, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!([stdout, stderr].concat().contains("broken.yaml:"), "file and line");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_rename_errors_of_the_session_that_goes_on_bear_the_new_alias() {
    let tools = [
        Tool::new("echo", Does::Echo),
        Tool::new("refuses", Does::Status(500)),
        Tool::new("lies", Does::WrongId),
        Tool::new("stops", Does::EndlessEvent),
    ];
    let upstream = Upstream::start(Script::with(tools));
    let manifests = Manifests::default();
    let spec = |alias: &str| {
        json!({
            "alias": alias,
            "http": {"url": upstream.url(), "transport": "StreamableHTTP"},
            "sessionMode": "Shared",
            "timeouts": {"callSeconds": 1},
        })
    };
    manifests.server("up", &spec("before")).key("caller", KEY, &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    assert!(client.call("before-refuses", "{}").await.text().contains("server 'before' "));
    manifests.server("up", &spec("after"));
    until_async("the new name", Duration::from_secs(5), async || {
        client.tools().await.contains(&"after-echo".to_owned()).then_some(())
    })
    .await;
    for tool in ["after-refuses", "after-lies", "after-stops"] {
        let answer = client.call(tool, "{}").await;
        assert!(answer.text().contains("server 'after' "), "{tool}: {}", answer.text());
    }
    assert_eq!(upstream.posts("initialize"), 1, "the session goes on");
}
