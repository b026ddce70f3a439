//! Servers that do what servers should not, and some that tell what they see.

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};

/// Serves as `kind`, the first argument, says.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let kind = args[0].as_str();
    match kind {
        "exits" => return ExitCode::from(3),
        "does-not-read" => {
            // server/discover, which it does not know, and initialize
            let mut lines = std::io::stdin().lines();
            refuse(&serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
            answer_line(&lines.next().unwrap().unwrap());
            loop {
                std::thread::park();
            }
        }
        "forks" => double_fork(),
        "chats" => println!("Welcome to the server!\n\n{{\"jsonrpc\":\"2.0\"}}\n[1,2"),
        _ => {}
    }
    let mut heard = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let message: Value = serde_json::from_str(&line).unwrap();
        heard.push(message.clone());
        match message["method"].as_str() {
            Some("initialize" | "server/discover") if kind == "silent" => {}
            Some("server/discover") if kind == "dies-of-questions" => return ExitCode::from(4),
            Some("server/discover") if matches!(kind, "mute" | "late-modern") => {}
            Some("initialize") if kind == "late-modern" => {
                let discover = heard.iter().find(|heard| heard["method"] == "server/discover").unwrap();
                let found = json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}});
                write(&json!({"jsonrpc": "2.0", "id": discover["id"], "result": found}));
                refuse(&message);
            }
            Some("server/discover") => refuse(&message),
            Some("initialize") if kind == "modern" => refuse(&message),
            Some("initialize") => answer_line(&line),
            Some("tools/call") => call(&message, &heard),
            _ => {}
        }
    }
    ExitCode::SUCCESS
}

/// A tool's call; the tool is what is to happen.
fn call(message: &Value, heard: &[Value]) {
    let id = &message["id"];
    match message["params"]["name"].as_str().unwrap() {
        "env" => result(id, &json!(std::env::vars().collect::<std::collections::BTreeMap<_, _>>()).to_string()),
        "heard" => result(id, &Value::from(heard).to_string()),
        "proc" => {
            let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap();
            result(id, &[read("status"), read("limits"), read("stat")].concat());
        }
        "never" => {}
        "wrong-id" => {
            result(&json!(id.as_u64().unwrap() + 1000), "foreign");
            result(&json!(id.to_string()), "a string");
            result(&Value::Null, "nobody's");
            println!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":");
            result(id, "right");
            result(id, "twice");
        }
        "long" => {
            let megabytes = message["params"]["arguments"]["megabytes"].as_u64().unwrap();
            let mut out = std::io::stdout().lock();
            write!(out, r#"{{"result":{{"text":""#).unwrap();
            for _ in 0..megabytes {
                out.write_all(&vec![b'x'; 1 << 20]).unwrap();
            }
            writeln!(out, r#""}},"jsonrpc":"2.0","id":{id}}}"#).unwrap();
        }
        "much-progress" => {
            for _ in 0..1000 {
                let params = json!({"progressToken": id, "progress": 1, "message": "x".repeat(1000)});
                write(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}));
            }
            result(id, "done");
        }
        "ask" => {
            write(&json!({"jsonrpc": "2.0", "id": "p-1", "method": "ping"}));
            write(&json!({"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": {}}));
            let params = json!({"level": "info", "data": "a log message"});
            write(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params}));
            result(id, "asked");
        }
        "change" => {
            write(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
            result(id, "changed");
        }
        _ => result(id, "called"),
    }
}

/// Leaves a process behind that no longer is a child of this one, in a session of its own, deaf to SIGTERM.
fn double_fork() {
    let script = "trap '' TERM HUP; sleep 1000; true";
    Command::new("setsid")
        .args(["--fork", "sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
}

fn answer_line(initialize: &str) {
    let id = serde_json::from_str::<Value>(initialize).unwrap()["id"].clone();
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "bad"}});
    write(&json!({"jsonrpc": "2.0", "id": id, "result": hello}));
}

fn refuse(message: &Value) {
    write(&json!({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}));
}

fn result(id: &Value, text: &str) {
    let content = json!([{"type": "text", "text": text}]);
    write(&json!({"jsonrpc": "2.0", "id": id, "result": {"content": content}}));
}

fn write(message: &Value) {
    println!("{message}");
}
