//! HTTP/2 in clear text, as a mesh or an ingress speaks it that ends TLS: the same port, the same rules.

use http::{Method, StatusCode};
use tests::client::Client;
use tests::http2::Http2;
use tests::upstream::Script;

use super::peers::Scene as Fleet;
use super::scene::{KEY, PING, Scene};

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-echo","arguments":{}}}"#;

/// The headers of a session that was begun over HTTP/1.1.
fn of_session(client: &Client) -> [(&'static str, String); 2] {
    [("mcp-session-id", client.session().unwrap().to_owned()), ("mcp-protocol-version", "2025-11-25".to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_spoken_at_one_port() {
    let scene = Scene::of(Script::echo());
    let http2 = Http2::clear(&scene.switchboard.mcp).await;
    let mut http1 = scene.session().await;
    for _ in 0..3 {
        let answers = [http2.post(KEY, &[], CALL).await.unwrap(), http1.post(CALL).await];
        let [first, second] = answers.each_ref().map(|answer| {
            assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
            let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| *name != "date").collect();
            (headers, &answer.body)
        });
        assert_eq!(first, second);
    }
    // A session is the same by either way, and so is its stream.
    let session = of_session(&http1);
    let headers = session.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut stream = http2.listen("/mcp", KEY, &headers).await.unwrap();
    assert_eq!(stream.status, StatusCode::OK);
    assert!(stream.next().await.unwrap().id.is_some());
    assert_eq!(http2.post(KEY, &headers, PING).await.unwrap().status, StatusCode::OK);
    assert_eq!(http1.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(stream.next().await, None, "it ends with the session");
    assert_eq!(http2.post(KEY, &headers, PING).await.unwrap().status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_the_authority_of_a_request_is_its_host() {
    let scene = Scene::of(Script::echo());
    let http2 = Http2::clear(&scene.switchboard.mcp).await;
    let at = async |url: &str, headers: &[(&str, &str)]| {
        let all = [&[("content-type", "application/json"), ("x-api-key", KEY)], headers].concat();
        http2.send(&Method::POST, url, &all, PING).await.unwrap().status
    };
    assert_eq!(at("http://localhost:8080/mcp", &[]).await, StatusCode::OK);
    assert_eq!(at("http://mcp.example.com/mcp", &[]).await, StatusCode::FORBIDDEN);
    assert_eq!(at("http://mcp.example.com/mcp", &[("host", "localhost")]).await, StatusCode::FORBIDDEN);
    assert_eq!(at("http://localhost:8080/mcp", &[("origin", "https://localhost:8080")]).await, StatusCode::OK);
    assert_eq!(at("http://localhost:8080/mcp", &[("origin", "https://evil.example")]).await, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_heads_have_the_same_limits() {
    let scene = Scene::of(Script::echo());
    let http2 = Http2::clear(&scene.switchboard.mcp).await;
    let status = async |headers: &[(&str, &str)]| http2.post(KEY, headers, PING).await.unwrap().status;
    let (fits, over) = ("x".repeat(63 * 1024), "x".repeat(64 * 1024));
    assert_eq!(status(&[("x-large", &fits)]).await, StatusCode::OK);
    assert_eq!(status(&[("x-large", &over)]).await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(status(&[("x-large", &"x".repeat(100 * 1024))]).await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let names: Vec<_> = (0..101).map(|number| format!("x-{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(status(&many[..90]).await, StatusCode::OK);
    assert_eq!(status(&many).await, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

/// What comes in over HTTP/2 goes on to the process that keeps the session over HTTP/1.1.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_another_process_is_passed_on_to_it() {
    let scene = Fleet::of(2).await;
    let session = of_session(&scene.begin(0).await);
    let headers = session.each_ref().map(|(name, value)| (*name, value.as_str()));
    let elsewhere = Http2::clear(&scene.fleet.process(1).mcp).await;
    let level = r#"{"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"error"}}"#;
    let answer = elsewhere.post(KEY, &headers, level).await.unwrap();
    assert_eq!((answer.status, answer.code()), (StatusCode::OK, None), "{answer:?}");
    let mut stream = elsewhere.listen("/mcp", KEY, &headers).await.unwrap();
    assert!(stream.next().await.unwrap().id.is_some());
    let answered = r#"switchboard_forwarded_requests_total{outcome="answered"}"#;
    assert_eq!(scene.fleet.metric(1, answered).await, 2);
}
