//! Upstreams that misbehave: the caller has a clear error that names the
//! server and the outcome, nothing of the upstream's own text, and nothing else is disturbed.

use serde_json::json;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{BODY_OF_ERRORS, Does, Form, Script, Tool, Upstream};
use tests::usage::rss_bytes;

use super::scene::{KEY, Scene, TRANSPORTS, Transport};

/// What Switchboard may hold in the face of results of 1 GB: a few times `maxResponseBytes`.
const MEMORY: u64 = 160 << 20;

/// Two seconds for a call: servers that never answer are waited for so long.
fn impatient() -> serde_json::Value {
    json!({"timeouts": {"callSeconds": 2}})
}

/// Tools that fail, and the outcomes that may be said of them over HTTP.
fn failing(elsewhere: &str) -> Vec<(Tool, &'static [&'static str])> {
    vec![
        (Tool::new("html", Does::Html), &["upstream_error"]),
        (Tool::new("half", Does::Half), &["unreachable", "upstream_error"]),
        (Tool::new("wrong_id", Does::WrongId), &["upstream_error"]),
        (Tool::new("redirect", Does::Redirect(elsewhere.to_owned())), &["upstream_error"]),
        (Tool::new("denied", Does::Status(401)), &["auth_required"]),
        (Tool::new("forbidden", Does::Status(403)), &["forbidden"]),
        (Tool::new("limited", Does::Status(429)), &["rate_limited"]),
        (Tool::new("broken", Does::Status(500)), &["upstream_error"]),
        (Tool::new("gone", Does::Exit), &["unreachable", "upstream_error"]),
        (Tool::new("hang", Does::Hang), &["timeout"]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn r21_a_failing_call_names_server_and_outcome_and_shows_nothing_else() {
    let elsewhere = Upstream::start(Script::echo());
    for form in [Form::Json, Form::EventStream] {
        let cases = failing(&elsewhere.url());
        let tools = cases.iter().map(|(tool, _)| tool.clone()).chain([Tool::new("echo", Does::Echo)]);
        let scene = Scene::with(Script { form, ..Script::with(tools) }, &impatient());
        let mut client = scene.session().await;
        for (tool, outcomes) in &cases {
            let answer = client.call(&format!("up-{}", tool.name), "{}").await;
            let result = &answer.json()["result"];
            let outcome = result["_meta"]["switchboard.dev/outcome"].as_str().unwrap_or_default();
            assert!(answer.status == 200 && result["isError"] == true, "{}: {answer:?}", tool.name);
            assert!(outcomes.contains(&outcome), "{} is {outcome:?}: {answer:?}", tool.name);
            assert!(answer.text().contains("up") && answer.text().contains(outcome), "{}", answer.text());
            let all = format!("{answer:?}");
            assert!(!all.contains(BODY_OF_ERRORS) && !all.contains("It works!") && !all.contains("inner=1"), "{all}");
            assert!(!client.call("up-echo", "{}").await.is_tool_error(), "the next call, after {}", tool.name);
        }
    }
    assert_eq!(elsewhere.received().len(), 0, "no redirect is followed (R20)");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_sse_and_stdio_a_failing_call_fails_alone() {
    for transport in [Transport::Sse, Transport::Stdio] {
        let names = ["html", "half", "wrong_id", "gone", "hang"];
        let cases = failing("http://127.0.0.1:1/").into_iter().filter(|(tool, _)| names.contains(&tool.name.as_str()));
        let tools: Vec<Tool> = cases.map(|(tool, _)| tool).chain([Tool::new("echo", Does::Echo)]).collect();
        let scene = Scene::over(transport, Script::with(tools), &impatient());
        let mut client = scene.session().await;
        for name in names {
            let answer = client.call(&format!("up-{name}"), "{}").await;
            assert!(answer.status == 200 && answer.is_tool_error(), "{transport:?} {name}: {answer:?}");
            let outcome = answer.json()["result"]["_meta"]["switchboard.dev/outcome"].take();
            assert!(outcome.is_string() && answer.text().contains("up"), "{transport:?} {name}: {answer:?}");
            let next = client.call("up-echo", "{}").await;
            assert!(!next.is_tool_error(), "{transport:?}, after {name}: {next:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_1_gb_and_an_endless_event_are_bounded_on_every_transport() {
    for transport in TRANSPORTS {
        for form in [Form::Json, Form::EventStream] {
            let tools = [
                Tool::new("huge", Does::Huge(1 << 30)),
                Tool::new("endless", Does::EndlessEvent),
                Tool::new("echo", Does::Echo),
            ];
            let scene = Scene::over(
                transport,
                Script { form, ..Script::with(tools) },
                &json!({"timeouts": {"callSeconds": 20}}),
            );
            for tool in ["up-huge", "up-endless"] {
                // After 64 KiB went out a reply that turns wrong is aborted; before, it is an error of the tool.
                match scene.session().await.try_call(tool, "{}").await {
                    Ok(answer) => {
                        assert!(answer.is_tool_error(), "{transport:?} {form:?} {tool}: {} bytes", answer.body.len());
                    }
                    Err(cut) => assert!(cut.starts_with("a cut answer"), "{transport:?} {form:?} {tool}: {cut}"),
                }
                let next = scene.session().await.call("up-echo", "{}").await;
                assert!(!next.is_tool_error(), "{transport:?} {form:?}, after {tool}: {next:?}");
                let memory = rss_bytes(scene.switchboard.pid());
                assert!(memory < MEMORY, "{transport:?} {form:?} {tool}: {memory} bytes");
            }
            if transport != Transport::Http {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_within_the_bound_passes_whole() {
    for transport in TRANSPORTS {
        let script = Script::with([Tool::new("large", Does::Huge(8 << 20))]);
        let scene = Scene::over(transport, script, &json!({}));
        let text = scene.session().await.call("up-large", "{}").await.text();
        assert_eq!(text.len(), 8 << 20, "{transport:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_upstream_itself_passes_with_code_and_data() {
    for transport in TRANSPORTS {
        let error = r#"{"code":-32011,"message":"not today","data":{"until":9007199254740993}}"#;
        let scene = Scene::over(transport, Script::with([Tool::new("no", Does::Error(error.to_owned()))]), &json!({}));
        let answer = scene.session().await.call("up-no", "{}").await;
        let text = String::from_utf8(answer.message().to_vec()).unwrap();
        assert!(text.contains(error), "{transport:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_discovery_leaves_the_others_lists_whole() {
    let plain = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    manifests.http("plain", &plain.url());
    let behaviours = [
        ("html", Does::Html),
        ("half", Does::Half),
        ("wrong", Does::WrongId),
        ("denied", Does::Status(401)),
        ("broken", Does::Status(500)),
        ("endless", Does::EndlessEvent),
        ("huge", Does::Huge(1 << 30)),
    ];
    let mut names = vec!["plain".to_owned()];
    let mut kept = Vec::new();
    for (name, does) in behaviours {
        for list in [false, true] {
            let does = Some(does.clone());
            let script = if list {
                Script { at_list: does, ..Script::echo() }
            } else {
                Script { at_initialize: does, ..Script::echo() }
            };
            let upstream = Upstream::start(script);
            let name = format!("{name}{}", u8::from(list));
            manifests.http(&name, &upstream.url());
            names.push(name);
            kept.push(upstream);
        }
    }
    manifests.key("all", KEY, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = tests::client::Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    assert_eq!(client.tools().await, ["plain-echo"]);
    assert!(!client.call("plain-echo", "{}").await.is_tool_error());
    let memory = rss_bytes(switchboard.pid());
    assert!(memory < MEMORY, "{memory} bytes");
}
