//! A scripted MCP server: what it lists and how it misbehaves is data, and
//! what it received can be counted and read.
//!
//! [`Script`] says what it does, `answer` decides what to say to one message, `lists` lists,
//! and `over_http` (Streamable HTTP and HTTP+SSE) and `stdio` carry it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::served::Served;

mod answer;
mod entry;
mod lists;
pub mod modern;
mod over_http;
mod script;
pub mod stdio;

pub use entry::Entry;
pub use script::{BODY_OF_ERRORS, Does, Form, Script, Tool};

/// One HTTP request as the server received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The HTTP method.
    pub http_method: String,
    /// The path and query.
    pub path: String,
    /// All headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON-RPC method; empty if the body bears none.
    pub method: String,
    /// The body as it came; empty if the script keeps none.
    pub body: Bytes,
}

impl Received {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A scripted server on a port of its own, in a thread of its own. Dropped, it ends.
pub struct Upstream {
    state: Arc<State>,
    served: Served,
}

/// What the connections of one server share.
struct State {
    script: Mutex<Arc<Script>>,
    received: Mutex<Vec<Received>>,
    posts: Mutex<HashMap<String, u64>>,
    /// Of those over Streamable HTTP, the ones that came with a session that is known, or need none.
    taken: Mutex<HashMap<String, u64>>,
    connections: Mutex<u64>,
    sessions: Mutex<Sessions>,
    streams: Mutex<HashMap<u64, mpsc::Sender<over_http::Piece>>>,
    /// Who listens to a modern server, by the id of the request.
    subscribers: Mutex<Vec<(serde_json::Value, mpsc::Sender<over_http::Piece>)>>,
    /// Who waits for what never comes.
    waiting: Mutex<Vec<mpsc::Sender<over_http::Piece>>>,
    /// By session, of those that listen over Streamable HTTP.
    listeners: Mutex<HashMap<String, mpsc::Sender<over_http::Piece>>>,
    /// Responses of clients, by session and id.
    answers: watch::Sender<HashMap<(String, String), Bytes>>,
}

/// The sessions of a server, and what their tools remember.
#[derive(Default)]
struct Sessions {
    last: u64,
    memories: HashMap<String, answer::Memory>,
}

impl Upstream {
    /// Starts a server on a free port.
    pub fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script)
    }

    /// Starts a server on this address.
    pub fn start_at(address: SocketAddr, script: Script) -> Self {
        let state = Arc::new(State {
            script: Mutex::new(Arc::new(script)),
            received: Mutex::default(),
            posts: Mutex::default(),
            taken: Mutex::default(),
            connections: Mutex::default(),
            sessions: Mutex::default(),
            streams: Mutex::default(),
            listeners: Mutex::default(),
            subscribers: Mutex::default(),
            waiting: Mutex::default(),
            answers: watch::Sender::default(),
        });
        let shared = Arc::clone(&state);
        let served = Served::at(address, |listener| over_http::serve(listener, shared));
        Self { state, served }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// Its address for Streamable HTTP.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address())
    }

    /// Its address for HTTP+SSE.
    pub fn sse_url(&self) -> String {
        format!("http://{}/sse", self.address())
    }

    /// Behaves otherwise from now on.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        let mut script = self.state.script.lock().unwrap();
        change(Arc::make_mut(&mut script));
    }

    /// How many messages of this JSON-RPC method were POSTed.
    pub fn posts(&self, method: &str) -> u64 {
        self.state.posts.lock().unwrap().get(method).copied().unwrap_or(0)
    }

    /// How many of them were acted upon, and not refused for their session. Over Streamable HTTP.
    pub fn taken(&self, method: &str) -> u64 {
        self.state.taken.lock().unwrap().get(method).copied().unwrap_or(0)
    }

    /// How many messages were POSTed in all.
    pub fn all_posts(&self) -> u64 {
        self.state.posts.lock().unwrap().values().sum()
    }

    /// Every request so far, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    /// The requests of this JSON-RPC method so far.
    pub fn received_of(&self, method: &str) -> Vec<Received> {
        self.received().into_iter().filter(|received| received.method == method).collect()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> u64 {
        *self.state.connections.lock().unwrap()
    }

    /// Says this to every session that listens, and on every stream of HTTP+SSE; to how many.
    pub fn say(&self, message: &str) -> usize {
        let (listeners, streams) = (self.state.listeners.lock().unwrap(), self.state.streams.lock().unwrap());
        let event = format!("data: {message}\n\n");
        let all = listeners.values().chain(streams.values());
        all.filter(|listener| listener.try_send(Ok(event.clone().into())).is_ok()).count()
    }

    /// Whether every session in which a tool was called listens to it. Over Streamable HTTP.
    pub fn is_heard_by_callers(&self) -> bool {
        let listeners = self.state.listeners.lock().unwrap();
        let calls = self.received_of("tools/call");
        calls.iter().filter_map(|call| call.header("mcp-session-id")).all(|session| listeners.contains_key(session))
    }

    /// Every response of a client so far: the id that it bears and its bytes, in no order.
    pub fn answers(&self) -> Vec<(String, Bytes)> {
        self.state.answers.borrow().iter().map(|((_, id), body)| (id.clone(), body.clone())).collect()
    }

    /// Forgets every session, as a restart does.
    pub fn forget_sessions(&self) {
        self.state.sessions.lock().unwrap().memories.clear();
    }

    /// How many listen (2026-07-28).
    pub fn listeners(&self) -> usize {
        let mut listeners = self.state.subscribers.lock().unwrap();
        listeners.retain(|(_, listener)| !listener.is_closed());
        listeners.len()
    }

    /// Tells this notification to all who listen.
    pub fn tell(&self, method: &str) {
        self.tell_with(method, &serde_json::json!({}));
    }

    /// The same, with these params.
    pub fn tell_with(&self, method: &str, params: &serde_json::Value) {
        for (id, listener) in &*self.state.subscribers.lock().unwrap() {
            let message = modern::told(id, method, params);
            // Who is gone hears nothing.
            let _ = listener.try_send(Ok(over_http::event(&message).into()));
        }
    }

    /// Ends the streams of all who listen.
    pub fn hang_up(&self) {
        self.state.subscribers.lock().unwrap().clear();
    }

    /// How many calls of tools that hang are waited for (2026-07-28).
    pub fn waiting(&self) -> usize {
        let mut waiting = self.state.waiting.lock().unwrap();
        waiting.retain(|waiting| !waiting.is_closed());
        waiting.len()
    }

    /// How many sessions are known.
    pub fn sessions(&self) -> usize {
        self.state.sessions.lock().unwrap().memories.len()
    }
}

impl State {
    /// Notes a response of a client.
    fn answered(&self, session: Option<&str>, body: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Response {
            id: serde_json::Value,
        }
        let id = serde_json::from_slice::<Response>(body).map_or_else(
            |_| String::new(),
            |response| response.id.as_str().map_or_else(|| response.id.to_string(), ToOwned::to_owned),
        );
        let key = (session.unwrap_or_default().to_owned(), id);
        self.answers.send_modify(|answers| drop(answers.insert(key, Bytes::copy_from_slice(body))));
    }

    /// The response of this session's client to this id, when it comes.
    async fn answer_to(&self, session: &str, id: &str) -> Bytes {
        let key = (session.to_owned(), id.to_owned());
        let mut answers = self.answers.subscribe();
        let there = answers.wait_for(|answers| answers.contains_key(&key)).await.unwrap();
        there[&key].clone()
    }
}

/// The URL of a server that is not there: a port that was free a moment ago.
pub fn dead_url() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/mcp", listener.local_addr().unwrap())
}

#[cfg(test)]
mod tests;
