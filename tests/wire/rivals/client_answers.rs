//! A gateway that reads what a client POSTs as a request, or takes every id for a number, refuses the client's answers to
//! what servers ask; one that keeps one place for them gives them to the wrong session.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tests::client::Client;
use tests::process::Switchboard;
use tests::sse_client::SseClient;
use tests::stream::Stream;
use tests::upstream::{Does, Form, Script, Tool};
use tests::wait::until;

use crate::asking::{ABLE, ALICE, Clients, call};
use crate::scene::Transport;

const SOON: Duration = Duration::from_secs(10);
/// Ids that servers may give to what they ask.
const IDS: [&str; 7] = ["7", r#""7""#, "0", "-1", "9007199254740993", r#""""#, r#""a \u00e9 \"b\"""#];

/// An answer of session `of` under this id, with everything that an answer may bear.
fn answer(of: usize, id: &str) -> String {
    format!(
        r#"{{"extra":{{"z":1e400,"a":[ 1 ]}},"result":{{"roots":[],"of":{of},"_meta":{{"b":1,"a":2}},"unknown":null}},"id":{id},"jsonrpc":"2.0"}}"#
    )
}

/// A client in a session, over either transport.
enum Asked {
    Http(Client, Stream),
    Sse(SseClient),
}

impl Asked {
    async fn begin(switchboard: &Switchboard, clients: &Clients, over_sse: bool) -> Self {
        if over_sse {
            let url = switchboard.mcp.replace("/mcp", "/sse");
            let mut client = SseClient::open(&url, &[("x-api-key", ALICE)]).await.unwrap();
            client.initialize_with("2024-11-05", ABLE).await;
            assert!(client.call("up-note", "{}").await["result"].is_object());
            return Self::Sse(client);
        }
        let mut client = clients.session(ALICE, "2025-06-18", ABLE).await;
        let stream = client.listen(&[]).await;
        assert_eq!(client.call("up-note", "{}").await.status, StatusCode::OK);
        Self::Http(client, stream)
    }

    async fn question(&mut self) -> Value {
        match self {
            Self::Http(_, stream) => stream.message().await,
            Self::Sse(client) => client.message().await.unwrap(),
        }
    }

    async fn post(&mut self, body: String) -> StatusCode {
        match self {
            Self::Http(client, _) => client.post(body).await.status,
            Self::Sse(client) => client.post(body).await.status,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_taken_whatever_their_id_and_members_and_go_to_the_session_that_asked() {
    for (transport, over_sse) in
        [(Transport::Http, false), (Transport::Http, true), (Transport::Sse, false), (Transport::Sse, true)]
    {
        let case = format!("{transport:?}, client over HTTP+SSE: {over_sse}");
        let script = Script { listens: true, ..Script::with([Tool::new("note", Does::Remember)]) };
        let clients = Clients::over(transport, script);
        let mut both = [
            Asked::begin(&clients.switchboard, &clients, over_sse).await,
            Asked::begin(&clients.switchboard, &clients, over_sse).await,
        ];
        until("both hear the server", SOON, || clients.upstream.is_heard_by_callers().then_some(()));
        for id in IDS {
            clients.upstream.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list","params":{{}}}}"#));
            // Both are asked at once; the one that was asked first answers last.
            let mut questions = [both[0].question().await, both[1].question().await];
            assert_ne!(questions[0]["id"], questions[1]["id"], "{case}");
            for of in [1, 0] {
                assert_eq!(questions[of]["method"], "roots/list", "{case}");
                let given = questions[of]["id"].take().to_string();
                assert_eq!(both[of].post(answer(of, &given)).await, StatusCode::ACCEPTED, "{case}: {id}");
            }
            until("the server has both", SOON, || {
                let answers = clients.upstream.answers();
                let has = |of| answers.iter().any(|(_, body)| body[..] == *answer(of, id).as_bytes());
                (has(0) && has(1)).then_some(())
            });
        }
        let mut sessions: Vec<_> = clients
            .upstream
            .received_of("")
            .into_iter()
            .filter(|received| received.body.starts_with(br#"{"extra""#))
            .map(|received| {
                let of = String::from_utf8_lossy(&received.body).contains(r#""of":1"#);
                (of, received.header("mcp-session-id").map_or(received.path.clone(), ToOwned::to_owned))
            })
            .collect();
        assert_eq!(sessions.len(), 2 * IDS.len(), "{case}: each once");
        sessions.sort();
        sessions.dedup();
        assert_eq!(sessions.len(), 2, "{case}: each in a session of its own: {sessions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_in_a_batch_of_2025_03_26_are_taken() {
    let ask = Does::Ask(vec![("roots/list".to_owned(), "{}".to_owned())]);
    let clients = Clients::of(Script { form: Form::EventStream, ..Script::with([Tool::new("ask", ask)]) });
    let mut client = clients.session(ALICE, "2025-03-26", ABLE).await;
    let (mut first, mut second) = (call(&client).await, call(&client).await);
    let ids = [first.message().await["id"].to_string(), second.message().await["id"].to_string()];
    // The ids that the server gave are the same for both: `ask-0`, in one session.
    let batch = format!("[{},{}]", answer(0, &ids[0]), answer(1, &ids[1]));
    let told = client.post(batch).await;
    assert_eq!(told.status, StatusCode::ACCEPTED, "{told:?}");
    for stream in [&mut first, &mut second] {
        let data = stream.next().await.unwrap().data;
        assert!(data.contains(r#""result":{"content":[]"#), "{data}");
    }
}
