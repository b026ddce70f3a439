//! `demo-server`: a small MCP server over stdin and stdout, so that the
//! quickstart needs nothing else installed.
//!
//! It speaks the legacy protocol up to 2025-11-25. Each call runs in a thread
//! of its own, so a slow one holds up no other.

use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::upstream::handshake::{NEWEST, SPOKEN};

mod tools;

/// Where all threads write; a message is a line.
#[derive(Clone)]
struct Output(Arc<Mutex<dyn Write + Send>>);

/// Serves until `input` ends. Calls under way then still answer.
pub fn run(input: impl BufRead, output: impl Write + Send + 'static) -> io::Result<()> {
    let output = Output(Arc::new(Mutex::new(output)));
    let mut calls = Vec::new();
    for line in input.lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else {
            output.send(&error(&Value::Null, -32700, "this line is not JSON"))?;
            continue;
        };
        // notifications and responses ask for nothing
        let (Some(id), Some(method)) = (message.get("id"), message.get("method").and_then(Value::as_str)) else {
            continue;
        };
        if method == "tools/call" {
            calls.retain(|call: &thread::JoinHandle<()>| !call.is_finished());
            calls.push(call_in_thread(message, output.clone())?);
        } else {
            output.send(&answer(id, method, &message["params"]))?;
        }
    }
    for call in calls {
        call.join().map_err(|_| io::Error::other("a call's thread panicked"))?;
    }
    Ok(())
}

fn call_in_thread(message: Value, output: Output) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().spawn(move || {
        let id = &message["id"];
        let name = message["params"]["name"].as_str().unwrap_or_default();
        let token = &message["params"]["_meta"]["progressToken"];
        let step = |done: u64, of: u64, pause: Duration| {
            thread::sleep(pause);
            if !token.is_null() {
                let params = json!({"progressToken": token, "progress": done, "total": of});
                // the reader is gone: the answer will meet the same
                let _ = output.send(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}));
            }
        };
        let answer = match tools::call(name, &message["params"]["arguments"], step) {
            Ok(tool) => result(id, &tool),
            Err(what) => error(id, -32602, &what),
        };
        let _ = output.send(&answer);
    })
}

fn answer(id: &Value, method: &str, params: &Value) -> Value {
    match method {
        "initialize" => {
            let asked = params["protocolVersion"].as_str().unwrap_or_default();
            let version = SPOKEN.into_iter().find(|spoken| *spoken == asked).unwrap_or(NEWEST);
            result(
                id,
                &json!({
                    "protocolVersion": version,
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "switchboard-demo", "version": env!("CARGO_PKG_VERSION")},
                    "instructions": "A demonstration server: its tools touch nothing outside of it.",
                }),
            )
        }
        "ping" => result(id, &json!({})),
        "tools/list" => result(id, &json!({"tools": tools::list()})),
        _ => error(id, -32601, "method not found"),
    }
}

fn result(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

impl Output {
    fn send(&self, message: &Value) -> io::Result<()> {
        let mut line = message.to_string();
        line.push('\n');
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        output.write_all(line.as_bytes())?;
        output.flush()
    }
}

#[cfg(test)]
mod tests;
