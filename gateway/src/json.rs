//! The few JSON texts that the gateway itself writes.

use bytes::Bytes;

/// JSON-RPC's codes, as far as the gateway answers by them.
pub const INVALID_REQUEST: i32 = -32600;
/// A method that is not known.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// Also what does not exist: a tool, a prompt, a resource.
pub const INVALID_PARAMS: i32 = -32602;
/// Also a server that does not answer as it should, where no result can say so.
pub const INTERNAL_ERROR: i32 = -32603;

/// Writes `text` as a JSON string.
pub fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// `text` as a JSON string.
pub fn quoted(text: &str) -> Bytes {
    let mut out = Vec::with_capacity(text.len() + 2);
    string(text, &mut out);
    out.into()
}

/// LiteLLM's body for what is refused over plain HTTP: a word for programs, and one for people.
pub fn detail(error: &str, message: &str) -> Vec<u8> {
    let mut out = br#"{"detail":{"error":"#.to_vec();
    string(error, &mut out);
    out.extend_from_slice(br#","message":"#);
    string(message, &mut out);
    out.extend_from_slice(b"}}");
    out
}

/// Writes a JSON-RPC response with a result, given as JSON.
pub fn result(id: &[u8], result: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id);
    out.extend_from_slice(br#","result":"#);
    out.extend_from_slice(result);
    out.push(b'}');
}

/// Writes a JSON-RPC response with an error; `data` is JSON.
pub fn error(id: &[u8], code: i32, message: &str, data: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id);
    out.extend_from_slice(format!(r#","error":{{"code":{code},"message":"#).as_bytes());
    string(message, out);
    if let Some(data) = data {
        out.extend_from_slice(br#","data":"#);
        out.extend_from_slice(data);
    }
    out.extend_from_slice(b"}}");
}
