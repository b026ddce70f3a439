//! `input_required`: how a modern client is asked, and what it answers
//! (2026-07-28, basic/patterns/mrtr).

use bytes::Bytes;

use crate::json;
use crate::scan::{self, Call, Fault, Kind, Span, change_members, splice_part};

/// The key of the one question that we ask at a time.
const KEY: &str = "input";

/// `inputRequests` that ask what a server asks in `message`, whose facts are `call`.
pub fn requests(message: &[u8], call: &Call<'_>) -> Result<Bytes, Fault> {
    let mut out = format!(r#"{{"{KEY}":{{"method":"#).into_bytes();
    out.extend_from_slice(call.method.span.of(message));
    if let Some(params) = call.params {
        out.extend_from_slice(br#","params":"#);
        // The modern protocol has no id for what a person does elsewhere: whoever asks again is answered then.
        let edits = change_members(message, params.span, &["elicitationId"], b"")?;
        splice_part(message, params.span, edits, &mut out);
    }
    out.extend_from_slice(b"}}");
    Ok(out.into())
}

/// The response to a request of a modern client that asks it.
pub fn required(id: &[u8], requests: &[u8], state: &str) -> Bytes {
    response(id, requests, Some(state))
}

/// The same, where nothing has to come back but the answers.
pub fn required_without_state(id: &[u8], requests: &[u8]) -> Bytes {
    response(id, requests, None)
}

fn response(id: &[u8], requests: &[u8], state: Option<&str>) -> Bytes {
    let mut result = br#"{"resultType":"input_required","inputRequests":"#.to_vec();
    result.extend_from_slice(requests);
    if let Some(state) = state {
        result.extend_from_slice(br#","requestState":"#);
        json::string(state, &mut result);
    }
    result.push(b'}');
    let mut out = Vec::with_capacity(result.len() + id.len() + 40);
    json::result(id, &result, &mut out);
    out.into()
}

/// The client's answer in `inputResponses`, for the server that asked under `id`; none if it is not among them.
pub fn answer(body: &[u8], responses: Option<Span>, id: &[u8]) -> Result<Option<Bytes>, Fault> {
    let Some(responses) = responses else { return Ok(None) };
    let members = scan::members(body, responses)?;
    let answer = members.iter().find(|member| member.name == KEY && member.kind == Kind::Object);
    Ok(answer.map(|answer| {
        let mut out = Vec::new();
        json::result(id, answer.value.of(body), &mut out);
        out.into()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_goes_through_as_it_was_asked() {
        let message = br#"{"jsonrpc":"2.0","id":"q7","method":"elicitation/create","params":{"mode":"url","elicitationId":"e","x":1e400}}"#;
        let Ok(scan::Upstream::Request(call)) = scan::message(message) else { panic!("it is a request") };
        let requests = requests(message, &call).unwrap();
        assert_eq!(requests, r#"{"input":{"method":"elicitation/create","params":{"mode":"url","x":1e400}}}"#);
        let asked = br#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
        let Ok(scan::Upstream::Request(call)) = scan::message(asked) else { panic!("it is a request") };
        assert_eq!(super::requests(asked, &call).unwrap(), r#"{"input":{"method":"roots/list"}}"#);
        let told = required(b"3", &requests, "state");
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&told).is_ok());
    }

    #[test]
    fn an_answer_is_taken_by_its_key_and_goes_as_it_is() {
        let body = br#"{"inputResponses":{"other":{},"input":{"roots":[9007199254740993]}}}"#;
        let span = Span { start: 18, end: body.len() - 1 };
        let expected = r#"{"jsonrpc":"2.0","id":"q7","result":{"roots":[9007199254740993]}}"#;
        assert_eq!(answer(body, Some(span), br#""q7""#).unwrap().unwrap(), expected);
        assert_eq!(answer(body, None, b"1").unwrap(), None);
        let other = br#"{"input":7}"#;
        assert_eq!(answer(other, Some(Span { start: 0, end: other.len() }), b"1").unwrap(), None);
    }
}
