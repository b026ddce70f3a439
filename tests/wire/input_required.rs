//! Servers that ask in the middle of a call, for clients of the other era: a result that asks for input becomes requests on
//! the stream of a legacy client's call, and a legacy server's requests become such a result for a modern client.

use http::{Method, StatusCode};
use serde_json::Value;
use tests::client::{Answer, Client};
use tests::upstream::modern::STATE;
use tests::upstream::{Does, Form, Script, Tool};

use super::asking::{ABLE, ALICE, BOB, Clients, call};

const SAMPLE: &str = r#"{"messages":[],"maxTokens":1e400,"unknown":{"b":1,"a":2}}"#;
const FORM: &str = r#"{"message":"who?","requestedSchema":{"type":"object","properties":{}}}"#;

fn questions() -> Vec<(String, String)> {
    [("sampling/createMessage", SAMPLE), ("elicitation/create", FORM)].map(|(a, b)| (a.to_owned(), b.to_owned())).into()
}

fn modern_server() -> Script {
    Script::with([Tool::new("ask", Does::Require(questions()))]).modern()
}

fn legacy_server() -> Script {
    Script { form: Form::EventStream, ..Script::with([Tool::new("ask", Does::Ask(questions()))]) }
}

/// A call of a modern client that can be asked for everything but to go elsewhere; `more`: members of params.
async fn ask(clients: &Clients, key: &str, arguments: &str, more: &str) -> Answer {
    ask_as(clients, (key, ABLE), arguments, more).await
}

async fn ask_as(clients: &Clients, (key, able): (&str, &str), arguments: &str, more: &str) -> Answer {
    let meta = format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{able}}}"#
    );
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"m","method":"tools/call","params":{{"name":"up-ask","arguments":{arguments}{more},{meta}}}}}"#
    );
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "up-ask")];
    Client::new(&clients.switchboard.mcp).key(key).send(&Method::POST, &headers, body).await
}

/// The id of a message that holds a number which nothing here can read.
fn id_of(message: &str) -> Value {
    serde_json::from_str::<Value>(&message.replace("1e400", "1")).unwrap()["id"].clone()
}

fn with(state: &str, responses: &str) -> String {
    format!(r#","inputResponses":{responses},"requestState":{}"#, Value::from(state))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_legacy_client_is_asked_on_the_stream_of_its_call_for_a_modern_server() {
    let clients = Clients::of(modern_server());
    let mut client = clients.session(ALICE, "2025-06-18", ABLE).await;
    let mut called = call(&client).await;
    for (method, params, answer) in [
        ("sampling/createMessage", SAMPLE, r#"{"z":1e400,"a":[ 1 ]}"#),
        ("elicitation/create", FORM, r#"{"action":"accept","content":{}}"#),
    ] {
        let question = called.next().await.unwrap().data;
        assert!(question.ends_with(&format!(r#""method":"{method}","params":{params}}}"#)), "{question}");
        let id = id_of(&question);
        let told = client.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{answer}}}"#)).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
    }
    let last = called.next().await.unwrap().data;
    let answers = r#"{"answers":{"q0":{"z":1e400,"a":[ 1 ]},"q1":{"action":"accept","content":{}}}}"#;
    assert!(last.contains(answers) && last.starts_with(r#"{"jsonrpc":"2.0","id":"c""#), "{last}");
    assert!(!last.contains("resultType"), "{last}");
    assert_eq!(called.next().await, None);
    assert_eq!(clients.upstream.received_of("tools/call").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_legacy_client_does_not_give_fails_its_call_alone() {
    let clients = Clients::of(modern_server());
    let mut unable = clients.session(ALICE, "2025-06-18", r#"{"roots":{}}"#).await;
    let answer = unable.call("up-ask", "{}").await;
    assert!(answer.is_tool_error(), "{answer:?}");
    assert_eq!(answer.json()["result"]["_meta"]["switchboard.dev/outcome"], "missing_capability");
    let mut client = clients.session(ALICE, "2025-06-18", ABLE).await;
    let mut called = call(&client).await;
    let id = id_of(&called.next().await.unwrap().data);
    let told = client.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-1,"message":"no"}}}}"#)).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    let mut last = called.message().await;
    if last["method"] == "elicitation/create" {
        last = called.message().await;
    }
    assert_eq!(last["result"]["isError"], true, "{last}");
    assert_eq!(clients.upstream.received_of("tools/call").len(), 2, "no call came again without an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_the_state_of_a_modern_server_goes_through_its_client_sealed() {
    let clients = Clients::of(modern_server());
    let asked = ask(&clients, ALICE, r#"{"a":1,"b":2}"#, "").await;
    assert!(String::from_utf8_lossy(asked.message()).contains("1e400"));
    let asked: Value =
        serde_json::from_slice(&String::from_utf8_lossy(asked.message()).replace("1e400", "1").into_bytes()).unwrap();
    assert_eq!(asked["result"]["resultType"], "input_required");
    assert_eq!(asked["result"]["inputRequests"]["q1"]["method"], "elicitation/create");
    let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
    let responses = r#"{"q0":{"z":1e400},"q1":{"action":"decline"}}"#;
    let mut flipped = state.clone();
    flipped.replace_range(40..41, if &state[40..41] == "A" { "B" } else { "A" });
    for (key, arguments, state) in [
        (BOB, r#"{"a":1,"b":2}"#, state.as_str()),
        (ALICE, r#"{"a":1,"b":3}"#, &state),
        (ALICE, r#"{"a":1,"b":2}"#, &flipped),
        (ALICE, r#"{"a":1,"b":2}"#, STATE),
        (ALICE, r#"{"a":1,"b":2}"#, ""),
    ] {
        let refused = ask(&clients, key, arguments, &with(state, responses)).await;
        assert_eq!(refused.code(), Some(-32602), "{refused:?}");
    }
    assert_eq!(clients.upstream.received_of("tools/call").len(), 1, "none of those went on");
    // As its client writes it anew, in another order.
    let last = ask(&clients, ALICE, r#"{ "b":2, "a":1 }"#, &with(&state, responses)).await;
    assert!(String::from_utf8_lossy(last.message()).contains(&format!(r#"{{"answers":{responses}}}"#)), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_legacy_servers_call_is_held_open_and_never_run_twice() {
    let clients = Clients::of(legacy_server());
    let asked = ask(&clients, ALICE, "{}", "").await;
    let text = String::from_utf8_lossy(asked.message()).into_owned();
    let request = format!(r#"{{"input":{{"method":"sampling/createMessage","params":{SAMPLE}}}}}"#);
    assert!(text.contains(&request), "{text}");
    let state = |text: &str| {
        let message: Value = serde_json::from_str(&text.replace("1e400", "1")).unwrap();
        message["result"]["requestState"].as_str().unwrap().to_owned()
    };
    let first = state(&text);
    assert_eq!(ask(&clients, BOB, "{}", &with(&first, r#"{"input":{}}"#)).await.code(), Some(-32602));
    // Who brings no answer is asked again, and the question before is no more.
    let again = ask(&clients, ALICE, "{}", &with(&first, "{}")).await;
    let again = state(&String::from_utf8_lossy(again.message()));
    let gone = ask(&clients, ALICE, "{}", &with(&first, r#"{"input":{}}"#)).await;
    assert!(gone.is_tool_error() && gone.text().contains("call again"), "{gone:?}");
    let second = ask(&clients, ALICE, "{}", &with(&again, r#"{"input":{"z":1e400}}"#)).await.json();
    assert_eq!(second["result"]["inputRequests"]["input"]["method"], "elicitation/create");
    let second = second["result"]["requestState"].as_str().unwrap().to_owned();
    let last = ask(&clients, ALICE, "{}", &with(&second, r#"{"input":{"action":"accept"}}"#)).await;
    let last = String::from_utf8_lossy(last.message()).into_owned();
    assert!(last.contains(r#""result":{"z":1e400}"#) && last.contains(r#""result":{"action":"accept"}"#), "{last}");
    assert!(last.contains(r#""resultType":"complete""#), "{last}");
    assert_eq!(clients.upstream.received_of("tools/call").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_ends_with_its_callers_grant() {
    let clients = Clients::of(legacy_server());
    let asked = ask(&clients, ALICE, "{}", "").await;
    let text = String::from_utf8_lossy(asked.message()).replace("1e400", "1");
    let state = serde_json::from_str::<Value>(&text).unwrap()["result"]["requestState"].as_str().unwrap().to_owned();
    clients.manifests.key("alice", ALICE, &[]);
    let mut session = clients.session(ALICE, "2025-06-18", "{}").await;
    tests::wait::until_async("the grant is gone", std::time::Duration::from_secs(5), async || {
        session.tools().await.is_empty().then_some(())
    })
    .await;
    let refused = ask(&clients, ALICE, "{}", &with(&state, r#"{"input":{}}"#)).await;
    assert_eq!(refused.code(), Some(-32602), "{refused:?}");
    assert_eq!(clients.upstream.received_of("tools/call").len(), 1);
    assert!(clients.upstream.answers().is_empty(), "nothing was answered for who lost it");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_of_the_past_are_not_said_to_a_modern_client() {
    let place = r#"{"mode":"url","elicitationId":"e-1","url":"https://a.example/go","message":"go there"}"#;
    let error = format!(r#"{{"code":-32042,"message":"first","data":{{"elicitations":[{place}]}}}}"#);
    for form in [Form::Json, Form::EventStream] {
        let script = Script { form, ..Script::with([Tool::new("ask", Does::Error(error.clone()))]) };
        let clients = Clients::of(script);
        let able = r#"{"elicitation":{"url":{}}}"#;
        let asked = ask_as(&clients, (ALICE, able), "{}", "").await.json();
        let expected = serde_json::json!({"0": {"method": "elicitation/create", "params":
            {"mode": "url", "url": "https://a.example/go", "message": "go there"}}});
        assert_eq!(asked["result"]["inputRequests"], expected, "{form:?}: {asked}");
        assert_eq!(asked["result"]["requestState"], Value::Null);
        let unable = ask_as(&clients, (ALICE, "{}"), "{}", "").await;
        assert_eq!((unable.status, unable.code()), (StatusCode::BAD_REQUEST, Some(-32021)));
        // A legacy client that knows of it is told as the server said.
        let mut legacy = clients.session(ALICE, "2025-11-25", able).await;
        assert_eq!(legacy.call("up-ask", "{}").await.code(), Some(-32042));
    }
    let gone = r#"{"code":-32002,"message":"no such resource"}"#.to_owned();
    let clients = Clients::of(Script::with([Tool::new("ask", Does::Error(gone))]));
    assert_eq!(ask(&clients, ALICE, "{}", "").await.code(), Some(-32602));
}
