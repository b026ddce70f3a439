use proptest::prelude::*;

use super::super::lexer::tests::{pieces, text as json};
use super::super::upstream::{Upstream, message};
use super::*;

const ERA: &[u8] = br#""resultType":"complete""#;

fn stream(chunks: &[&[u8]], era: Option<&'static [u8]>) -> Result<(Outcome, String), Fault> {
    let mut out = Vec::new();
    let mut reply = Reply::new(1234, Bytes::from_static(br#""caller\u0031""#), era);
    for chunk in chunks {
        reply.push(chunk, &mut out)?;
    }
    let outcome = reply.finish()?;
    Ok((outcome, String::from_utf8_lossy(&out).into_owned()))
}

/// The outcome and the text; the same for the whole and for every cutting in two and in single bytes.
fn check(body: &str, era: Option<&'static [u8]>) -> Result<(Outcome, String), Fault> {
    let body = body.as_bytes();
    let whole = stream(&[body], era);
    assert_eq!(stream(&body.chunks(1).collect::<Vec<_>>(), era), whole);
    for cut in 0..=body.len() {
        assert_eq!(stream(&[&body[..cut], &body[cut..]], era), whole, "cut at {cut}");
    }
    whole
}

fn result(is_error: bool, result_type: Option<&'static str>) -> Outcome {
    Outcome::Result { is_error, result_type: result_type.map(Cow::Borrowed) }
}

#[test]
fn r3_replaces_the_id_wherever_it_stands() {
    assert_eq!(
        check("{\"jsonrpc\":\"2.0\",\"id\" : 1234 ,\"result\":{\"x\":[1e400, 9007199254740993]}}\n", None),
        Ok((
            result(false, None),
            "{\"jsonrpc\":\"2.0\",\"id\" : \"caller\\u0031\" ,\"result\":{\"x\":[1e400, 9007199254740993]}}\n".into()
        ))
    );
    assert_eq!(
        check(r#"{"result":{"isError":true},"\u0069d":1234,"jsonrpc":"2.0"}"#, None),
        Ok((result(true, None), r#"{"result":{"isError":true},"\u0069d":"caller\u0031","jsonrpc":"2.0"}"#.into()))
    );
}

#[test]
fn adds_what_the_era_requires_to_a_result_without_it() {
    let body = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":1234,"result":{result}}}"#);
    let sent = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":"caller\u0031","result":{result}}}"#);
    for (from, to, result_type) in [
        ("{}", r#"{"resultType":"complete"}"#, None),
        ("{ }", r#"{ "resultType":"complete"}"#, None),
        (r#"{"a":{"resultType":1} }"#, r#"{"a":{"resultType":1} ,"resultType":"complete"}"#, None),
        (r#"{"resultType":"input_required"}"#, r#"{"resultType":"input_required"}"#, Some("input_required")),
        (r#"{"resultTyp\u0065":"complete","a":1}"#, r#"{"resultTyp\u0065":"complete","a":1}"#, Some("complete")),
        ("[]", "[]", None),
        ("null", "null", None),
    ] {
        assert_eq!(check(&body(from), Some(ERA)), Ok((result(false, result_type), sent(to))));
    }
    assert_eq!(
        check(r#"{"result":{},"id":1234,"jsonrpc":"2.0"}"#, Some(ERA)).unwrap().1,
        r#"{"result":{"resultType":"complete"},"id":"caller\u0031","jsonrpc":"2.0"}"#
    );
}

#[test]
fn passes_errors_with_code_and_data() {
    let body = r#"{"jsonrpc":"2.0","error":{"code":-32042,"data":{"id":1234}},"id":1234}"#;
    let sent = r#"{"jsonrpc":"2.0","error":{"code":-32042,"data":{"id":1234}},"id":"caller\u0031"}"#;
    assert_eq!(check(body, Some(ERA)), Ok((Outcome::Error { code: Some(-32042) }, sent.into())));
}

#[test]
fn r3_refuses_what_is_no_answer_to_this_request() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1235,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"1234","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1234.0,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":12345,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","id":[1234],"result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1234}"#,
        r#"{"jsonrpc":"2.0","id":1234,"result":{},"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","id":1234,"id":1234,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1234,"result":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1234,"method":"x"}"#,
        r#"[{"jsonrpc":"2.0","id":1234,"result":{}}]"#,
        "",
        r#"{"jsonrpc":"2.0","id":1234,"result":{}"#,
        r#"{"jsonrpc":"2.0","id":1234,"result":{}}{}"#,
    ] {
        assert!(check(body, None).is_err(), "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn r3_all_but_the_edits_is_byte_identical(
        value in json(), before in json(), first in any::<bool>(), cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let id = r#""id":1234,"#;
        let (head, tail) = if first { (id, "") } else { ("", id) };
        let body = format!(r#"{{{head}"b":{before},"result":{{"v":{value}}},{tail}"jsonrpc":"2.0"}}"#);
        let (_, sent) = stream(&pieces(body.as_bytes(), &cuts), Some(ERA)).unwrap();
        let undone = sent.replacen(r#""id":"caller\u0031","#, id, 1).replacen(r#","resultType":"complete"}"#, "}", 1);
        prop_assert_eq!(undone, body);
    }

    #[test]
    fn r3_streamed_and_whole_agree(flips in prop::collection::vec(any::<(usize, u8)>(), 0..3), cuts in prop::collection::vec(any::<usize>(), 0..6)) {
        let mut body = br#"{"jsonrpc":"2.0","result":{"isError":false,"x":"\u00e9"},"id":1234}"#.to_vec();
        for (at, byte) in flips {
            let at = at % body.len();
            body[at] = byte;
        }
        let whole = message(&body);
        let mut reply = Reply::new(1234, Bytes::from_static(b"1"), None);
        let mut out = Vec::new();
        let pushed = pieces(&body, &cuts).into_iter().try_for_each(|chunk| reply.push(chunk, &mut out));
        let streamed = pushed.and_then(|()| reply.finish());
        match (whole, streamed) {
            (Ok(Upstream::Response(response)), Ok(_)) => prop_assert_eq!(response.id, Some(1234)),
            (Ok(Upstream::Response(response)), Err(_)) => prop_assert_ne!(response.id, Some(1234)),
            (Ok(_) | Err(_), streamed) => prop_assert!(streamed.is_err()),
        }
    }
}
