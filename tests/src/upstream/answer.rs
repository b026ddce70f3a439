//! What a scripted server says to one message, whatever carries it.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::entry::Entry;
use super::lists::{capabilities, list, own_name, own_uri};
use super::modern;
use super::script::{Does, Script};

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
    /// Ask these on the way, then say the response that has their answers between its two halves.
    Ask { questions: Vec<Bytes>, response: [String; 2] },
    /// A message too large to hold: `head`, so many bytes `x`, `tail`. Without tail it never ends.
    Stream { head: Bytes, filler: u64, tail: Option<Bytes> },
    /// Say the first half of this, then end the connection.
    Half(Bytes),
    /// Acknowledge, then say what is told to all who listen.
    Listen,
    /// Say a web page.
    Page,
    /// Answer with this HTTP status, and Location.
    Status { status: u16, location: Option<String> },
    /// End the process or the connection.
    Exit,
}

/// Decides about one message. `caller` is the last word of the script's caller header.
pub(super) fn answer(script: &Script, memory: &mut Memory, caller: Option<&str>, body: &[u8]) -> Next {
    let next = answer_plainly(script, memory, caller, body);
    match next {
        Next::Say { after, messages } if script.modern_only => {
            Next::Say { after, messages: messages.iter().map(modern::finished).collect() }
        }
        next => next,
    }
}

fn answer_plainly(script: &Script, memory: &mut Memory, caller: Option<&str>, body: &[u8]) -> Next {
    let Ok(message) = serde_json::from_slice::<Message<'_>>(body) else {
        return say(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"not JSON"}}"#.to_owned());
    };
    let Some(id) = message.id.map(RawValue::get) else { return Next::Nothing };
    let params = message.params.map_or("{}", RawValue::get);
    let method = &*message.method;
    if method.is_empty() {
        return Next::Nothing;
    }
    let echo = echo(method, params);
    if let Some(does) = script.instead.get(method) {
        return act(does, memory, (id, params), &echo);
    }
    match (method, &script.at_initialize, &script.at_list) {
        ("initialize", _, _) if script.modern_only => failure(id, -32601, "initialize is of the past"),
        ("initialize", Some(does), _) | ("tools/list", _, Some(does)) => act(does, memory, (id, params), &echo),
        ("initialize", None, _) => result(id, &initialize_result(script)),
        ("server/discover", ..) if script.modern_only => result(id, &discover_result(script)),
        ("subscriptions/listen", ..) if script.modern_only => Next::Listen,
        ("ping", ..) => result(id, "{}"),
        _ => {
            if let Some(page) = list(script, method, caller, id, params) {
                return page;
            }
            match does(script, method, caller, &called(params)) {
                Some(Ok(does)) => act(does, memory, (id, params), &echo),
                Some(Err((code, words))) => failure(id, code, words),
                None => failure(id, -32601, "unknown method"),
            }
        }
    }
}

/// What is done about what is called, or the error that it is unknown; none for an unknown method.
fn does<'s>(
    script: &'s Script,
    method: &str,
    caller: Option<&str>,
    target: &Called,
) -> Option<Result<&'s Does, (i64, &'static str)>> {
    let Called { name, uri } = target;
    let own = caller.map(own_name);
    let of =
        |entries: &'s [Entry], name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| &entry.does);
    let (found, own, unknown) = match method {
        "tools/call" => {
            let tool = script.tools.iter().find(|tool| tool.name == *name);
            (tool.map(|tool| &tool.does), own.as_ref() == Some(name), (-32602, "unknown tool"))
        }
        "prompts/get" => (of(&script.prompts, name), own.as_ref() == Some(name), (-32602, "unknown prompt")),
        "resources/read" => {
            let made = || script.templates.iter().find(|template| template.makes(uri)).map(|template| &template.does);
            let own = own.is_some_and(|own| own_uri(&own) == *uri);
            (of(&script.resources, uri).or_else(made), own, (-32002, "unknown resource"))
        }
        "completion/complete" => (script.completes.as_ref(), false, (-32601, "nothing is completed")),
        _ => return None,
    };
    Some(found.or(own.then_some(&Does::Echo)).ok_or(unknown))
}

/// The result that gives the params back.
fn echo(method: &str, params: &str) -> String {
    match method {
        "prompts/get" => {
            format!(r#"{{"messages":[{{"role":"user","content":{{"type":"text","text":"echo"}}}}],"echo":{params}}}"#)
        }
        "resources/read" => {
            let uri = serde_json::Value::from(called(params).uri);
            format!(r#"{{"contents":[{{"uri":{uri},"text":"echo"}}],"echo":{params}}}"#)
        }
        "completion/complete" => format!(r#"{{"completion":{{"values":["echo"]}},"echo":{params}}}"#),
        _ => format!(r#"{{"content":[{{"type":"text","text":"echo"}}],"structuredContent":{{"params":{params}}}}}"#),
    }
}

fn act(does: &Does, memory: &mut Memory, (id, params): (&str, &str), echo: &str) -> Next {
    match does {
        Does::Echo => result(id, echo),
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
            Next::Say { after: Duration::from_millis(*milliseconds), messages: vec![response(id, echo)] }
        }
        Does::Progress(steps) => progress(*steps, id, params, echo),
        Does::Logs(levels) => logs(levels, id, echo),
        Does::Ask(questions) => ask(questions, id),
        Does::Require(questions) => modern::require(questions, id, params),
        Does::Hang => Next::Never,
        Does::Html => Next::Page,
        Does::Half => Next::Half(response(id, echo)),
        Does::WrongId => result("987654321", echo),
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

fn ask(questions: &[(String, String)], id: &str) -> Next {
    let question = |(number, (method, params)): (usize, &(String, String))| {
        Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":"ask-{number}","method":"{method}","params":{params}}}"#))
    };
    let head = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"structuredContent":{{"answers":["#);
    Next::Ask { questions: questions.iter().enumerate().map(question).collect(), response: [head, "]}}}".to_owned()] }
}

fn logs(levels: &[String], id: &str, echo: &str) -> Next {
    let log = |level: &String| {
        let data = format!(r#"{{"of": "{level}","huge":1e400}}"#);
        Bytes::from(format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}","logger":"up","data":{data}}}}}"#
        ))
    };
    let mut messages: Vec<Bytes> = levels.iter().map(log).collect();
    messages.push(response(id, echo));
    Next::Say { after: Duration::ZERO, messages }
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

/// What a request is about.
#[derive(Default, Deserialize)]
struct Called {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uri: String,
}

fn called(params: &str) -> Called {
    serde_json::from_str(params).unwrap_or_default()
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
        r#"{{"protocolVersion":"{}","capabilities":{},"serverInfo":{{"name":"scripted","version":"1"}}}}"#,
        script.revision,
        capabilities(script)
    )
}

fn discover_result(script: &Script) -> String {
    format!(
        r#"{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{},"ttlMs":0,"cacheScope":"private"}}"#,
        capabilities(script)
    )
}

fn text_result(text: &str) -> String {
    serde_json::json!({"content": [{"type": "text", "text": text}]}).to_string()
}

pub(super) fn response(id: &str, result: &str) -> Bytes {
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#))
}

fn result(id: &str, raw: &str) -> Next {
    Next::Say { after: Duration::ZERO, messages: vec![response(id, raw)] }
}

pub(super) fn failure(id: &str, code: i64, message: &str) -> Next {
    say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#))
}

fn say(message: String) -> Next {
    Next::Say { after: Duration::ZERO, messages: vec![Bytes::from(message)] }
}
