use super::*;

/// What the server writes for these lines, in the order of writing.
fn serve(lines: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    serve_text(&(lines.join("\n") + "\n"))
}

fn serve_text(input: &str) -> Vec<Value> {
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);
    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let written = Written::default();
    run(input.as_bytes(), written.clone()).unwrap();
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn call(name: &str, arguments: &Value) -> Value {
    let params = json!({"name": name, "arguments": arguments});
    serve(&[json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})]).remove(0)
}

fn said(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap()
}

#[test]
fn answers_initialize_in_the_revision_asked_for_or_the_newest() {
    let ask = |version: &str| {
        let params = json!({"protocolVersion": version, "capabilities": {}});
        serve(&[json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params})]).remove(0)
    };
    assert_eq!(ask("2025-03-26")["result"]["protocolVersion"], "2025-03-26");
    assert_eq!(ask("2026-07-28")["result"]["protocolVersion"], NEWEST);
    assert_eq!(ask("2025-03-26")["id"], "a");
}

#[test]
fn every_listed_tool_can_be_called() {
    let listed = serve(&[json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})]).remove(0);
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["echo", "add", "now", "fail", "slow"]);
    for name in names {
        let answer = call(name, &json!({"text": "x", "a": 1, "b": 2, "seconds": 0}));
        assert!(answer["result"]["content"][0]["text"].is_string(), "{answer}");
        assert_eq!(answer["result"]["isError"], name == "fail");
    }
}

#[test]
fn tools_do_what_they_say() {
    assert_eq!(said(&call("echo", &json!({"text": "a\nb \u{1F980}"}))), "a\nb \u{1F980}");
    assert_eq!(said(&call("add", &json!({"a": 9_007_199_254_740_993_i64, "b": 1}))), "9007199254740994");
    assert_eq!(said(&call("add", &json!({"a": 0.5, "b": 1}))), "1.5");
    let now = call("now", &json!({}));
    let now: jiff::Timestamp = said(&now).parse().unwrap();
    assert!(now.duration_until(jiff::Timestamp::now()).abs() < jiff::SignedDuration::from_secs(60));
}

#[test]
fn bad_arguments_and_unknown_names_are_errors() {
    for (name, arguments) in [
        ("nothing", json!({})),
        ("echo", json!({"text": 1})),
        ("add", json!({"a": 1})),
        ("slow", json!({"seconds": 31})),
        ("slow", json!({"seconds": 0, "steps": 0})),
    ] {
        assert_eq!(call(name, &arguments)["error"]["code"], -32602, "{name} {arguments}");
    }
    assert_eq!(serve(&[json!({"jsonrpc": "2.0", "id": 1, "method": "nope"})])[0]["error"]["code"], -32601);
    assert_eq!(serve_text("{\n")[0]["error"]["code"], -32700);
}

#[test]
fn a_slow_call_reports_each_step_and_holds_up_nothing() {
    let slow = json!({"name": "slow", "arguments": {"seconds": 0.2, "steps": 4}, "_meta": {"progressToken": 7}});
    let answers = serve(&[
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": slow}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}),
    ]);
    let progress: Vec<_> = answers.iter().filter(|message| message["method"] == "notifications/progress").collect();
    assert_eq!(progress.len(), 4);
    assert!(progress.iter().all(|message| message["params"]["progressToken"] == 7));
    assert_eq!(progress[3]["params"]["progress"], progress[3]["params"]["total"]);
    assert_eq!(answers.first().unwrap()["id"], 2, "ping waited for the slow call");
    assert_eq!(answers.last().unwrap()["id"], 1);
}

#[test]
fn notifications_are_not_answered() {
    assert!(serve(&[json!({"jsonrpc": "2.0", "method": "notifications/initialized"})]).is_empty());
}
