//! Messages as events of a stream to a client.

use bytes::Bytes;

/// What an event stream is called.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// The event without a message that a stream begins with: from its id on a client may ask again.
pub fn beginning(id: &str) -> Bytes {
    format!("id: {id}\ndata: \n\n").into()
}

/// One message as an event with an id.
pub fn message_with(id: &str, json: &[u8]) -> Bytes {
    [format!("id: {id}\n").as_bytes(), &message(json)].concat().into()
}

/// Nothing, for a client to see that its stream lives, and for us to see that the client does.
pub const COMMENT: &[u8] = b": \n\n";

/// The first event of HTTP+SSE: where messages are posted to.
pub fn endpoint(uri: &str) -> Bytes {
    format!("event: endpoint\ndata: {uri}\n\n").into()
}

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
