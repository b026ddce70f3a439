//! A gateway that keeps sessions in the process that began them refuses a GET that another replica gets, or takes a
//! DELETE there and leaves the server's session open.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::Client;
use tests::fleet::Fleet;
use tests::manifests::Manifests;
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::until;

use crate::asking::ABLE;
use crate::scene::{KEY, Transport, server};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_replica_listens_at_another_answers_at_a_third_and_ends_at_any() {
    let upstream = Upstream::start(Script { listens: true, ..Script::with([Tool::new("note", Does::Remember)]) });
    let manifests = Manifests::default();
    let spec = json!({"sessionMode": "PerClient"});
    manifests.server("up", &server(Transport::Http, &upstream, &json!(null), &spec)).key("scene", KEY, &["up"]);
    let fleet = Fleet::start(&manifests, 3).await;
    let mut begun = Client::new(&fleet.process(0).mcp).key(KEY);
    begun.initialize_with("2025-06-18", ABLE).await;
    let at = |number: usize| {
        let client = Client::new(&fleet.process(number).mcp).key(KEY).header("mcp-protocol-version", "2025-06-18");
        client.header("mcp-session-id", begun.session().unwrap())
    };
    let (mut one, mut two) = (at(1), at(2));
    // Each gets what the same one session at the server remembers.
    assert_eq!(at(0).call("up-note", r#"{"text":"by the first"}"#).await.text(), "");
    assert_eq!(one.call("up-note", r#"{"text":"by the second"}"#).await.text(), "by the first");
    assert_eq!(two.call("up-note", r#"{"text":""}"#).await.text(), "by the second");
    let calls = upstream.received_of("tools/call");
    let own = calls[0].header("mcp-session-id").unwrap().to_owned();
    assert!(calls.iter().all(|call| call.header("mcp-session-id") == Some(&own)));

    let mut stream = one.listen(&[]).await;
    assert_eq!(stream.status, StatusCode::OK);
    until("the gateway hears the server", SOON, || upstream.is_heard_by_callers().then_some(()));
    upstream.say(r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#);
    let asked = stream.message().await;
    assert_eq!(asked["method"], "roots/list");
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"roots":[]}}}}"#, asked["id"]);
    assert_eq!(two.post(answer).await.status, StatusCode::ACCEPTED);
    until("the server has its answer", SOON, || upstream.answers().iter().any(|(id, _)| id == "7").then_some(()));

    assert_eq!(two.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(stream.next().await, None, "the stream ends with its session");
    let ended = || upstream.received().into_iter().filter(|received| received.http_method == "DELETE");
    until("the server's session ends too", SOON, || {
        ended().any(|ended| ended.header("mcp-session-id") == Some(&own)).then_some(())
    });
    for number in 0..3 {
        let mut client = at(number);
        assert_eq!(client.request("ping", "{}").await.status, StatusCode::NOT_FOUND, "{number}");
        assert_eq!(client.listen(&[]).await.status, StatusCode::NOT_FOUND, "{number}");
        assert_eq!(client.send(&Method::DELETE, &[], "").await.status, StatusCode::NOT_FOUND, "{number}");
    }
}
