//! Brings an id to the gateway as each kind of id is brought, on a kept-alive connection, and looks whether it is refused
//! as the specification wants.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use serde_json::{Value, json};
use tests::client::{Answer, MODERN, connect, split};
use tokio::time::timeout;

use super::holder::Holder;

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// The revision of the sessions.
pub(super) const LEGACY: &str = "2025-11-25";

const INVALID_PARAMS: i64 = -32602;

/// What an id is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Session,
    Request,
    Event,
    State,
    Task,
    Cursor,
    Endpoint,
}

/// A caller on one connection.
pub(super) struct Sender {
    address: SocketAddr,
    key: &'static str,
    session: String,
    /// The path to post to, up to the id.
    door: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What is sent, but for who sends it.
struct Message {
    method: Method,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: String,
}

impl Kind {
    /// Every kind; answers of clients come late, since they can be given once.
    pub(super) const ALL: [Self; 7] =
        [Self::Session, Self::Request, Self::Event, Self::State, Self::Task, Self::Cursor, Self::Endpoint];
}

impl Sender {
    /// How many ways there are to bring an id, at most.
    pub(super) const TURNS: usize = 8;

    pub(super) fn of(holder: &Holder) -> Self {
        let (address, _) = split(&holder.mcp);
        let session = holder.id(Kind::Session).to_owned();
        Self { address, key: holder.key, session, door: holder.door.clone(), connection: None }
    }

    /// Brings an id; `turn` chooses among the ways to. Else than refused as it should be: how it was answered.
    pub(super) async fn present(&mut self, kind: Kind, id: &[u8], turn: usize) -> Result<(), String> {
        let message = self.message(kind, id, turn);
        let answer = self.exchange(message).await?;
        let refused = match kind {
            Kind::Session | Kind::Endpoint => answer.status == StatusCode::NOT_FOUND,
            Kind::Request | Kind::Event => answer.status == StatusCode::BAD_REQUEST,
            Kind::State | Kind::Task | Kind::Cursor => {
                let answer: Value = serde_json::from_slice(answer.message()).unwrap_or_default();
                answer["error"]["code"] == INVALID_PARAMS && answer["id"] == 1 && answer["result"].is_null()
            }
        };
        if refused { Ok(()) } else { Err(format!("{} {:?}", answer.status, answer.body)) }
    }

    fn message(&self, kind: Kind, id: &[u8], turn: usize) -> Message {
        let text = String::from_utf8_lossy(id);
        match kind {
            Kind::Session => {
                let headers = vec![("mcp-session-id", for_header(id)), ("mcp-protocol-version", LEGACY.into())];
                let call = json!({"name": "test_simple_text", "arguments": {}});
                match turn % 4 {
                    0 => Message::new(Method::GET, headers, String::new()),
                    3 => Message::new(Method::DELETE, headers, String::new()),
                    _ => Message::new(Method::POST, headers, request("tools/call", &call)),
                }
            }
            Kind::Request => {
                // A server that counts its requests has numbers for ids.
                let id = text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
                let answer = match turn % 2 {
                    0 => json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "content": {}}}),
                    _ => json!({"jsonrpc": "2.0", "id": id, "error": {"code": 1, "message": "no"}}),
                };
                Message::new(Method::POST, self.in_session(), answer.to_string())
            }
            Kind::Event => {
                let mut headers = self.in_session();
                headers.push(("last-event-id", for_header(id)));
                Message::new(Method::GET, headers, String::new())
            }
            Kind::State => modern("tools/call", Some("name"), confirmed(&json!(text))),
            Kind::Task => {
                let method = ["tasks/get", "tasks/update", "tasks/cancel"][turn % 3];
                let mut params = json!({"taskId": text});
                if method == "tasks/update" {
                    params["inputResponses"] = json!({});
                }
                modern(method, Some("taskId"), params)
            }
            Kind::Cursor => {
                let list = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"][turn % 4];
                let params = json!({"cursor": text});
                match turn % 8 {
                    0..4 => Message::new(Method::POST, self.in_session(), request(list, &params)),
                    _ => modern(list, None, params),
                }
            }
            Kind::Endpoint => {
                let path = format!("{}{}", self.door, for_query(id));
                Message { path, ..Message::new(Method::POST, Vec::new(), request("ping", &json!({}))) }
            }
        }
    }

    fn in_session(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![("mcp-session-id", self.session.clone().into()), ("mcp-protocol-version", LEGACY.into())]
    }

    /// Sends it. A stream of a GET has no end: that it was opened is said instead.
    async fn exchange(&mut self, message: Message) -> Result<Answer, String> {
        let is_get = message.method == Method::GET;
        let accept = if is_get { "text/event-stream" } else { "application/json, text/event-stream" };
        let mut headers = HeaderMap::new();
        let host = self.address.to_string();
        for (name, value) in [("host", &*host), ("x-litellm-api-key", self.key), ("accept", accept)] {
            headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        }
        if message.method == Method::POST {
            headers.insert("content-type", HeaderValue::from_static("application/json"));
        }
        for (name, value) in message.headers {
            headers.insert(name, HeaderValue::from_bytes(&value).unwrap());
        }
        let body = Full::new(message.body.into());
        let mut request = Request::builder().method(message.method).uri(message.path).body(body).unwrap();
        *request.headers_mut() = headers;
        let exchange = async {
            let connection = self.connected().await;
            let response = connection.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
            let (head, body) = response.into_parts();
            if is_get && head.status == StatusCode::OK {
                self.connection = None;
                return Err("a stream was opened".to_owned());
            }
            let body = body.collect().await.map_err(|error| format!("a cut answer: {error}"))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        timeout(DEADLINE, exchange).await.unwrap_or_else(|_| Err(format!("no answer within {DEADLINE:?}")))
    }

    async fn connected(&mut self) -> &mut SendRequest<Full<Bytes>> {
        let usable = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.connection = None;
        }
        match self.connection.take() {
            Some(connection) => self.connection.insert(connection),
            None => self.connection.insert(connect(self.address).await.unwrap()),
        }
    }
}

impl Message {
    fn new(method: Method, headers: Vec<(&'static str, Vec<u8>)>, body: String) -> Self {
        Self { method, path: "/mcp".to_owned(), headers, body }
    }
}

fn request(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

/// The params of the call that asks for a confirmation, once more with the answer.
pub(super) fn confirmed(state: &Value) -> Value {
    let answer = json!({"confirm": {"action": "accept", "content": {"ok": true}}});
    json!({"name": super::holder::CONFIRMS, "arguments": {}, "requestState": state, "inputResponses": answer})
}

/// A request of 2026-07-28 by a client that can do everything. `named`: the member that Mcp-Name mirrors.
fn modern(method: &str, named: Option<&str>, mut params: Value) -> Message {
    params["_meta"] = meta();
    let mut headers = vec![("mcp-protocol-version", MODERN.into()), ("mcp-method", method.into())];
    // Any text is in this form (SEP-2243).
    let name = named.map(|member| format!("=?base64?{}?=", STANDARD.encode(params[member].as_str().unwrap())));
    headers.extend(name.map(|name| ("mcp-name", name.into())));
    Message::new(Method::POST, headers, request(method, &params))
}

/// The `_meta` of a client that can do everything.
pub(super) fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {
            "elicitation": {}, "sampling": {}, "roots": {}, "extensions": {"io.modelcontextprotocol/tasks": {}},
        },
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    })
}

/// The bytes with another in place of each that a header cannot have. No genuine id has that one.
fn for_header(id: &[u8]) -> Vec<u8> {
    id.iter().map(|byte| if matches!(byte, 0x21..=0x7e | 0x80..) { *byte } else { b'~' }).collect()
}

/// As [`for_header`], for the query of a URL.
fn for_query(id: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
    id.iter().map(|byte| if is_plain(*byte) { char::from(*byte) } else { '~' }).collect()
}
