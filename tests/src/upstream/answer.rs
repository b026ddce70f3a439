//! What a scripted server says to one message, whatever carries it.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::script::{Does, OBJECT, Script};

/// The parts of a message that decide; all else is bytes.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) method: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) params: Option<&'a RawValue>,
}

/// What the tools of one session remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    last_text: String,
}

/// What to do about a message.
pub(super) enum Next {
    /// Nothing is to be said: a notification.
    Nothing,
    /// Say these, the response last, after a pause.
    Say { after: Duration, messages: Vec<Bytes> },
    /// Say nothing and keep the caller waiting.
    Never,
    /// A message too large to hold: `head`, so many bytes `x`, `tail`. Without tail it never ends.
    Stream { head: Bytes, filler: u64, tail: Option<Bytes> },
    /// Say the first half of this, then end the connection.
    Half(Bytes),
    /// Say a web page.
    Page,
    /// Answer with this HTTP status, and Location.
    Status { status: u16, location: Option<String> },
    /// End the process or the connection.
    Exit,
}

/// Decides about one message. `caller` is the last word of the script's caller header.
pub(super) fn answer(script: &Script, memory: &mut Memory, caller: Option<&str>, body: &[u8]) -> Next {
    let Ok(message) = serde_json::from_slice::<Message<'_>>(body) else {
        return say(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"not JSON"}}"#.to_owned());
    };
    let Some(id) = message.id.map(RawValue::get) else { return Next::Nothing };
    let params = message.params.map_or("{}", RawValue::get);
    let echo = Does::Echo;
    match (&*message.method, &script.at_initialize, &script.at_list) {
        ("initialize", _, _) if script.modern_only => failure(id, -32601, "initialize is of the past"),
        ("initialize", Some(does), _) | ("tools/list", _, Some(does)) => act(does, memory, id, params),
        ("initialize", None, _) => result(id, &initialize_result(script)),
        ("server/discover", ..) if script.modern_only => result(id, &discover_result()),
        ("ping", ..) => result(id, "{}"),
        ("tools/list", _, None) => list(script, caller, id, params),
        ("tools/call", ..) => {
            let name = called(params);
            let own = caller.is_some_and(|caller| name == format!("for_{caller}")).then_some(&echo);
            match script.tools.iter().find(|tool| tool.name == name).map(|tool| &tool.does).or(own) {
                Some(does) => act(does, memory, id, params),
                None => failure(id, -32602, "unknown tool"),
            }
        }
        _ => failure(id, -32601, "unknown method"),
    }
}

fn act(does: &Does, memory: &mut Memory, id: &str, params: &str) -> Next {
    let echo = format!(r#"{{"content":[{{"type":"text","text":"echo"}}],"structuredContent":{{"params":{params}}}}}"#);
    match does {
        Does::Echo => result(id, &echo),
        Does::Result(raw) => result(id, raw),
        Does::Error(raw) => say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{raw}}}"#)),
        Does::Remember => {
            let text = argument_text(params);
            let last = std::mem::replace(&mut memory.last_text, text);
            result(id, &text_result(&last))
        }
        Does::Pid => result(id, &text_result(&std::process::id().to_string())),
        Does::Environment => {
            let all: serde_json::Map<_, _> = std::env::vars().map(|(name, value)| (name, value.into())).collect();
            result(id, &text_result(&serde_json::Value::Object(all).to_string()))
        }
        Does::Slow(milliseconds) => {
            Next::Say { after: Duration::from_millis(*milliseconds), messages: vec![response(id, &echo)] }
        }
        Does::Progress(steps) => progress(*steps, id, params, &echo),
        Does::Hang => Next::Never,
        Does::Html => Next::Page,
        Does::Half => Next::Half(response(id, &echo)),
        Does::WrongId => result("987654321", &echo),
        Does::EndlessEvent => Next::Stream {
            head: Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#)),
            filler: u64::MAX,
            tail: None,
        },
        Does::Huge(bytes) => Next::Stream {
            head: Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":""#)),
            filler: *bytes,
            tail: Some(Bytes::from_static(br#""}]}}"#)),
        },
        Does::Redirect(url) => Next::Status { status: 307, location: Some(url.clone()) },
        Does::Status(status) => Next::Status { status: *status, location: None },
        Does::Exit => Next::Exit,
    }
}

fn list(script: &Script, caller: Option<&str>, id: &str, params: &str) -> Next {
    #[derive(Default, Deserialize)]
    struct Params {
        cursor: Option<String>,
    }
    let cursor = serde_json::from_str::<Params>(params).unwrap_or_default().cursor;
    let start: usize = match cursor.as_deref().map(|cursor| cursor.strip_prefix("from ").unwrap_or("").parse()) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => return failure(id, -32602, "unknown cursor"),
    };
    let end = script.page.map_or(script.tools.len(), |page| script.tools.len().min(start + page));
    let mut tools = String::new();
    for tool in script.tools.get(start..end).unwrap_or_default() {
        define(&mut tools, &tool.name, (&tool.schema, &tool.members));
    }
    let mut cursor = String::new();
    if end < script.tools.len() {
        cursor = format!(r#","nextCursor":"from {end}""#);
    } else if let Some(caller) = caller {
        define(&mut tools, &format!("for_{caller}"), (OBJECT, ""));
    }
    let page = response(id, &format!(r#"{{"tools":[{tools}]{cursor}}}"#));
    Next::Say { after: Duration::from_millis(script.list_after), messages: vec![page] }
}

fn define(tools: &mut String, name: &str, (schema, members): (&str, &str)) {
    let comma = if tools.is_empty() { "" } else { "," };
    write!(tools, r#"{comma}{{"name":"{name}","inputSchema":{schema}{members}}}"#).expect("a String takes all");
}

fn progress(steps: u64, id: &str, params: &str, echo: &str) -> Next {
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, rename = "_meta")]
        meta: Meta<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta<'a> {
        #[serde(borrow)]
        progress_token: &'a RawValue,
    }
    let mut messages = Vec::new();
    if let Ok(params) = serde_json::from_str::<Params<'_>>(params) {
        let token = params.meta.progress_token.get();
        messages.extend((1..=steps).map(|step| {
            Bytes::from(format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{step},"total":{steps}}}}}"#
            ))
        }));
    }
    messages.push(response(id, echo));
    Next::Say { after: Duration::ZERO, messages }
}

fn called(params: &str) -> String {
    #[derive(Deserialize)]
    struct Params {
        name: String,
    }
    serde_json::from_str::<Params>(params).map(|params| params.name).unwrap_or_default()
}

fn argument_text(params: &str) -> String {
    #[derive(Deserialize)]
    struct Params {
        arguments: Arguments,
    }
    #[derive(Deserialize)]
    struct Arguments {
        text: String,
    }
    serde_json::from_str::<Params>(params).map(|params| params.arguments.text).unwrap_or_default()
}

fn initialize_result(script: &Script) -> String {
    format!(
        r#"{{"protocolVersion":"{}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"scripted","version":"1"}}}}"#,
        script.revision
    )
}

fn discover_result() -> String {
    r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}"#.to_owned()
}

fn text_result(text: &str) -> String {
    serde_json::json!({"content": [{"type": "text", "text": text}]}).to_string()
}

fn response(id: &str, result: &str) -> Bytes {
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

fn result(id: &str, raw: &str) -> Next {
    Next::Say { after: Duration::ZERO, messages: vec![response(id, raw)] }
}

fn failure(id: &str, code: i32, message: &str) -> Next {
    say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#))
}

fn say(message: String) -> Next {
    Next::Say { after: Duration::ZERO, messages: vec![Bytes::from(message)] }
}
