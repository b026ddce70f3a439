//! What a server logs on the stream of a call: it goes with that call, to whom it wants it, and to nobody else.

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::{Answer, Client};
use tests::upstream::{Does, Form, Script, Tool};

use super::scene::{Scene, TRANSPORTS, Transport};

const LEVELS: [&str; 4] = ["debug", "info", "error", "emergency"];

fn scene(transport: Transport) -> Scene {
    let levels = LEVELS.map(ToOwned::to_owned).to_vec();
    let script = Script { form: Form::EventStream, ..Script::with([Tool::new("talks", Does::Logs(levels))]) };
    Scene::over(transport, script, &json!({}))
}

/// The levels of the logs before the result, which has to be there.
fn logged(answer: &Answer) -> Vec<&'static str> {
    let messages: Vec<&str> = answer.messages().into_iter().map(|message| str::from_utf8(message).unwrap()).collect();
    let (last, logs) = messages.split_last().unwrap();
    assert!(last.contains(r#""result":"#), "{last}");
    let levels = logs.iter().map(|log| {
        let level = LEVELS.into_iter().find(|level| log.contains(&format!(r#""level":"{level}""#))).unwrap();
        let data = format!(r#""data":{{"of": "{level}","huge":1e400}}"#);
        assert!(log.contains(&data), "as the server wrote it: {log}");
        level
    });
    levels.collect()
}

async fn call(client: &mut Client) -> Vec<&'static str> {
    logged(&client.request("tools/call", r#"{"name":"up-talks"}"#).await)
}

async fn set_level(client: &mut Client, level: &str) -> Answer {
    client.request("logging/setLevel", &format!(r#"{{"level":"{level}"}}"#)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gets_the_logs_of_its_calls_from_the_level_that_it_set() {
    let scene = scene(Transport::Http);
    let (mut one, mut other) = (scene.session().await, scene.session().await);
    assert_eq!(call(&mut one).await, LEVELS, "until a level is set all that the server sends");
    for (level, expected) in [("error", &LEVELS[2..]), ("notice", &LEVELS[2..]), ("info", &LEVELS[1..])] {
        let answer = set_level(&mut one, level).await;
        assert_eq!(answer.json()["result"], json!({}), "{level}");
        assert_eq!(call(&mut one).await, expected, "{level}");
    }
    assert_eq!(call(&mut other).await, LEVELS, "another session of the same caller has its own level");
    assert_eq!(scene.upstream.posts("logging/setLevel"), 0, "others share the server's session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_is_none_and_one_without_a_session_are_refused() {
    let scene = scene(Transport::Http);
    let mut session = scene.session().await;
    for level in ["loud", "", "Error"] {
        assert_eq!(set_level(&mut session, level).await.json()["error"]["code"], -32602, "{level}");
    }
    let mut nobody = scene.client();
    assert_eq!(set_level(&mut nobody, "error").await.json()["error"]["code"], -32600);
    assert_eq!(call(&mut nobody).await, LEVELS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modern_request_gets_the_logs_that_it_asks_for_and_none_if_it_does_not() {
    let scene = scene(Transport::Http);
    let mut client = scene.client();
    let levels = [(r#""io.modelcontextprotocol/logLevel":"error","#, &LEVELS[2..]), ("", &[])];
    for (meta, expected) in levels {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"up-talks","_meta":{{{meta}"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
        );
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "up-talks")];
        let answer = client.send(&Method::POST, &headers, body).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(logged(&answer), expected, "{meta}");
    }
    let refused = client.modern("logging/setLevel", None, r#""level":"error""#).await;
    assert_eq!(refused.json()["error"]["code"], -32601);
}

#[tokio::test(flavor = "multi_thread")]
async fn r10_logs_that_are_of_no_call_reach_nobody() {
    // A child, and an HTTP+SSE server, have one stream for all callers: nothing says whose call a log is of.
    for transport in TRANSPORTS.into_iter().filter(|transport| *transport != Transport::Http) {
        let scene = scene(transport);
        assert_eq!(call(&mut scene.session().await).await, [""; 0], "{transport:?}");
    }
}
