//! A caller to whom the gateway gave one id of each kind, all in use: a session, in it a call that waits for the client's
//! answer, a call of 2026-07-28 that waits to be sent again, a task that works, and a stream of HTTP+SSE.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, Client, MODERN};
use tests::process::Switchboard;
use tests::sse_client::SseClient;
use tests::stream::Stream;
use tests::wait::until_async;

use super::sender::{Kind, LEGACY, confirmed, meta};

/// The tool that confirms, by `requestState`.
pub(super) const CONFIRMS: &str = "test_input_required_result_request_state";

/// Another that does.
const CONFIRMS_TOO: &str = "test_input_required_result_tampered_state";

/// How long what ends may take to be gone.
const DEADLINE: Duration = Duration::from_secs(10);

const ABLE: &str = r#"{"sampling":{},"elicitation":{},"roots":{}}"#;

/// The caller.
pub(super) struct Holder {
    pub(super) mcp: String,
    pub(super) key: &'static str,
    /// Where its messages for HTTP+SSE go, up to the id.
    pub(super) door: String,
    /// A state of hers for another tool.
    pub(super) other_state: String,
    /// By kind.
    ids: Vec<String>,
    client: Client,
    call: Stream,
    sse: SseClient,
}

impl Holder {
    /// Asks for one of each.
    pub(super) async fn begin(switchboard: &Switchboard, key: &'static str) -> Self {
        let mut client = Client::new(&switchboard.mcp).key(key);
        client.initialize_with(LEGACY, ABLE).await;
        let body = r#"{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"ask","arguments":{}}}"#;
        let mut call = client.stream(&Method::POST, &[], body).await;
        let event = call.next().await.expect("the beginning of a stream").id.expect("with the id to come back by");
        let request = call.message().await["id"].as_str().expect("ids that we give are texts").to_owned();
        let mut modern = Client::new(&switchboard.mcp).key(key);
        let [state, other_state] = [state(&mut modern, CONFIRMS).await, state(&mut modern, CONFIRMS_TOO).await];
        let slow = json!({"name": "slow_compute", "arguments": {"seconds": 300}});
        let begun = send(&mut modern, "tools/call", "slow_compute", slow).await.json();
        let task = begun["result"]["taskId"].as_str().unwrap_or_else(|| panic!("a task: {begun}")).to_owned();
        let url = format!("{}/sse", switchboard.mcp);
        let mut sse = SseClient::open(&url, &[("x-litellm-api-key", key)]).await.unwrap();
        sse.initialize("2024-11-05").await;
        let (door, endpoint) = sse.endpoint.split_once('=').expect("a path with an id");
        let (door, endpoint) = (format!("{door}="), endpoint.to_owned());
        let session = client.session().unwrap().to_owned();
        // There are no genuine cursors; this is one as it might be.
        let cursor = URL_SAFE_NO_PAD.encode(format!("page 2 for {session}"));
        let ids = Kind::ALL.map(|kind| match kind {
            Kind::Session => &session,
            Kind::Request => &request,
            Kind::Event => &event,
            Kind::State => &state,
            Kind::Task => &task,
            Kind::Cursor => &cursor,
            Kind::Endpoint => &endpoint,
        });
        let ids = ids.map(Clone::clone).into();
        Self { mcp: switchboard.mcp.clone(), key, door, other_state, ids, client, call, sse }
    }

    /// The id of a kind.
    pub(super) fn id(&self, kind: Kind) -> &str {
        &self.ids[kind as usize]
    }

    /// Uses each of the ids rightly: they work, after whatever was tried.
    pub(super) async fn goes_on(mut self) {
        let mut modern = Client::new(&self.mcp).key(self.key);
        let task = self.id(Kind::Task).to_owned();
        let got = send(&mut modern, "tasks/get", &task, json!({"taskId": task})).await.json();
        assert_eq!(got["result"]["status"], "working", "{got}");
        let state = json!(self.id(Kind::State));
        let done = send(&mut modern, "tools/call", CONFIRMS, confirmed(&state)).await;
        assert_eq!(done.text(), "state-ok");
        assert_eq!(self.sse.request("ping", "{}").await["result"], json!({}));
        // The stream of the call goes on where its client comes back: the question again, then the result.
        self.call = self.client.listen(&[("last-event-id", self.id(Kind::Event))]).await;
        assert_eq!(self.call.status, StatusCode::OK);
        assert_eq!(self.call.message().await["id"], self.id(Kind::Request));
        self.answer().await;
        assert!(!self.client.call("test_simple_text", "{}").await.is_tool_error());
    }

    /// Uses up what can be, and ends the rest: the ids that are nothing any more.
    pub(super) async fn spend(mut self) -> Vec<String> {
        self.answer().await;
        assert_eq!(self.client.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
        let Self { sse, key, mcp, door, ids, .. } = self;
        drop(sse);
        let path = format!("{door}{}", ids[Kind::Endpoint as usize]);
        until_async("the end of a stream whose client has gone", DEADLINE, async || {
            let mut client = Client::new(&mcp).key(key).path(&path);
            (client.request("ping", "{}").await.status == StatusCode::NOT_FOUND).then_some(())
        })
        .await;
        [Kind::Session, Kind::Request, Kind::Event, Kind::Endpoint].map(|kind| ids[kind as usize].clone()).into()
    }

    /// Answers what the call waits for, and reads its result where the answer is.
    async fn answer(&mut self) {
        let id = self.id(Kind::Request);
        let response =
            format!(r#"{{"jsonrpc":"2.0","id":"{id}","result":{{"action":"accept","content":{{"genuine":1}}}}}}"#);
        assert_eq!(self.client.post(response).await.status, StatusCode::ACCEPTED);
        let result = self.call.message().await;
        assert_eq!(result["result"]["structuredContent"]["answers"][0]["result"]["content"]["genuine"], 1, "{result}");
    }
}

/// The state by which a tool asks for a confirmation.
async fn state(client: &mut Client, tool: &str) -> String {
    let asks = send(client, "tools/call", tool, json!({"name": tool, "arguments": {}})).await.json();
    asks["result"]["requestState"].as_str().unwrap_or_else(|| panic!("a state: {asks}")).to_owned()
}

/// Sends a request of 2026-07-28 by a client that can do everything.
async fn send(client: &mut Client, method: &str, name: &str, mut params: Value) -> Answer {
    params["_meta"] = meta();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let headers = [("mcp-protocol-version", MODERN), ("mcp-method", method), ("mcp-name", name)];
    client.send(&Method::POST, &headers, body).await
}
