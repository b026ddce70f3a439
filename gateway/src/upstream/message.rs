//! What kind of JSON-RPC message an upstream sent, and whose it is.
//!
//! Only for sorting: the bytes go on as they came, and whoever hands them to a
//! caller scans them as a whole (R3).

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A message by what has to happen to it.
pub(crate) enum Kind<'a> {
    /// The answer to a request of ours; no id if it is not one that we give.
    Response { id: Option<u64> },
    /// A request of the server.
    Request { id: &'a RawValue, method: Cow<'a, str> },
    /// A notification, with the progress token if it bears one that we give.
    Notification { method: Cow<'a, str>, progress: Option<u64> },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Sorts a message; none if it is not a JSON object with such members.
pub(crate) fn kind(message: &[u8]) -> Option<Kind<'_>> {
    let Envelope { id, method, params } = serde_json::from_slice(message).ok()?;
    Some(match (method, id) {
        (None, id) => Kind::Response { id: id.and_then(|id| id.get().parse().ok()) },
        (Some(method), Some(id)) => Kind::Request { id, method },
        (Some(method), None) => {
            let progress = params.filter(|_| method == "notifications/progress").and_then(progress_token);
            Kind::Notification { method, progress }
        }
    })
}

/// Queues the message of an event, or the messages of its batch (2025-03-26).
pub(crate) fn unpack(data: Bytes, queue: &mut VecDeque<Bytes>) -> Result<(), serde_json::Error> {
    if data.trim_ascii_start().first() != Some(&b'[') {
        queue.push_back(data);
        return Ok(());
    }
    let messages: Vec<&RawValue> = serde_json::from_slice(&data)?;
    queue.extend(messages.into_iter().map(|message| data.slice_ref(message.get().as_bytes())));
    Ok(())
}

/// Whether a notification says that one of the server's lists is another now.
pub(crate) fn is_list_changed(method: &str) -> bool {
    let list = method.strip_prefix("notifications/").and_then(|rest| rest.strip_suffix("/list_changed"));
    matches!(list, Some("tools" | "prompts" | "resources"))
}

fn progress_token(params: &RawValue) -> Option<u64> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Progress {
        progress_token: u64,
    }
    serde_json::from_str::<Progress>(params.get()).ok().map(|progress| progress.progress_token)
}

/// Our answer to a request of the server that no caller is asked about: a ping lives, anything else is unknown.
pub(crate) fn answer_alone(id: &str, method: &str) -> Bytes {
    Bytes::from(if method == "ping" {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
    } else {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"Method not found"}}}}"#)
    })
}

/// The notification that nobody waits for the answer to a request of ours any more.
pub(crate) fn cancelled(id: u64) -> Bytes {
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"nobody waits any more"}}}}"#
    ))
}

/// Our answer to a request of the server for whose client there is no room to hold it.
pub(crate) fn busy(id: &str) -> Bytes {
    Bytes::from(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"message":"The client is busy"}}}}"#))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_sorted_by_id_and_method() {
        assert!(matches!(kind(br#"{"id":7,"result":{"id":8}}"#), Some(Kind::Response { id: Some(7) })));
        assert!(matches!(kind(br#"{"id":"7","result":{}}"#), Some(Kind::Response { id: None })));
        assert!(matches!(kind(br#"{"id":null,"error":{}}"#), Some(Kind::Response { id: None })));
        assert!(matches!(
            kind(br#"{"id":"a","method":"ping"}"#),
            Some(Kind::Request { id, method }) if id.get() == r#""a""# && method == "ping"
        ));
        assert!(matches!(
            kind(br#"{"method":"notifications\/progress","params":{"progressToken":9,"progress":1}}"#),
            Some(Kind::Notification { progress: Some(9), .. })
        ));
        assert!(matches!(
            kind(br#"{"method":"notifications/message","params":{"progressToken":9}}"#),
            Some(Kind::Notification { progress: None, .. })
        ));
        for malformed in [&b"[]"[..], b"null", b"{", b"<html>", br#"{"id":1,"id":2}"#] {
            assert!(kind(malformed).is_none());
        }
    }
}
