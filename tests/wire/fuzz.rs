//! Never two readings of who is called (R2): bodies with keys that repeat or
//! look alike are either refused, or read as the same call by Switchboard and
//! by Go's, Python's and Node's decoders, as sent and as forwarded.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use tests::args::full;
use tests::client::Client;
use tests::figures::Figures;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};

use super::scene::KEY;

/// Bodies; ten times as many at full size.
const CASES: usize = 1_500;

/// Spellings that some decoder takes for a key that decides, or nearly.
const KEYS: [&str; 22] = [
    "method",
    "Method",
    "METHOD",
    "m\\u0065thod",
    "method\\u0000",
    "\\u0000method",
    "method ",
    "params",
    "Params",
    "par\\u0061ms",
    "param\u{17f}",
    "param\\u017f",
    "params\\u0000",
    "name",
    "Name",
    "NAME",
    "n\\u0061me",
    "name\\u0000",
    "id",
    "ID",
    "jsonrpc",
    "arguments",
];

/// What such a key may hold.
const VALUES: [&str; 10] = [
    r#""up-echo""#,
    r#""up-other""#,
    r#""tools/call""#,
    r#""tools/list""#,
    r#"{"name":"up-other"}"#,
    r#"{"Name":"up-other"}"#,
    r#"{"n\u0061me":"up-other","name":"up-echo"}"#,
    "null",
    "1",
    "\"2.0\"",
];

/// A tools/call of `up-echo` with up to three further members, in any order and at both levels.
fn body() -> impl Strategy<Value = String> {
    let member = || (select(&KEYS[..]), select(&VALUES[..])).prop_map(|(key, value)| format!(r#""{key}":{value}"#));
    let params = (prop::collection::vec(member(), 0..2), any::<bool>()).prop_flat_map(|(mut members, bare)| {
        members.push(r#""name":"up-echo""#.to_owned());
        if !bare {
            members.push(r#""arguments":{"name":"up-other"}"#.to_owned());
        }
        Just(members).prop_shuffle()
    });
    (params, prop::collection::vec(member(), 0..3)).prop_flat_map(|(params, mut members)| {
        let needed = [r#""jsonrpc":"2.0""#.to_owned(), r#""id":1"#.to_owned(), r#""method":"tools/call""#.to_owned()];
        members.extend(needed);
        members.push(format!(r#""params":{{{}}}"#, params.join(",")));
        Just(members).prop_shuffle().prop_map(|members| format!("{{{}}}", members.join(",")))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_no_body_has_two_readings() {
    let upstream = Upstream::start(Script::with([Tool::new("echo", Does::Echo), Tool::new("other", Does::Echo)]));
    let manifests = Manifests::default();
    manifests.http("up", &upstream.url());
    manifests.key_with("caller", KEY, &json!({"servers": [{"name": "up", "tools": ["echo"]}]}));
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    let cases = if full() { CASES * 10 } else { CASES };

    let mut runner = TestRunner::deterministic();
    let (mut sent, mut refused) = (Vec::new(), 0);
    for _ in 0..cases {
        let body = body().new_tree(&mut runner).unwrap().current();
        let before = upstream.posts("tools/call");
        let answer = client.post(body.clone()).await;
        if upstream.posts("tools/call") > before {
            sent.push(body.into_bytes());
        } else {
            assert!(
                answer.status.is_client_error() || answer.code().is_some() || answer.is_tool_error(),
                "{body}: {answer:?}"
            );
            refused += 1;
        }
    }
    let forwarded: Vec<Vec<u8>> =
        upstream.received_of("tools/call").into_iter().map(|received| received.body.to_vec()).collect();
    assert_eq!(forwarded.len(), sent.len(), "each body that passed was forwarded once, as a tools/call");
    assert!(sent.len() > cases / 100 && refused > cases / 100, "{} passed, {refused} were refused", sent.len());
    for decoder in decoders() {
        for (bodies, tool) in [(&sent, "up-echo"), (&forwarded, "echo")] {
            let readings = decoder.read(bodies);
            assert_eq!(readings.len(), bodies.len(), "{}", decoder.name);
            for (reading, body) in readings.iter().zip(bodies) {
                let same = *reading == format!("tools/call {tool}");
                assert!(same, "{} reads {reading:?} in {}", decoder.name, String::from_utf8_lossy(body));
            }
        }
    }
    let count = f64::from(u32::try_from(cases).unwrap());
    Figures::of("wire").write("fuzz_cases", count, &[count]);
}

/// A program that reads bodies, a line of hex digits each, and prints method and name of each.
struct Decoder {
    name: &'static str,
    command: Command,
    _folder: Option<tempfile::TempDir>,
}

const PYTHON: &str = "import json,sys
for line in sys.stdin:
    m = json.loads(bytes.fromhex(line))
    print(m['method'], m['params']['name'])";

const NODE: &str = "for (const line of require('fs').readFileSync(0, 'utf8').trim().split('\\n')) {
  const m = JSON.parse(Buffer.from(line, 'hex').toString('utf8'));
  console.log(m.method + ' ' + m.params.name);
}";

const GO: &str = r#"package main

import ("bufio"; "encoding/hex"; "encoding/json"; "fmt"; "os")

type call struct {
	Method string `json:"method"`
	Params struct { Name string `json:"name"` } `json:"params"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		body, _ := hex.DecodeString(lines.Text())
		var m call
		if err := json.Unmarshal(body, &m); err != nil { fmt.Println(err); continue }
		fmt.Println(m.Method, m.Params.Name)
	}
}
"#;

fn decoders() -> [Decoder; 3] {
    let inline = |name, flag, program| {
        let mut command = Command::new(name);
        command.args([flag, program]);
        Decoder { name, command, _folder: None }
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("main.go");
    std::fs::write(&file, GO).unwrap();
    let mut command = Command::new("go");
    command.arg("run").arg(file).current_dir(folder.path());
    let go = Decoder { name: "go", command, _folder: Some(folder) };
    [inline("python3", "-c", PYTHON), inline("node", "-e", NODE), go]
}

impl Decoder {
    /// What it reads in each body.
    fn read(&self, bodies: &[Vec<u8>]) -> Vec<String> {
        let mut lines = String::new();
        for body in bodies {
            for byte in body {
                write!(lines, "{byte:02x}").unwrap();
            }
            lines.push('\n');
        }
        let mut command = Command::new(self.command.get_program());
        command.args(self.command.get_args());
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.status.success(), "{}", self.name);
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }
}

#[test]
fn the_decoders_tell_a_look_alike() {
    // Go's decoder folds case and takes the last: without that the test above would prove little.
    let bodies = [br#"{"method":"tools/call","params":{"name":"a","NAME":"b"}}"#.to_vec()];
    let read: Vec<Vec<String>> = decoders().iter().map(|decoder| decoder.read(&bodies)).collect();
    assert_eq!(read, [["tools/call a"], ["tools/call a"], ["tools/call b"]]);
}
