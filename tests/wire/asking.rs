//! What a PerClient server asks in a call: the client of that session answers it, and nobody else can.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::stream::Stream;
use tests::upstream::{Does, Form, Script, Tool, Upstream, stdio};

use super::scene::{Transport, server};

pub(crate) const ALICE: &str = "sb-key-of-alice";
pub(crate) const BOB: &str = "sb-key-of-bob";
/// A client that can be asked for everything.
pub(crate) const ABLE: &str = r#"{"sampling":{},"elicitation":{},"roots":{"listChanged":true}}"#;
const SAMPLE: &str = r#"{"messages":[],"maxTokens":1e400,"unknown":{"b":1,"a":2}}"#;

/// A server `up` that both may use.
pub(crate) struct Clients {
    pub(crate) manifests: Manifests,
    pub(crate) upstream: Upstream,
    pub(crate) switchboard: Switchboard,
}

impl Clients {
    pub(crate) fn of(script: Script) -> Self {
        Self::over(Transport::Http, script)
    }

    pub(crate) fn over(transport: Transport, script: Script) -> Self {
        Self::with(transport, script, &json!({"sessionMode": "PerClient"}))
    }

    /// The same of another mode.
    pub(crate) fn with(transport: Transport, script: Script, spec: &Value) -> Self {
        let child = stdio::manifest(&script);
        let upstream = Upstream::start(script);
        let manifests = Manifests::default();
        manifests.server("up", &server(transport, &upstream, &child, spec));
        manifests.key("alice", ALICE, &["up"]).key("bob", BOB, &["up"]);
        let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
        Self { manifests, upstream, switchboard }
    }

    pub(crate) async fn session(&self, key: &str, revision: &str, capabilities: &str) -> Client {
        let mut client = Client::new(&self.switchboard.mcp).key(key);
        client.initialize_with(revision, capabilities).await;
        client
    }
}

fn asks(questions: &[(&str, &str)]) -> Script {
    let questions = questions.iter().map(|(method, params)| ((*method).to_owned(), (*params).to_owned())).collect();
    let tools = [Tool::new("ask", Does::Ask(questions)), Tool::new("note", Does::Remember)];
    Script { form: Form::EventStream, ..Script::with(tools) }
}

/// Begins a call of `up-ask`.
pub(crate) async fn call(client: &Client) -> Stream {
    let body = r#"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"up-ask","arguments":{}}}"#;
    client.stream(&Method::POST, &[], body).await
}

async fn answer(client: &mut Client, id: &Value, rest: &str) -> StatusCode {
    client.post(format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_answers_what_its_server_asks_and_every_byte_but_the_id_goes_through() {
    let clients = Clients::of(asks(&[("sampling/createMessage", SAMPLE), ("elicitation/create", "{}")]));
    for revision in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = clients.session(ALICE, revision, ABLE).await;
        let mut called = call(&client).await;
        assert_eq!(called.status, StatusCode::OK);
        let mut asked = called.next().await.unwrap();
        if revision == "2025-11-25" {
            assert!(asked.data.is_empty() && asked.id.is_some(), "a beginning: {asked:?}");
            asked = called.next().await.unwrap();
        }
        let question = asked.data;
        assert!(question.ends_with(&format!(r#""method":"sampling/createMessage","params":{SAMPLE}}}"#)), "{question}");
        let id = question.split(r#""id":"#).nth(1).unwrap().split(',').next().unwrap();
        let id: Value = serde_json::from_str(id).unwrap();
        assert_ne!(id, "ask-0");
        assert_eq!(answer(&mut client, &id, r#""result":{"z":1e400,"a":[ 1 ]}"#).await, StatusCode::ACCEPTED);
        let second = called.message().await;
        assert_eq!(second["method"], "elicitation/create");
        let told = answer(&mut client, &second["id"], r#""error":{"code":-1,"message":"no"}"#).await;
        assert_eq!(told, StatusCode::ACCEPTED);
        let last = called.next().await.unwrap().data;
        let first_answer = r#"{"jsonrpc":"2.0","id":"ask-0","result":{"z":1e400,"a":[ 1 ]}}"#;
        let second_answer = r#"{"jsonrpc":"2.0","id":"ask-1","error":{"code":-1,"message":"no"}}"#;
        assert!(last.contains(&format!("[{first_answer},{second_answer}]")), "{last}");
        assert!(last.starts_with(r#"{"jsonrpc":"2.0","id":"c""#), "{last}");
        assert_eq!(called.next().await, None);
        // A second answer is one to nothing.
        assert_eq!(answer(&mut client, &id, r#""result":{}"#).await, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_hears_at_once_that_a_client_cannot_be_asked() {
    let clients = Clients::of(asks(&[("sampling/createMessage", "{}"), ("roots/list", "{}"), ("ping", "{}")]));
    let mut client = clients.session(ALICE, "2025-11-25", r#"{"elicitation":{}}"#).await;
    let answers = client.call("up-ask", "{}").await.json()["result"]["structuredContent"]["answers"].take();
    assert_eq!(answers[0]["error"]["code"], -32601);
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["result"], json!({}));
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_a_question_is_answered_by_its_own_session_alone() {
    let clients = Clients::of(asks(&[("roots/list", "{}")]));
    let mut alice = clients.session(ALICE, "2025-11-25", ABLE).await;
    let mut called = call(&alice).await;
    let id = called.message().await["id"].clone();
    let refused = r#""result":{"roots":[]}"#;
    // Another session of the same caller, another caller, and one who is asked the same under the same id upstream.
    let mut other = clients.session(ALICE, "2025-11-25", ABLE).await;
    let mut bob = clients.session(BOB, "2025-11-25", ABLE).await;
    let mut also = call(&bob).await;
    let bobs = also.message().await["id"].clone();
    assert_eq!(answer(&mut other, &id, refused).await, StatusCode::BAD_REQUEST);
    assert_eq!(answer(&mut bob, &id, refused).await, StatusCode::BAD_REQUEST);
    assert_eq!(answer(&mut alice, &bobs, refused).await, StatusCode::BAD_REQUEST);
    let mut nobody = Client::new(&clients.switchboard.mcp).key(ALICE);
    let told = nobody.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)).await;
    assert_eq!((told.status, told.code()), (StatusCode::BAD_REQUEST, Some(-32600)));
    assert_eq!(told.json()["id"], Value::Null);
    // Forged ones, and those of other kinds.
    let sealed = id.as_str().unwrap();
    let session = alice.session().unwrap().to_owned();
    for forged in ["ask-0", "", "1", &sealed[1..], &sealed[..sealed.len() - 1], &session] {
        assert_eq!(answer(&mut alice, &json!(forged), refused).await, StatusCode::BAD_REQUEST, "{forged}");
    }
    assert_eq!(answer(&mut alice, &json!(1), refused).await, StatusCode::BAD_REQUEST);
    assert_eq!(clients.upstream.answers(), []);
    // Their own go through.
    assert_eq!(answer(&mut bob, &bobs, r#""result":{"of":"bob"}"#).await, StatusCode::ACCEPTED);
    assert_eq!(answer(&mut alice, &id, r#""result":{"of":"alice"}"#).await, StatusCode::ACCEPTED);
    for (mut stream, who) in [(called, "alice"), (also, "bob")] {
        let answers = stream.message().await["result"]["structuredContent"]["answers"].take();
        assert_eq!(answers[0]["result"]["of"], who);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_has_a_session_of_its_own_which_ends_with_it() {
    let clients = Clients::of(asks(&[]));
    let mut one = clients.session(ALICE, "2025-11-25", "{}").await;
    let mut other = clients.session(ALICE, "2025-11-25", "{}").await;
    assert_eq!(one.call("up-note", r#"{"text":"of one"}"#).await.text(), "");
    assert_eq!(other.call("up-note", r#"{"text":"of the other"}"#).await.text(), "");
    assert_eq!(one.call("up-note", r#"{"text":""}"#).await.text(), "of one");
    let before = clients.upstream.sessions();
    assert_eq!(one.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
    tests::wait::until_async("the session upstream ends", std::time::Duration::from_secs(5), async || {
        (clients.upstream.sessions() + 1 == before).then_some(())
    })
    .await;
    assert_eq!(other.call("up-note", r#"{"text":""}"#).await.text(), "of the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn roots_that_changed_are_told_to_the_servers_of_that_client() {
    let clients = Clients::of(asks(&[]));
    let mut client = clients.session(ALICE, "2025-11-25", ABLE).await;
    client.call("up-note", r#"{"text":""}"#).await;
    let told = client.post(r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    assert_eq!(clients.upstream.posts("notifications/roots/list_changed"), 1);
}
