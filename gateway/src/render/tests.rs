use serde_json::{Value, json};

use super::*;
use crate::failure::{About, Client};
use crate::forward::Method;
use crate::scan::{self, Incoming, Message};

fn render_one(body: &str, modern: bool, era: Era, level: Option<LogLevel>) -> Value {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let messages = match scan::request(&body).unwrap() {
        Incoming::One(message) => vec![message],
        Incoming::Batch(messages) => messages,
    };
    let message: &Message<'_> = messages.last().unwrap();
    let said = message.params.as_ref().unwrap().name.as_ref().unwrap();
    let client = Client { id: b"1", modern, about: About::Tool };
    let request = Request { method: Method::CallTool, body: &body, message, said, client, whole: false };
    serde_json::from_slice(&render(
        &request,
        &Words {
            name_json: br#""native""#,
            level,
            capabilities: Capabilities::default(),
            state: Some("its \"own\""),
            input: None,
        },
        (42, era),
    ))
    .unwrap()
}

fn own_meta() -> Value {
    serde_json::from_str(&format!("{{{}}}", crate::upstream::era::own_meta(Capabilities::default()))).unwrap()
}

const MODERN_CALL: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"up-x","arguments":{"n":1},"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/logLevel":"error","own":1}}}"#;

#[test]
fn a_legacy_request_gets_the_meta_of_a_modern_one() {
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-x","arguments":{}}}"#;
    let rendered = render_one(bare, false, Era::Modern, None);
    assert_eq!(
        rendered,
        json!({"jsonrpc": "2.0", "id": 42, "method": "tools/call",
        "params": {"name": "native", "arguments": {}, "_meta": own_meta()}})
    );
    let mut expected = own_meta();
    expected["progressToken"] = json!(42);
    expected["own"] = json!({"a": 1});
    expected["io.modelcontextprotocol/logLevel"] = json!("warning");
    // what a legacy client says under these names means nothing
    let with = r#"[{"jsonrpc":"2.0","id":2,"method":"ping"}, {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t","own":{"a":1},"io.modelcontextprotocol/clientCapabilities":{"sampling":{}}},"name":"up-x"}}]"#;
    let rendered = render_one(with, false, Era::Modern, Some(LogLevel::Warning));
    assert_eq!(rendered["params"]["_meta"], expected);
    let rendered = render_one(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{},"name":"up-x"}}"#,
        false,
        Era::Modern,
        None,
    );
    assert_eq!(rendered["params"]["_meta"], own_meta());
}

#[test]
fn a_modern_request_passes_to_a_modern_server_and_loses_its_meta_on_the_way_to_another() {
    let mut expected: Value = serde_json::from_str(MODERN_CALL).unwrap();
    expected["id"] = json!(42);
    expected["params"]["name"] = json!("native");
    expected["params"]["_meta"]["progressToken"] = json!(42);
    assert_eq!(render_one(MODERN_CALL, true, Era::Modern, None), expected);
    expected["params"]["_meta"] = json!({"progressToken": 42, "own": 1});
    assert_eq!(render_one(MODERN_CALL, true, Era::Legacy, None), expected);
}

#[test]
fn r8_a_sealed_state_is_the_servers_own_again() {
    let retry = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-x","inputResponses":{"a":{"x":1}},"requestState":"sealed","_meta":{}}}"#;
    let rendered = render_one(retry, true, Era::Modern, None);
    assert_eq!(rendered["params"]["requestState"], "its \"own\"");
    assert_eq!(rendered["params"]["inputResponses"], json!({"a": {"x": 1}}));
}
