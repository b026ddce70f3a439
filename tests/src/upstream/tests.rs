use std::time::Duration;

use http::{Method, StatusCode};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::*;
use crate::client::Client;
use crate::wait::until;

async fn session(upstream: &Upstream) -> Client {
    let mut client = Client::new(&upstream.url());
    client.initialize("2025-11-25").await;
    client
}

#[tokio::test]
async fn answers_as_a_plain_server_and_counts_its_posts() {
    let upstream = Upstream::start(Script::echo());
    let mut client = session(&upstream).await;
    assert_eq!(client.tools().await, ["echo"]);
    let answer = client.call("echo", r#"{"z":1e400,"a":9007199254740993}"#).await;
    let text = String::from_utf8(answer.message().to_vec()).unwrap();
    assert!(text.contains(r#""params":{"name":"echo","arguments":{"z":1e400,"a":9007199254740993}}"#), "{text}");
    assert_eq!((upstream.posts("tools/call"), upstream.posts("initialize"), upstream.all_posts()), (1, 1, 4));
    assert_eq!(upstream.received_of("tools/call")[0].header("mcp-protocol-version"), Some("2025-11-25"));
    assert_eq!(client.call("nope", "{}").await.code(), Some(-32602));
}

#[tokio::test]
async fn pages_its_list_and_streams_its_replies() {
    let upstream = Upstream::start(Script { page: Some(50), form: Form::EventStream, ..Script::many(500) });
    let mut client = session(&upstream).await;
    let tools = client.tools().await;
    assert_eq!((tools.len(), tools[499].as_str()), (500, "tool_499"));
    assert_eq!(upstream.posts("tools/list"), 10);
}

#[tokio::test]
async fn insists_on_sessions_and_forgets_them_when_told() {
    let upstream = Upstream::start(Script::echo());
    let mut client = session(&upstream).await;
    upstream.forget_sessions();
    assert_eq!(client.call("echo", "{}").await.status, StatusCode::NOT_FOUND);
    client.drop_header("mcp-session-id");
    assert_eq!(client.call("echo", "{}").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn remembers_within_a_session_alone() {
    let upstream = Upstream::start(Script::with([Tool::new("note", Does::Remember)]));
    let (mut one, mut other) = (session(&upstream).await, session(&upstream).await);
    assert_eq!(one.call("note", r#"{"text":"mine"}"#).await.text(), "");
    assert_eq!(other.call("note", r#"{"text":"theirs"}"#).await.text(), "");
    assert_eq!(one.call("note", r#"{"text":""}"#).await.text(), "mine");
}

#[tokio::test]
async fn misbehaves_as_told() {
    let upstream = Upstream::start(Script::with([
        Tool::new("html", Does::Html),
        Tool::new("wrong", Does::WrongId),
        Tool::new("elsewhere", Does::Redirect("http://127.0.0.1:1/".to_owned())),
        Tool::new("full", Does::Status(429)),
        Tool::new("large", Does::Huge(1_000_000)),
        Tool::new("steps", Does::Progress(3)),
    ]));
    let mut client = session(&upstream).await;
    assert!(client.call("html", "{}").await.body.starts_with(b"<html>"));
    assert_eq!(client.call("wrong", "{}").await.json()["id"], 987_654_321);
    assert_eq!(client.call("elsewhere", "{}").await.headers["location"], "http://127.0.0.1:1/");
    assert_eq!(client.call("full", "{}").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(client.call("large", "{}").await.text().len(), 1_000_000);
    let steps = client.request("tools/call", r#"{"name":"steps","_meta":{"progressToken":"t"}}"#).await;
    assert_eq!(steps.messages().len(), 4);
    let refused = Upstream::start(Script {
        required: Some(("authorization".to_owned(), "Bearer right".to_owned())),
        ..Script::echo()
    });
    assert_eq!(Client::new(&refused.url()).try_initialize("2025-11-25").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn half_a_body_and_an_endless_event_are_what_they_say() {
    let upstream = Upstream::start(Script {
        sessions: false,
        ..Script::with([Tool::new("half", Does::Half), Tool::new("endless", Does::EndlessEvent)])
    });
    for (tool, at_least) in [("half", 10), ("endless", 1_000_000)] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
        let mut stream = tokio::net::TcpStream::connect(upstream.address()).await.unwrap();
        let head = format!("POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all([head, body].concat().as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 65536];
        while let Ok(read @ 1..) = stream.read(&mut chunk).await {
            bytes.extend_from_slice(&chunk[..read]);
            if bytes.len() > at_least && tool == "endless" {
                break;
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.len() > at_least && !text.trim_end().ends_with("}}"), "{tool}: {} bytes", text.len());
    }
}

#[tokio::test]
async fn speaks_http_with_sse() {
    let upstream = Upstream::start(Script::echo());
    let mut stream = tokio::net::TcpStream::connect(upstream.address()).await.unwrap();
    stream.write_all(b"GET /sse HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    let data = async |lines: &mut tokio::io::Lines<BufReader<tokio::net::TcpStream>>| loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            return data.to_owned();
        }
    };
    let endpoint = data(&mut lines).await;
    let mut client = Client::new(&upstream.url()).path(&endpoint);
    let accepted = client.request("tools/list", "{}").await;
    assert_eq!((accepted.status, accepted.body.len()), (StatusCode::ACCEPTED, 0));
    assert!(data(&mut lines).await.contains(r#""name":"echo""#));
    let nowhere = client.send(&Method::POST, &[], "{}").await;
    assert_eq!(nowhere.status, StatusCode::ACCEPTED);
    let mut other = Client::new(&upstream.url()).path("/messages?session=99");
    assert_eq!(other.request("ping", "{}").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn offers_what_it_has_and_counts_each_method() {
    let script = Script::default()
        .prompts(["one", "two", "three"].map(|name| Entry::prompt(name, Does::Echo)))
        .resources([Entry::resource("test://a", Does::Echo), Entry::resource("test://b", Does::Echo).unlisted()])
        .templates([Entry::template("test://of/{id}", Does::Echo)])
        .instead("resources/templates/list", Does::Error(r#"{"code":-1,"message":"no"}"#.to_owned()));
    let upstream = Upstream::start(Script { page: Some(2), ..script });
    let mut client = Client::new(&upstream.url());
    let hello = client.initialize("2025-11-25").await;
    assert_eq!(hello["capabilities"], serde_json::json!({"prompts": {}, "resources": {}}));
    let page = client.request("prompts/list", "{}").await.json();
    assert_eq!(
        (page["result"]["prompts"].as_array().unwrap().len(), &page["result"]["nextCursor"]),
        (2, &"from 2".into())
    );
    let last = client.request("prompts/list", r#"{"cursor":"from 2"}"#).await.json();
    assert_eq!(last["result"], serde_json::json!({"prompts": [{"name": "three"}]}));
    let resources = client.request("resources/list", "{}").await.json();
    assert_eq!(resources["result"]["resources"].as_array().unwrap().len(), 1, "{resources}");
    assert_eq!(client.request("resources/templates/list", "{}").await.code(), Some(-1));
    let got = client.request("prompts/get", r#"{"name":"two"}"#).await.json();
    assert_eq!(got["result"]["echo"]["name"], "two", "{got}");
    for uri in ["test://a", "test://b", "test://of/7"] {
        let read = client.request("resources/read", &format!(r#"{{"uri":"{uri}"}}"#)).await.json();
        assert_eq!(read["result"]["contents"][0]["uri"], uri, "{read}");
    }
    assert_eq!(client.request("resources/read", r#"{"uri":"test://c"}"#).await.code(), Some(-32002));
    assert_eq!(client.request("completion/complete", "{}").await.code(), Some(-32601));
    let counted = ["prompts/list", "prompts/get", "resources/read"].map(|method| upstream.posts(method));
    assert_eq!(counted, [2, 1, 4]);
}

#[test]
fn a_dead_url_refuses() {
    let (address, _) = crate::client::split(&dead_url());
    until("a refusal", Duration::from_secs(5), || std::net::TcpStream::connect(address).is_err().then_some(()));
}
