use super::*;

fn response(line: &str) -> Response {
    match message(line.as_bytes()) {
        Ok(Upstream::Response(response)) => response,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str) -> Fault {
    message(line.as_bytes()).expect_err(line)
}

#[test]
fn reads_results() {
    let line = r#"{"jsonrpc":"2.0","result":{"content":[{"isError":true,"isError":1}],"isError":true,"resultType":"in\u0070ut_required"},"id":12}"#;
    let response = response(line);
    assert_eq!(response.id, Some(12));
    assert_eq!(response.id_span.unwrap().of(line.as_bytes()), b"12");
    let result = response.result.unwrap();
    assert!(result.is_error && !result.object.unwrap().empty);
    assert_eq!(result.result_type, Some(Cow::Borrowed("input_required")));
    assert!(line[result.span.start..].starts_with("{\"content\"") && line[..result.span.end].ends_with("required\"}"));
}

#[test]
fn says_whether_members_fit_into_a_result() {
    let object = |result: &str| response(&format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#)).result.unwrap();
    assert!(object("{ }").object.unwrap().empty);
    assert!(!object(r#"{"x":1}"#).object.unwrap().empty);
    assert!(object("[{}]").object.is_none() && object("null").object.is_none());
    assert!(!object(r#"{"isError":false}"#).is_error);
    assert_eq!(object(r#"{"resultType":"task"}"#).result_type.as_deref(), Some("task"));
}

#[test]
fn reads_errors() {
    let line = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"x","data":{"code":1}}}"#;
    let error = response(line).error.unwrap();
    assert_eq!((error.code, error.code_span.unwrap().of(line.as_bytes())), (Some(-32002), &b"-32002"[..]));
    let odd = response(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1e3}}"#).error.unwrap();
    assert_eq!((odd.code, odd.code_span.is_some()), (None, true));
}

#[test]
fn r3_ids_that_we_never_give_are_not_ours() {
    let id = |id: &str| response(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)).id;
    assert_eq!(id("0"), Some(0));
    assert_eq!(id("18446744073709551615"), Some(u64::MAX));
    for other in ["-1", "-0", "1.0", "1e0", "18446744073709551616", r#""1""#, "null"] {
        assert_eq!(id(other), None, "{other}");
    }
    assert_eq!(response(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":""}}"#).id_span, None);
}

#[test]
fn reads_requests_and_notifications() {
    let line = r#"{"jsonrpc":"2.0","id":"s-1","method":"sampling/createMessage","params":{"messages":[]}}"#;
    let Ok(Upstream::Request(call)) = message(line.as_bytes()) else { panic!("no request") };
    assert_eq!((call.id.unwrap().token, &*call.method.value), (&b"\"s-1\""[..], "sampling/createMessage"));
    let line = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1,
        "requestId":"r","uri":"a:\u0062","_meta":{"io.modelcontextprotocol/subscriptionId":3}}}"#;
    let Ok(Upstream::Notification(call)) = message(line.as_bytes()) else { panic!("no notification") };
    assert_eq!(call.progress_token.unwrap().token, b"7");
    assert_eq!(call.progress_token.unwrap().span.of(line.as_bytes()), b"7");
    assert_eq!(call.request_id.unwrap().token, b"\"r\"");
    assert_eq!(call.uri.unwrap().value, "a:b");
    assert_eq!(call.subscription.unwrap().token, b"3");
    assert!(!call.params.unwrap().empty && !call.meta.unwrap().empty);
}

#[test]
fn r3_two_readings_are_refused() {
    for members in [
        r#""id":1,"id":1,"result":{}"#,
        r#""id":1,"\u0069d":2,"result":{}"#,
        r#""id":1,"ID":2,"result":{}"#,
        r#""id":1,"x":1,"x":1,"result":{}"#,
        r#""id":1,"result":{},"Result":{}"#,
        r#""id":1,"result":{"isError":false,"isError":true}"#,
        r#""id":1,"result":{"isError":false,"iserror":true}"#,
        r#""id":1,"result":{"content":[],"content":[]}"#,
        r#""id":1,"result":{"resultType\u0000":"complete"}"#,
        r#""id":1,"error":{"code":1,"code":2}"#,
        r#""method":"x","params":{"progressToken":1,"progresstoken":2}"#,
    ] {
        assert_eq!(refused(&format!(r#"{{"jsonrpc":"2.0",{members}}}"#)).code(), -32600, "{members}");
    }
}

#[test]
fn r3_no_message_at_all_is_refused() {
    for line in [
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#,
        r#"{"jsonrpc":"2.0","id":{},"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":true,"result":{}}"#,
        r#"{"jsonrpc":"1.0","id":1,"result":{}}"#,
        r#"{"id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"isError":"no"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":1}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"\ud800"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":"1"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#,
        r#"{"jsonrpc":"2.0","method":"x","params":[]}"#,
        "[]",
        "7",
    ] {
        assert_eq!(refused(line).code(), -32600, "{line}");
    }
    assert_eq!(refused(r#"{"jsonrpc":"2.0","id":1,"result":{}}{}"#).code(), -32700);
    assert_eq!(refused("Starting server on stdio").code(), -32700);
}

#[test]
fn keys_and_values_that_are_read_have_a_bound() {
    let line = |len: usize| format!(r#"{{"jsonrpc":"2.0","id":1,"{}":1,"result":{{}}}}"#, "k".repeat(len));
    response(&line(16 * 1024 - 2));
    assert_eq!(refused(&line(16 * 1024)).code(), -32600);
    response(&format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"x":"{}"}}}}"#, "k".repeat(100_000)));
}
