//! `switchboard run` on what was imported, and a client of it that knows HTTP and no more.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(30);

/// A running Switchboard; killed on drop.
pub(crate) struct Serving {
    child: Child,
    /// Open, so that nothing it says goes nowhere.
    _events: BufReader<ChildStdout>,
    address: String,
    _home: TempDir,
}

impl Serving {
    pub(crate) fn start(manifests: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["run", "-o", "json", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .arg(manifests)
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("XDG_CACHE_HOME")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap());
        let mut next = |wanted: &str| loop {
            let mut line = String::new();
            assert!(events.read_line(&mut line).unwrap() > 0, "it ended before it said {wanted}");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == wanted {
                break event;
            }
        };
        let address = next("listening")["mcp"].as_str().unwrap().split('/').nth(2).unwrap().to_owned();
        // Before that a server that has not been listed yet is missing from lists.
        next("ready");
        Self { child, _events: events, address, _home: home }
    }

    /// The status and the body of a POST of one message to /mcp.
    pub(crate) fn post(&self, key: &str, message: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let body = message.to_string();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nx-litellm-api-key: {key}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let start = answer.find('{').unwrap_or(answer.len());
        let end = answer.rfind('}').map_or(start, |end| end + 1);
        (status, serde_json::from_str(&answer[start..end]).unwrap_or_default())
    }

    /// The names of the tools that a key may use.
    pub(crate) fn tools(&self, key: &str) -> Vec<String> {
        let (status, answer) = self.post(key, &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }));
        assert_eq!(status, 200, "{answer}");
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("no tools: {answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The sum that a server's tool makes.
    pub(crate) fn add(&self, key: &str, tool: &str) -> Value {
        let params = json!({ "name": tool, "arguments": { "a": 2, "b": 3 } });
        let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
        self.post(key, &call).1["result"]["content"][0]["text"].take()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
