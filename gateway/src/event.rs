//! Messages as events of a stream to a client.

use bytes::Bytes;

/// What an event stream is called.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// One message as an event. JSON may hold raw line ends between its tokens: each line becomes a data line.
pub fn message(json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() + 32);
    out.extend_from_slice(b"event: message\n");
    for line in json.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if !line.is_empty() {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    out.push(b'\n');
    out.into()
}
