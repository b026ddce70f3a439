//! The stateless protocol, 2026-07-28: what its requests must say twice, in
//! headers and in the body, and what only it has (R6).
//!
//! [`check`] compares what every request says twice; [`check_arguments`] what a call says twice because its tool asks
//! for it, by [`annotation`]s that are read when the server is listed. [`mirrored`] says them twice to a modern server.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::IgnoredAny;

use self::header_value::decoded;
use self::mirror::Refusal;
use crate::catalogue::Entry;
use crate::exchange::Answer;
use crate::head::Head;
use crate::json::{self, INVALID_PARAMS};
use crate::revision::Revision;
use crate::scan::Message;

pub mod annotation;
mod decimal;
mod header_value;
mod mirror;
pub mod mirrored;

const HEADER_MISMATCH: i32 = -32020;
const MISSING_CAPABILITY: i32 = -32021;
const UNSUPPORTED_VERSION: i32 = -32022;

/// What the gateway says of itself.
pub const SERVER_INFO: &str = concat!(r#"{"name":"switchboard","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

/// What the gateway offers: a list may be empty, but it is there, and who listens is told when it changes, and of
/// resources where their server tells of them.
pub const CAPABILITIES: &str = r#"{"completions":{},"logging":{},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}}"#;

/// Whether a message says, in the header or in the body, that it is modern. [`check`] sees to it that both agree.
pub fn is_claimed(head: &Head<'_>, message: &Message<'_>) -> bool {
    let meta = message.params.as_ref().and_then(|params| params.meta.as_ref());
    head.version == Some(Revision::V2026_07_28.as_str().as_bytes())
        || meta.is_some_and(|meta| meta.protocol_version.is_some())
}

/// Checks what a modern request must say (basic/index and transports of 2026-07-28).
pub fn check(head: &Head<'_>, message: &Message<'_>, id: &[u8]) -> Result<(), Answer> {
    let refuse = |code, text: &str, data: Option<&[u8]>| {
        Err(Answer::error_with(StatusCode::BAD_REQUEST, id, (code, text), data))
    };
    if let Some(name) = head.repeated.first() {
        return refuse(HEADER_MISMATCH, &format!("{name} stands twice"), None);
    }
    let meta = message.params.as_ref().and_then(|params| params.meta.as_ref());
    let Some(version) = meta.and_then(|meta| meta.protocol_version.as_ref()) else {
        return refuse(INVALID_PARAMS, "params._meta lacks io.modelcontextprotocol/protocolVersion", None);
    };
    if head.version != Some(version.value.as_bytes()) {
        return refuse(HEADER_MISMATCH, "MCP-Protocol-Version does not equal _meta's protocolVersion", None);
    }
    if Revision::from_wire(version.value.as_bytes()).is_none_or(|revision| !revision.is_modern()) {
        let mut data = format!(r#"{{"supported":{},"requested":"#, supported()).into_bytes();
        json::string(&version.value, &mut data);
        data.push(b'}');
        return refuse(UNSUPPORTED_VERSION, "Unsupported protocol version", Some(&data));
    }
    if meta.is_none_or(|meta| meta.client_capabilities.is_none()) {
        return refuse(INVALID_PARAMS, "params._meta lacks io.modelcontextprotocol/clientCapabilities", None);
    }
    let method = message.method.as_ref().map(|method| method.value.as_bytes());
    if head.method != method {
        return refuse(HEADER_MISMATCH, "Mcp-Method does not equal the body's method", None);
    }
    let params = message.params.as_ref();
    let (member, named) = match method {
        Some(b"tools/call" | b"prompts/get") => ("params.name", params.and_then(|params| params.name.as_ref())),
        Some(b"resources/read") => ("params.uri", params.and_then(|params| params.uri.as_ref())),
        Some(b"tasks/get" | b"tasks/update" | b"tasks/cancel") => {
            ("params.taskId", params.and_then(|params| params.task_id.as_ref()))
        }
        _ => return Ok(()),
    };
    let agree = match (head.name, named) {
        (None, None) => true,
        (Some(said), Some(named)) => decoded(said).is_some_and(|said| *said == *named.value.as_bytes()),
        _ => false,
    };
    if agree { Ok(()) } else { refuse(HEADER_MISMATCH, &format!("Mcp-Name does not equal {member}"), None) }
}

/// Checks that the `Mcp-Param-*` headers of a call say what the arguments say that the tool wants mirrored. Costs nothing
/// for a tool that wants none. The caller may use the tool: to others there is nothing to compare.
pub fn check_arguments(
    headers: &HeaderMap,
    tool: &Entry,
    (body, message): (&Bytes, &Message<'_>),
    id: &[u8],
) -> Result<(), Answer> {
    let Some(annotations) = tool.annotations.as_ref().ok().filter(|annotations| !annotations.is_empty()) else {
        return Ok(());
    };
    let arguments = message.params.as_ref().and_then(|params| params.arguments);
    let (code, words) = match mirror::check(annotations, headers, body, arguments) {
        Ok(()) => return Ok(()),
        Err(Refusal::Ambiguous(fault)) => (fault.code(), fault.to_string()),
        Err(Refusal::Mismatch(header, how)) => (HEADER_MISMATCH, format!("{header} {how}")),
    };
    Err(Answer::error_with(StatusCode::BAD_REQUEST, id, (code, &words), None))
}

/// What it offers beside in the modern one: a call may become a task.
const EXTENSIONS: &str = r#"{"io.modelcontextprotocol/tasks":{}}"#;

/// Checks that a client which asks about a task declares the extension.
pub fn check_tasks((body, message): (&Bytes, &Message<'_>), id: &[u8]) -> Result<(), Answer> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Declared {
        extensions: Extensions,
    }
    #[derive(Default, Deserialize)]
    struct Extensions {
        #[serde(rename = "io.modelcontextprotocol/tasks")]
        tasks: Option<IgnoredAny>,
    }
    let meta = message.params.as_ref().and_then(|params| params.meta.as_ref());
    let declared = meta.and_then(|meta| meta.client_capabilities);
    let declared = declared.and_then(|span| serde_json::from_slice::<Declared>(span.of(body)).ok()).unwrap_or_default();
    if declared.extensions.tasks.is_some() {
        return Ok(());
    }
    let missing = missing_capability(id, &format!(r#"{{"extensions":{EXTENSIONS}}}"#));
    Err(Answer::Message(StatusCode::BAD_REQUEST, missing.into()))
}

/// That a request needs what its client did not declare; `required`: `ClientCapabilities`, as JSON.
pub fn missing_capability(id: &[u8], required: &str) -> Vec<u8> {
    let data = format!(r#"{{"requiredCapabilities":{required}}}"#);
    let mut out = Vec::with_capacity(data.len() + 128);
    let words = "the client does not declare a capability that this needs";
    json::error(id, MISSING_CAPABILITY, words, Some(data.as_bytes()), &mut out);
    out
}

/// The answer to `server/discover`.
pub fn discover(id: &[u8]) -> Answer {
    let capabilities = CAPABILITIES.strip_suffix('}').unwrap_or(CAPABILITIES);
    let result = format!(
        r#"{{"supportedVersions":{},"capabilities":{capabilities},"extensions":{EXTENSIONS}}},"_meta":{{"io.modelcontextprotocol/serverInfo":{SERVER_INFO}}},"resultType":"complete","ttlMs":3600000,"cacheScope":"public"}}"#,
        supported(),
    );
    Answer::result(id, result.as_bytes())
}

fn supported() -> String {
    let versions: Vec<_> = Revision::ALL.iter().rev().map(|revision| format!("\"{}\"", revision.as_str())).collect();
    format!("[{}]", versions.join(","))
}
