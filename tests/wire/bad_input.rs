//! Bad input: each has a clear HTTP or JSON-RPC error with a JSON body, none
//! reaches a server, and the next good call works.

use http::{Method, StatusCode};
use serde_json::Value;
use tests::client::{Answer, Client};
use tests::raw;
use tests::upstream::Script;

use super::scene::{KEY, Scene};

/// A body of the newest legacy revision that is refused: its name, its bytes, the codes that say so.
struct Case {
    name: &'static str,
    body: Vec<u8>,
    codes: &'static [i64],
}

fn case(name: &'static str, body: impl Into<Vec<u8>>, codes: &'static [i64]) -> Case {
    Case { name, body: body.into(), codes }
}

const PARSE: &[i64] = &[-32700];
const INVALID: &[i64] = &[-32600];
const EITHER: &[i64] = &[-32700, -32600];

fn call(arguments: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"up-echo","arguments":{arguments}}}}}"#)
}

fn malformed() -> Vec<Case> {
    let good = call("{}");
    vec![
        case("nothing", "", EITHER),
        case("truncated", &good[..good.len() - 2], PARSE),
        case("cut within a string", r#"{"jsonrpc":"2.0","id":1,"method":"tools"#, PARSE),
        case("two values", format!("{good} {good}"), PARSE),
        case("a trailing bracket", format!("{good}]"), PARSE),
        case("not JSON", "hello", PARSE),
        case("bad UTF-8", [call("{\"a\":\"").trim_end_matches('}').as_bytes(), b"\xff\xfe\"}}}"].concat(), PARSE),
        case("an overlong UTF-8 slash", b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc0\xaf\"}".to_vec(), PARSE),
        case("nested 10,000 deep", call(&("[".repeat(10_000) + &"]".repeat(10_000))), EITHER),
        case("nested 10,000 objects deep", call(&(r#"{"a":"#.repeat(10_000) + "1" + &"}".repeat(10_000))), EITHER),
        case("a number", "5", INVALID),
        case("a string", "\"tools/call\"", INVALID),
        case("null", "null", INVALID),
        case("no members", "{}", INVALID),
        case("another jsonrpc", good.replace(r#""2.0""#, r#""1.0""#), INVALID),
        case("no jsonrpc", good.replace(r#""jsonrpc":"2.0","#, ""), INVALID),
        case("a number as method", r#"{"jsonrpc":"2.0","id":1,"method":5}"#, INVALID),
        case("an object as id", r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, INVALID),
        case("an array as id", r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, INVALID),
        case("null as id", r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID),
        case("text as params", r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":"x"}"#, &[-32600, -32602]),
        case(
            "a list as params",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["up-echo"]}"#,
            &[-32600, -32602],
        ),
        case("a batch", format!("[{good}]"), INVALID),
    ]
}

/// Duplicate and look-alike keys (R2): after unescaping, case folding, or trimming NULs they are one.
fn look_alikes() -> Vec<Case> {
    let name = |extra: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"up-echo",{extra},"arguments":{{}}}}}}"#
        )
    };
    let top = |extra: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call",{extra},"params":{{"name":"up-echo"}}}}"#)
    };
    vec![
        case("two names", name(r#""name":"up-other""#), INVALID),
        case("two equal names", name(r#""name":"up-echo""#), INVALID),
        case("Name", name(r#""Name":"up-other""#), INVALID),
        case("NAME", name(r#""NAME":"up-other""#), INVALID),
        case("an escaped name", name(r#""n\u0061me":"up-other""#), INVALID),
        case("a name with NUL", name(r#""name\u0000":"up-other""#), INVALID),
        case("two arguments", name(r#""arguments":{"a":1}"#), INVALID),
        case("two _meta", name(r#""_meta":{},"_meta":{}"#), INVALID),
        case("two progress tokens", name(r#""_meta":{"progressToken":1,"progressToken":2}"#), INVALID),
        case("ProgressToken", name(r#""_meta":{"progressToken":1,"ProgressToken":2}"#), INVALID),
        case("two methods", top(r#""method":"ping""#), INVALID),
        case("Method", top(r#""Method":"ping""#), INVALID),
        case("an escaped method", top(r#""\u006dethod":"ping""#), INVALID),
        case("two ids", top(r#""id":2"#), INVALID),
        case("two params", top(r#""params":{"name":"up-other"}"#), INVALID),
        // U+017F and U+212A fold to s and K in Go's decoder.
        case("param\u{17f}", top("\"param\u{17f}\":{\"name\":\"up-other\"}"), INVALID),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_malformed_bodies_are_400_with_a_code() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    for case in malformed().into_iter().chain(look_alikes()) {
        let answer = client.post(case.body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}: {answer:?}", case.name);
        let code = answer.code();
        assert!(code.is_some_and(|code| case.codes.contains(&code)), "{}: {answer:?}", case.name);
        works(&mut client, case.name).await;
    }
    let good = (malformed().len() + look_alikes().len()) as u64;
    assert_eq!(scene.upstream.posts("tools/call"), good, "no bad body reached the server");
}

/// The next call on the same session is as if nothing had been.
async fn works(client: &mut Client, after: &str) {
    let answer = client.call("up-echo", "{}").await;
    assert!(!answer.is_tool_error(), "after {after}: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_what_only_looks_odd_passes() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    let deep = "[".repeat(100) + &"]".repeat(100);
    for arguments in [
        r#"{"a":1,"a":2}"#, // duplicates below `arguments` are the tool's affair
        r#"{"Name":"x","NAME":"y"}"#,
        r#"{"\u0000":"\ud83d\ude00"}"#,
        &format!(r#"{{"deep":{deep}}}"#),
    ] {
        let answer = client.call("up-echo", arguments).await;
        assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{arguments}: {answer:?}");
    }
    let string_id = client.post(r#"{"jsonrpc":"2.0","id":"abc","method":"ping"}"#).await;
    assert_eq!(string_id.json()["id"], "abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_method_and_an_unknown_tool_say_so() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    assert_eq!(client.request("tools/burn", "{}").await.code(), Some(-32601));
    let unknown = client.call("up-nope", "{}").await;
    assert!(unknown.is_tool_error());
    assert_eq!(unknown.text(), "Error: Tool 'up-nope' not found");
    works(&mut client, "an unknown tool").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_served_for_2025_03_26_and_refused_later() {
    let scene = Scene::of(Script::echo());
    let ping = |id: usize| format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
    let batch = format!("[{},{}]", ping(1), call("{}").replace(r#""id":1"#, r#""id":2"#));
    let mut old = scene.client();
    old.initialize("2025-03-26").await;
    let answer = old.post(batch.clone()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut ids: Vec<i64> = responses(&answer).iter().map(|response| response["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    let told = old.post(r#"[{"jsonrpc":"2.0","method":"notifications/initialized"}]"#).await;
    assert_eq!(told.status, StatusCode::ACCEPTED, "notifications alone have no answer");
    for (name, body) in [
        ("an empty batch", "[]".to_owned()),
        ("51 entries", format!("[{}]", (0..51).map(ping).collect::<Vec<_>>().join(","))),
    ] {
        let refused = old.post(body).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, Some(-32600)), "{name}");
    }
    for revision in ["2025-06-18", "2025-11-25"] {
        let mut later = scene.client();
        later.initialize(revision).await;
        let refused = later.post(batch.clone()).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, Some(-32600)), "{revision}");
    }
}

/// The responses to a batch: one array, or messages of a stream.
fn responses(answer: &Answer) -> Vec<Value> {
    let all = answer.messages().into_iter().map(|message| serde_json::from_slice(message).unwrap());
    all.flat_map(|value: Value| value.as_array().cloned().unwrap_or_else(|| vec![value])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_headers_have_their_status() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    let cases: &[(&str, &str, StatusCode)] = &[
        ("accept", "text/html", StatusCode::NOT_ACCEPTABLE),
        ("accept", "text/event-stream;q=0", StatusCode::NOT_ACCEPTABLE),
        ("content-type", "text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("content-type", "application/x-www-form-urlencoded", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("content-encoding", "gzip", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ("origin", "http://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("host", "evil.example", StatusCode::FORBIDDEN),
        ("host", "evil.example:80", StatusCode::FORBIDDEN),
        ("mcp-protocol-version", "2001-01-01", StatusCode::BAD_REQUEST),
    ];
    for (name, value, status) in cases {
        let answer = client.send(&Method::POST, &[(name, value)], call("{}")).await;
        assert_eq!(answer.status, *status, "{name}: {value}: {answer:?}");
        assert!(serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| body.is_object()), "{name}: {answer:?}");
        works(&mut client, name).await;
    }
    for method in [Method::PUT, Method::PATCH, Method::OPTIONS] {
        let answer = client.send(&method, &[], "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(scene.upstream.posts("tools/call"), cases.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_origin_and_host_of_this_machine_pass() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    let address = client.address();
    for (name, value) in [
        ("origin", format!("http://{address}")),
        ("host", format!("localhost:{}", address.port())),
        ("host", format!("127.0.0.1:{}", address.port())),
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("accept", "*/*".to_owned()),
    ] {
        let answer = client.send(&Method::POST, &[(name, &value)], call("{}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {value}: {answer:?}");
    }
    let admin = Client::new(&format!("{}/status", scene.switchboard.admin));
    let foreign = { admin }.send(&Method::GET, &[("host", "evil.example")], "").await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN, "the admin port too");
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_a_body_of_100_mb_is_413_declared_or_not() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    let size = 100_000_000;
    let memory = tests::usage::rss_bytes(scene.switchboard.pid());
    let common = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nx-litellm-api-key: {KEY}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n",
        client.address()
    );
    let declared = format!("{common}Content-Length: {size}\r\n");
    let chunked = format!("{common}Transfer-Encoding: chunked\r\n");
    let body = call(&format!(r#"{{"a":"{}"}}"#, "x".repeat(size - 200)));
    let in_chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for (head, body) in [(declared, body), (chunked, in_chunks)] {
        let reply = raw::exchange(client.address(), &head, body.as_bytes()).await;
        assert_eq!(reply.status(), Some(StatusCode::PAYLOAD_TOO_LARGE), "{}", &reply.text[..reply.text.len().min(300)]);
        assert!(reply.body().contains('{'), "a JSON body");
        works(&mut client, "100 MB").await;
    }
    let grown = tests::usage::rss_bytes(scene.switchboard.pid()).saturating_sub(memory);
    assert!(grown < 32 << 20, "it held {grown} bytes of them");
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_headers_over_64_kib_are_431() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    for (name, filler) in [
        ("one large", format!("X-Large: {}\r\n", "x".repeat(70_000))),
        (
            "many small",
            (0..2_000).fold(String::new(), |all, number| all + &format!("X-{number}: {}\r\n", "y".repeat(40))),
        ),
    ] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nx-litellm-api-key: {KEY}\r\n{filler}Content-Length: 0\r\n",
            client.address()
        );
        let reply = raw::exchange(client.address(), &head, b"").await;
        let status = reply.status();
        assert_eq!(status, Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE), "{name}: {}", reply.text);
        works(&mut client, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_http_end_their_connection_only() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.session().await;
    let address = client.address();
    let smuggled = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nx-litellm-api-key: {KEY}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    );
    for head in [
        "NONSENSE\r\n".to_owned(),
        "\u{16}\u{3}\u{1}TLS hello\r\n".to_owned(),
        format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Length: -1\r\n"),
        format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nBad Name: 1\r\n"),
    ] {
        let reply = raw::exchange(address, &head, b"").await;
        assert!(reply.status().is_none_or(|status| status.is_client_error()), "{}", reply.text);
        works(&mut client, &head).await;
    }
    let reply = raw::exchange(address, &smuggled, b"0\r\n\r\n").await;
    assert!(!reply.text.contains("200 OK"), "{}", reply.text);
    works(&mut client, "two lengths").await;
}
