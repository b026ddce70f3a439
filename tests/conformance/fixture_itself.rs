//! What the fixture does beyond what the suite asks: it counts, and it tells watchers of a resource. Other tests rely
//! on both.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tests::client::{Client, MODERN, connect, get, modern_body, split};
use tokio::time::timeout;

use crate::server::Fixture;

/// How long a notification may take.
const DEADLINE: Duration = Duration::from_secs(10);

const WATCHED: &str = r#""test://watched-resource""#;

#[tokio::test]
async fn counts_are_of_what_came_in() {
    let fixture = Fixture::start();
    let mut client = Client::new(&fixture.mcp);
    client.initialize("2025-11-25").await;
    for _ in 0..3 {
        assert!(!client.call("test_simple_text", "{}").await.is_tool_error());
    }
    assert_eq!(client.call("no_such_tool", "{}").await.code(), Some(-32602), "refused, and it did come in");
    client.modern("tools/call", Some("greet"), r#""name":"greet","arguments":{}"#).await;
    client.post("{").await;
    let counts: Value = serde_json::from_slice(&get(&fixture.counts).await.body).unwrap();
    assert_eq!(
        counts,
        json!({
            "requests": {"initialize": 1, "tools/call": 5},
            "notifications": {"notifications/initialized": 1},
            "calls": {"test_simple_text": 3, "no_such_tool": 1, "greet": 1},
            "responses": 0,
            "unreadable": 1,
        })
    );
}

#[tokio::test]
async fn a_session_that_watches_a_resource_is_told_of_its_change() {
    let fixture = Fixture::start();
    let mut client = Client::new(&fixture.mcp);
    client.initialize("2025-11-25").await;
    client.request("resources/subscribe", &format!(r#"{{"uri":{WATCHED}}}"#)).await;
    let session = client.session().unwrap();
    let headers = [("mcp-session-id", session), ("mcp-protocol-version", "2025-11-25")];
    let mut stream = open(&fixture.mcp, &Method::GET, &headers, "").await;
    client.call("test_trigger_resource_change", "{}").await;
    read_to(&mut stream, "notifications/resources/updated").await;
}

#[tokio::test]
async fn a_subscription_to_a_resource_is_told_of_its_change() {
    let fixture = Fixture::start();
    let headers = [("mcp-protocol-version", MODERN), ("mcp-method", "subscriptions/listen")];
    let params = format!(r#""notifications":{{"resourceSubscriptions":[{WATCHED}]}}"#);
    let body = modern_body(7, "subscriptions/listen", &params);
    let mut stream = open(&fixture.mcp, &Method::POST, &headers, &body).await;
    read_to(&mut stream, "notifications/subscriptions/acknowledged").await;
    let tool = "test_trigger_resource_change";
    let mut client = Client::new(&fixture.mcp);
    client.modern("tools/call", Some(tool), &format!(r#""name":"{tool}","arguments":{{}}"#)).await;
    read_to(&mut stream, "notifications/resources/updated").await;
}

/// Opens a stream on a connection of its own.
async fn open(url: &str, method: &Method, headers: &[(&str, &str)], body: &str) -> Incoming {
    let (address, path) = split(url);
    let body = Full::new(Bytes::from(body.to_owned()));
    let mut request = Request::builder().method(method).uri(path).body(body).unwrap();
    let accept = "application/json, text/event-stream";
    let host = address.to_string();
    let usual = [("host", host.as_str()), ("content-type", "application/json"), ("accept", accept)];
    let all = usual.iter().chain(headers).map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    *request.headers_mut() = all.collect::<HeaderMap>();
    let answer = connect(address).await.unwrap().send_request(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.into_body()
}

/// Reads until an event that holds this text.
async fn read_to(stream: &mut Incoming, text: &str) {
    let mut seen = String::new();
    let read = async {
        while let Some(frame) = stream.frame().await {
            seen += &String::from_utf8(frame.unwrap().into_data().unwrap().into()).unwrap();
            if seen.contains(text) {
                return true;
            }
        }
        false
    };
    let found = timeout(DEADLINE, read).await;
    assert_eq!(found, Ok(true), "{text} on the stream: {seen}");
}
