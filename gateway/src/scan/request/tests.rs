use proptest::prelude::*;

use super::super::lexer::tests::text as json;
use super::*;

fn one(body: &str) -> Message<'_> {
    match request(body.as_bytes()) {
        Ok(Incoming::One(message)) => message,
        other => panic!("{body}: {other:?}"),
    }
}

/// The code and member of the fault that `body` gives.
fn fault(body: &str) -> (i32, Option<&'static str>) {
    let fault = request(body.as_bytes()).expect_err(body);
    (fault.code(), fault.member)
}

fn envelope(members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m"{members}}}"#)
}

fn params(members: &str) -> String {
    envelope(&format!(r#","params":{{{members}}}"#))
}

fn meta(members: &str) -> String {
    params(&format!(r#""_meta":{{{members}}}"#))
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":"a\u0062","method":"tools/c\u0061ll","params":{"name":"gmail-send",
    "arguments":{"name":"inner","n":[1e400]},"_meta":{"progressToken":1.5,"traceparent":"x",
    "io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},
    "io.modelcontextprotocol/clientInfo":{"name":"c"},"io.modelcontextprotocol/logLevel":"info"}}}"#;

#[test]
fn reads_a_call_with_everything() {
    let message = one(CALL);
    let at = |span: Span| std::str::from_utf8(span.of(CALL.as_bytes())).unwrap();
    assert_eq!(at(message.span), CALL);
    assert_eq!(message.id.unwrap().token, br#""a\u0062""#);
    let method = message.method.unwrap();
    assert_eq!((&*method.value, at(method.span)), ("tools/call", r#""tools/c\u0061ll""#));
    let params = message.params.unwrap();
    let name = params.name.unwrap();
    assert_eq!((&name.value, at(name.span)), (&Cow::Borrowed("gmail-send"), r#""gmail-send""#));
    assert_eq!(at(params.arguments.unwrap()), r#"{"name":"inner","n":[1e400]}"#);
    assert!(at(params.object.span).starts_with(r#"{"name""#) && !params.object.empty);
    let meta = params.meta.unwrap();
    assert_eq!(meta.progress_token.unwrap().token, b"1.5");
    assert_eq!(meta.protocol_version.unwrap().value, "2026-07-28");
    assert_eq!(at(meta.client_capabilities.unwrap()), "{}");
    assert_eq!(at(meta.client_info.unwrap()), r#"{"name":"c"}"#);
    assert_eq!(meta.log_level.unwrap().value, "info");
    assert!(at(meta.object.span).starts_with(r#"{"progressToken""#));
}

#[test]
fn reads_the_members_of_other_methods() {
    let body = params(
        r#""uri":"a:b","cursor":"","protocolVersion":"2025-11-25","level":"debug","requestId":7,
        "capabilities":{"roots":{}},"clientInfo":{"name":"c"},"other":{"name":1,"_meta":2},"_meta":{}"#,
    );
    let params = one(&body).params.unwrap();
    let text = |text: Option<Text<'_>>| text.unwrap().value.into_owned();
    assert_eq!(text(params.uri), "a:b");
    assert_eq!(text(params.cursor), "");
    assert_eq!(text(params.protocol_version), "2025-11-25");
    assert_eq!(text(params.level), "debug");
    assert_eq!(params.request_id.unwrap().token, b"7");
    assert_eq!(params.capabilities.unwrap().of(body.as_bytes()), br#"{"roots":{}}"#);
    assert_eq!(params.client_info.unwrap().of(body.as_bytes()), br#"{"name":"c"}"#);
    assert_eq!(params.name, None);
    assert!(params.meta.unwrap().object.empty);
    assert!(one(&envelope(r#","params":{ }"#)).params.unwrap().object.empty);
}

#[test]
fn reads_notifications_and_responses() {
    assert_eq!(one(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).id, None);
    let body = r#"{"jsonrpc":"2.0","id":"x","result":{"a":1,"a":2}}"#;
    let message = one(body);
    assert_eq!((message.method, message.error), (None, None));
    assert_eq!(message.result.unwrap().of(body.as_bytes()), br#"{"a":1,"a":2}"#);
    assert!(one(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#).error.is_some());
}

#[test]
fn ids_are_strings_and_numbers_as_written() {
    for id in ["0", "-1", "1.50", "1E400", "9007199254740993", r#""""#, r#""x\ny""#] {
        assert_eq!(one(&format!(r#"{{"jsonrpc":"2.0","method":"m","id":{id}}}"#)).id.unwrap().token, id.as_bytes());
    }
    for id in ["null", "true", "false", "{}", "[]", r#"{"id":1}"#, r#""\ud800""#] {
        assert_eq!(fault(&format!(r#"{{"jsonrpc":"2.0","method":"m","id":{id}}}"#)), (-32600, Some("id")), "{id}");
    }
}

#[test]
fn an_envelope_must_be_whole() {
    for (body, expected) in [
        (r#"{"method":"m","id":1}"#, Some("jsonrpc")),
        (r#"{"jsonrpc":"1.0","method":"m"}"#, Some("jsonrpc")),
        (r#"{"jsonrpc":2.0,"method":"m"}"#, Some("jsonrpc")),
        (r#"{"jsonrpc":"2.0","id":1}"#, Some("method")),
        (r#"{"jsonrpc":"2.0","id":1,"method":1}"#, Some("method")),
        (r#"{"jsonrpc":"2.0","id":1,"method":null}"#, Some("method")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[]}"#, Some("params")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","params":null}"#, Some("params")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#, Some("message")),
        (r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, Some("message")),
        (r#"{"jsonrpc":"2.0","result":1}"#, Some("id")),
        (r#"{"jsonrpc":"2.0","id":1,"error":1}"#, Some("error")),
        ("1", Some("message")),
        ("\"a\"", Some("message")),
        ("[1]", Some("message")),
        ("[[]]", Some("message")),
    ] {
        assert_eq!(fault(body), (-32600, expected), "{body}");
    }
    for body in
        ["", "{", "nul", "{\"jsonrpc\":\"2.0\",\"method\":\"m\"} x", "{\"jsonrpc\":\"2.0\",\"method\":\"\u{1}\"}"]
    {
        assert_eq!(fault(body).0, -32700, "{body}");
    }
}

#[test]
fn wrong_types_name_the_member() {
    for member in [
        "name",
        "uri",
        "cursor",
        "protocolVersion",
        "level",
        "requestId",
        "arguments",
        "capabilities",
        "clientInfo",
        "_meta",
    ] {
        for value in ["null", "true", "[]"] {
            let (code, at) = fault(&params(&format!(r#""{member}":{value}"#)));
            assert_eq!((code, at.unwrap()), (-32602, &*format!("params.{member}")), "{value}");
        }
    }
    for member in ["progressToken", MODERN_META[0], MODERN_META[1], MODERN_META[2], MODERN_META[3]] {
        for value in ["null", "false", "[{}]"] {
            let (code, at) = fault(&meta(&format!(r#""{member}":{value}"#)));
            assert_eq!((code, at.unwrap()), (-32602, &*format!("params._meta.{member}")), "{value}");
        }
    }
    assert_eq!(fault(&params(r#""name":"\udc00""#)), (-32602, Some("params.name")));
    assert_eq!(fault(&params(r#""arguments":"{}""#)), (-32602, Some("params.arguments")));
}

#[test]
fn r2_a_key_twice_is_refused_at_each_level_that_is_read() {
    for body in [
        envelope(r#","id":1"#),
        envelope(r#","\u0069d":1"#),
        envelope(r#","x":1,"x":2"#),
        params(r#""name":"a","name":"b""#),
        params(r#""name":"a","n\u0061me":"a""#),
        params(r#""x":1,"\u0078":1"#),
        params(r#""":1,"":1"#),
        meta(r#""progressToken":1,"progressToken":1"#),
        meta(r#""x":1,"y":2,"x":1"#),
        format!("[{},{}]", envelope(""), params(r#""name":"a","name":"b""#)),
    ] {
        assert_eq!(fault(&body).0, -32600, "{body}");
    }
    one(&params(r#""arguments":{"a":1,"a":2},"x":{"name":1,"name":2},"_meta":{"x":{"a":1,"a":1},"name":1}"#));
    one(&envelope(r#","name":1,"params":{"method":1,"id":2}"#));
}

#[test]
fn r2_look_alikes_are_refused_at_their_level_only() {
    for body in [
        envelope(r#","ID":2"#),
        envelope(r#","Method":"x""#),
        envelope(r#","method\u0000":"x""#),
        envelope(",\"param\u{17f}\":{}"),
        envelope(r#","re\u017Fult":1"#),
        params(r#""Name":"x""#),
        params(r#""\u0000name":"x""#),
        params(r#""_META":{}"#),
        params(r#""name\u0000x":"x""#),
        meta(r#""progresstoken":1"#),
        meta("\"progressTo\u{212a}en\":1"),
        meta(r#""progressTo\u212aen":1"#),
        meta(r#""io.modelcontextprotocol/protocolversion":"x""#),
    ] {
        assert_eq!(fault(&body).0, -32600, "{body}");
    }
    one(&params(r#""Method":1,"arguments":{"Name":1},"_meta":{"Name":1}"#));
}

#[test]
fn r2_an_object_that_is_read_has_at_most_1024_members() {
    let members = |count: usize| (0..count).map(|index| format!("\"k{index}\":0")).collect::<Vec<_>>().join(",");
    one(&params(&members(1024)));
    assert_eq!(fault(&params(&members(1025))).0, -32600);
    one(&params(&format!("\"arguments\":{{{}}}", members(3000))));
    assert_eq!(fault(&params(&format!("{},\"k9\":1", members(1000)))).0, -32600);
}

#[test]
fn batches_hold_1_to_50_objects() {
    let batch = |count: usize| format!("[{}]", vec![envelope(""); count].join(" , "));
    let body = format!("[{},{}]", params(r#""name":"a""#), envelope(""));
    let Ok(Incoming::Batch(messages)) = request(body.as_bytes()) else { panic!("no batch") };
    assert_eq!(messages[0].params.as_ref().unwrap().name.as_ref().unwrap().value, "a");
    assert_eq!(messages[1].params, None, "nothing of the first message is left in the second");
    assert_eq!(messages[1].span.of(body.as_bytes()), envelope("").as_bytes());
    assert!(matches!(request(batch(50).as_bytes()), Ok(Incoming::Batch(list)) if list.len() == 50));
    assert_eq!(fault(&batch(51)).0, -32600);
    assert_eq!(fault("[]").0, -32600);
    assert_eq!(fault(&format!("[{},null]", envelope(""))).0, -32600);
}

#[test]
fn a_fault_tells_nothing_of_the_text() {
    for body in [
        envelope(r#","id":"s3cret""#),
        params(r#""name":["s3cret"]"#),
        params(r#""s3cret":1,"s3cret":2"#),
        "s3cret".into(),
    ] {
        let fault = request(body.as_bytes()).unwrap_err();
        assert!(!format!("{fault} {fault:?}").contains("s3cret"), "{fault:?}");
    }
}

proptest! {
    #[test]
    fn r2_what_is_read_is_what_serde_json_reads(id in "-?[1-9][0-9]{0,9}|\"[a-z\u{e9}]{0,5}\"", method in "[a-z/\u{e9}\"\\\\\n]{0,8}", name in "[a-z\u{1f600}\"\\\\\u{1}]{0,8}", arguments in json(), other in json()) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let body = format!(r#"{{"x":{other},"params":{{"arguments":{{"a":{arguments}}},"name":{}}},"method":{},"id":{id},"jsonrpc":"2.0"}}"#, quoted(&name), quoted(&method));
        match request(body.as_bytes()) {
            Ok(Incoming::One(message)) => {
                prop_assert_eq!(message.id.unwrap().token, id.as_bytes());
                prop_assert_eq!(message.method.unwrap().value, method);
                let params = message.params.unwrap();
                prop_assert_eq!(params.name.unwrap().value, name);
                prop_assert_eq!(params.arguments.unwrap().of(body.as_bytes()).to_vec(), format!(r#"{{"a":{arguments}}}"#).into_bytes());
            }
            // Other keys may hold half of a surrogate pair; the grammar holds by construction.
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn r2_mutated_bodies_are_judged_without_panic(
        flips in prop::collection::vec(any::<(usize, u8)>(), 0..4),
        cut in any::<Option<usize>>(),
        graft in any::<Option<(usize, usize, usize)>>(),
    ) {
        let mut body = CALL.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at % body.len();
            body[at] = byte;
        }
        if let Some((from, len, to)) = graft {
            let from = from % body.len();
            let piece = body[from..(from + len % 60).min(body.len())].to_vec();
            let to = to % body.len();
            body.splice(to..to, piece);
        }
        if let Some(cut) = cut {
            body.truncate(cut % body.len());
        }
        if request(&body).is_ok() {
            prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok());
        }
    }
}
