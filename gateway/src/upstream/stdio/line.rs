//! What a line of a child's output is.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The kind of a line, with what routes it.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// The answer to one of our requests.
    Response { id: u64 },
    /// A request of the server; its id as written.
    Request { id: &'a RawValue, method: Cow<'a, str> },
    /// A notification; the progress token if it is one of ours.
    Notification { method: Cow<'a, str>, progress_token: Option<u64> },
    /// No JSON-RPC message, or an answer to nothing that we asked.
    Garbage,
}

/// Reads a line's kind.
pub(super) fn classify(line: &[u8]) -> Line<'_> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        #[serde(borrow)]
        method: Option<Cow<'a, str>>,
        #[serde(borrow)]
        params: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Progress {
        progress_token: u64,
    }
    let Ok(message) = serde_json::from_slice::<Message<'_>>(line) else { return Line::Garbage };
    match (message.id, message.method) {
        (Some(id), None) => id.get().parse().map_or(Line::Garbage, |id| Line::Response { id }),
        (Some(id), Some(method)) => Line::Request { id, method },
        (None, Some(method)) => {
            let params = message.params.filter(|_| method == "notifications/progress");
            let progress = params.and_then(|params| serde_json::from_str::<Progress>(params.get()).ok());
            Line::Notification { method, progress_token: progress.map(|progress| progress.progress_token) }
        }
        (None, None) => Line::Garbage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let read = match classify(line.as_bytes()) {
            Line::Response { id } => format!("response {id}"),
            Line::Request { id, method } => format!("request {id} {method}"),
            Line::Notification { method, progress_token } => format!("notification {method} {progress_token:?}"),
            Line::Garbage => "garbage".into(),
        };
        assert_eq!(read, expected, "{line}");
    }

    #[test]
    fn reads_kind_and_id() {
        check(r#"{"result":{"x":1e400},"jsonrpc":"2.0","id":7}"#, "response 7");
        check(r#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":""}}"#, "response 7");
        check(r#"{"jsonrpc":"2.0","id":"a","method":"pi\u006eg"}"#, r#"request "a" ping"#);
        check(
            r#"{"method":"notifications/progress","params":{"progressToken":3}}"#,
            "notification notifications/progress Some(3)",
        );
        check(
            r#"{"method":"notifications/progress","params":{"progressToken":"3"}}"#,
            "notification notifications/progress None",
        );
        check(r#"{"method":"x","params":[{"progressToken":3}]}"#, "notification x None");
    }

    #[test]
    fn what_answers_nothing_is_garbage() {
        for line in ["", "Listening…", "{", "[]", "7", "{}", r#"{"id":"7","result":{}}"#, r#"{"id":-7,"result":{}}"#]
        {
            check(line, "garbage");
        }
        check(r#"{"id":null,"error":{"code":-32700,"message":"parse error"}}"#, "garbage");
        check(r#"{"id":1,"id":2,"result":{}}"#, "garbage");
    }
}
