use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::annotation;
use super::*;

const SCHEMA: &str = r#"{"inputSchema":{"properties":{
    "region":{"type":"string","x-mcp-header":"Region"},
    "count":{"type":"integer","x-mcp-header":"Count"},
    "deep":{"type":"object","properties":{"dry":{"type":"boolean","x-mcp-header":"Dry-Run"}}}}}}"#;

type Headers<'a> = &'a [(&'a str, &'a [u8])];

/// Why a call with these arguments and headers is refused, if it is.
fn refusal(arguments: &str, headers: Headers<'_>) -> Option<String> {
    let annotations = annotation::read(SCHEMA).unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    let span = Span { start: 0, end: arguments.len() };
    match check(&annotations, &map, arguments.as_bytes(), Some(span)) {
        Ok(()) => None,
        Err(Refusal::Ambiguous(fault)) => Some(fault.code().to_string()),
        Err(Refusal::Mismatch(header, how)) => Some(format!("{header} {how}")),
    }
}

#[test]
fn r6_headers_that_say_what_the_arguments_say() {
    let cases: [(&str, Headers<'_>); 21] = [
        ("{}", &[]),
        (r#"{"region":null,"deep":null,"other":1}"#, &[]),
        (r#"{"deep":{"dry":null}}"#, &[]),
        (r#"{"deep":[true]}"#, &[]),
        (r#"{"region":"us-west1"}"#, &[("Mcp-Param-Region", b"us-west1")]),
        (r#"{"region":"us-west1"}"#, &[("MCP-PARAM-REGION", b" \tus-west1 ")]),
        (r#"{"region":"\u0075s"}"#, &[("mcp-param-region", b"us")]),
        (r#"{"region":""}"#, &[("mcp-param-region", b"")]),
        (r#"{"region":""}"#, &[("mcp-param-region", b"=?base64??=")]),
        (r#"{"region":"us"}"#, &[("mcp-param-region", b"=?base64?dXM=?=")]),
        (r#"{"region":" us"}"#, &[("mcp-param-region", b"=?base64?IHVz?=")]),
        (r#"{"region":"a b"}"#, &[("mcp-param-region", b"a b")]),
        (r#"{"count":42}"#, &[("mcp-param-count", b"42")]),
        (r#"{"count":42}"#, &[("mcp-param-count", b"42.0")]),
        (r#"{"count":4.2e1}"#, &[("mcp-param-count", b"42")]),
        (r#"{"count":9007199254740993}"#, &[("mcp-param-count", b"9007199254740993")]),
        (r#"{"count":42}"#, &[("mcp-param-count", b"=?base64?NDI=?=")]),
        // Of another type than the schema says: for the server to refuse.
        (r#"{"count":"x","region":5}"#, &[("mcp-param-count", b"x"), ("mcp-param-region", b"5")]),
        (r#"{"deep":{"dry":true}}"#, &[("mcp-param-dry-run", b"true")]),
        (r#"{"deep":{"dry":false},"region":"r"}"#, &[("mcp-param-dry-run", b"false"), ("mcp-param-region", b"r")]),
        // Named by no annotation.
        ("{}", &[("mcp-param-other", b"x"), ("mcp-param-other", b"y"), ("mcp-param-", b"\xff")]),
    ];
    for (arguments, headers) in cases {
        assert_eq!(refusal(arguments, headers), None, "{arguments} {headers:?}");
    }
}

#[test]
fn r6_headers_that_say_something_else() {
    let cases: [(&str, Headers<'_>, &str); 24] = [
        (r#"{"region":"us"}"#, &[], "Mcp-Param-Region is missing"),
        (r#"{"region":""}"#, &[], "Mcp-Param-Region is missing"),
        (r#"{"region":["us"]}"#, &[], "Mcp-Param-Region is missing"),
        (r#"{"deep":{"dry":false}}"#, &[], "Mcp-Param-Dry-Run is missing"),
        ("{}", &[("mcp-param-region", b"us")], "Mcp-Param-Region is there"),
        (r#"{"region":null}"#, &[("mcp-param-region", b"null")], "Mcp-Param-Region is there"),
        (r#"{"deep":null}"#, &[("mcp-param-dry-run", b"false")], "Mcp-Param-Dry-Run is there"),
        (r#"{"dry":true}"#, &[("mcp-param-dry-run", b"true")], "Mcp-Param-Dry-Run is there"),
        (r#"{"region":"us"}"#, &[("mcp-param-region", b"eu")], "does not equal"),
        (r#"{"region":"us"}"#, &[("mcp-param-region", b"US")], "does not equal"),
        (r#"{"region":" us"}"#, &[("mcp-param-region", b" us")], "does not equal"),
        (r#"{"region":"us"}"#, &[("mcp-param-region", b"=?base64?dXN=?=")], "is not written"),
        (r#"{"region":"us"}"#, &[("mcp-param-region", b"=?base64?***?=")], "is not written"),
        (r#"{"region":"\ufffd"}"#, &[("mcp-param-region", b"=?base64?/w==?=")], "does not equal"),
        (r#"{"region":"é"}"#, &[("mcp-param-region", "é".as_bytes())], "is not written"),
        (r#"{"region":"\ud800"}"#, &[("mcp-param-region", b"?")], "does not equal"),
        (r#"{"region":"us"}"#, &[("mcp-param-region", b"us"), ("mcp-param-region", b"us")], "stands twice"),
        ("{}", &[("mcp-param-region", b""), ("mcp-param-region", b"")], "stands twice"),
        (r#"{"count":42}"#, &[("mcp-param-count", b"43")], "does not equal"),
        (r#"{"count":9007199254740993}"#, &[("mcp-param-count", b"9007199254740992")], "does not equal"),
        (r#"{"count":"42"}"#, &[("mcp-param-count", b"42.0")], "does not equal"),
        (r#"{"count":1}"#, &[("mcp-param-count", b"true")], "does not equal"),
        (r#"{"deep":{"dry":true}}"#, &[("mcp-param-dry-run", b"True")], "does not equal"),
        (r#"{"region":{}}"#, &[("mcp-param-region", b"{}")], "does not equal"),
    ];
    for (arguments, headers, words) in cases {
        let said = refusal(arguments, headers).expect(arguments);
        assert!(said.contains(words), "{arguments} {headers:?}: {said}");
    }
    let annotations = annotation::read(SCHEMA).unwrap();
    assert_eq!(check(&annotations, &HeaderMap::new(), b"", None), Ok(()), "no arguments at all");
}

#[test]
fn r2_arguments_that_can_be_read_in_two_ways_are_refused() {
    for arguments in [
        r#"{"region":"us","region":"us"}"#,
        r#"{"region":"us","Region":"eu"}"#,
        r#"{"region":"us","other":1,"other":1}"#,
        r#"{"region":"us","deep":{"dry":null,"DRY":true}}"#,
    ] {
        assert_eq!(refusal(arguments, &[("mcp-param-region", b"us")]), Some("-32600".to_owned()), "{arguments}");
    }
}

/// The header that a client makes of a value (Value Encoding).
fn encoded(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let safe = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && text.trim_matches(' ') == text;
    if safe && !(text.starts_with("=?base64?") && text.ends_with("?=")) {
        text
    } else {
        format!("=?base64?{}?=", STANDARD.encode(text))
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        "[ -~]{0,6}".prop_map(Value::from),
        "(=\\?base64\\?)?[A-Za-z=]{0,4}(\\?=)?".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        "(true|false|-?[0-2])".prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn r6_what_a_client_mirrors_passes_and_what_it_makes_of_another_value_does_not(sent in value(), other in value()) {
        for name in ["region", "count"] {
            let (body, header) = (json!({name: sent}).to_string(), format!("mcp-param-{name}"));
            let mirrored = encoded(&sent);
            prop_assert_eq!(refusal(&body, &[(&header, mirrored.as_bytes())]), None);
            // Text is all that a header carries: "1" and 1 are mirrored alike.
            let foreign = encoded(&other);
            if foreign != mirrored && !decimal::are_equal(foreign.as_bytes(), mirrored.as_bytes()) {
                prop_assert!(refusal(&body, &[(&header, foreign.as_bytes())]).is_some(), "{} as {}", sent, foreign);
            }
        }
    }
}
