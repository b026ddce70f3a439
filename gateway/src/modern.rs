//! The stateless protocol, 2026-07-28: what its requests must say twice, in
//! headers and in the body, and what only it has (R6).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;

use crate::exchange::Answer;
use crate::head::Head;
use crate::json;
use crate::revision::Revision;
use crate::scan::Message;

const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_VERSION: i32 = -32022;
const INVALID_PARAMS: i32 = -32602;

/// What the gateway says of itself.
pub const SERVER_INFO: &str = concat!(r#"{"name":"switchboard","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);

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
    if method == Some(b"tools/call") {
        let name = message.params.as_ref().and_then(|params| params.name.as_ref());
        let said = head.name.and_then(decoded);
        if name.is_none() || said.as_deref() != name.map(|name| name.value.as_bytes()) {
            return refuse(HEADER_MISMATCH, "Mcp-Name does not equal params.name", None);
        }
    }
    Ok(())
}

/// The answer to `server/discover`.
pub fn discover(id: &[u8]) -> Answer {
    let result = format!(
        r#"{{"supportedVersions":{},"capabilities":{{"tools":{{}}}},"_meta":{{"io.modelcontextprotocol/serverInfo":{SERVER_INFO}}},"resultType":"complete","ttlMs":3600000,"cacheScope":"public"}}"#,
        supported(),
    );
    Answer::result(id, result.as_bytes())
}

fn supported() -> String {
    let versions: Vec<_> = Revision::ALL.iter().rev().map(|revision| format!("\"{}\"", revision.as_str())).collect();
    format!("[{}]", versions.join(","))
}

/// A header value as it is, or unwrapped from `=?base64?…?=`.
fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    let value = value.trim_ascii();
    match value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?=")) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(value.to_vec()),
    }
}
