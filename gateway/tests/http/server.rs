//! A scripted HTTP server: each request is recorded, then a closure says what is written back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

/// A request as it came; its body as JSON, or as the text that it is.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
}

/// What is done after a request, in order.
pub(crate) enum Step {
    Write(String),
    /// Nothing is done before this turns true.
    Wait(watch::Receiver<bool>),
    /// The connection is closed.
    Close,
    /// Nothing more is ever written.
    Hang,
    /// What [`Script::push`] says is written, until it says to close.
    Stream,
}

type Handler = dyn Fn(&Seen, &Script) -> Vec<Step> + Send + Sync;

/// What happened at a server.
#[derive(Default)]
pub(crate) struct Script {
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    streams: Mutex<Vec<mpsc::Sender<String>>>,
    /// Whether the GET stream of a session is a request like any other. If not, there is none, and nothing is noted of it or
    /// its connection.
    listened_to: bool,
}

impl Seen {
    /// Whether it asks for the GET stream of a Streamable HTTP session.
    fn is_listening(&self) -> bool {
        self.method == "GET" && self.headers.contains_key("mcp-protocol-version")
    }
}

/// A running server; it stops with the test's runtime.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) script: Arc<Script>,
}

impl Server {
    /// A server that has nothing to say unasked.
    pub(crate) async fn start(handler: impl Fn(&Seen, &Script) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::with(Script::default(), handler).await
    }

    /// A server whose handler sees the GETs of Streamable HTTP sessions too.
    pub(crate) async fn listened_to(handler: impl Fn(&Seen, &Script) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::with(Script { listened_to: true, ..Script::default() }, handler).await
    }

    async fn with(script: Script, handler: impl Fn(&Seen, &Script) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(script);
        let (shared, handler): (_, Arc<Handler>) = (Arc::clone(&script), Arc::new(handler));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&handler)));
            }
        });
        Self { address, script }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp?key=secret-of-the-url", self.address)
    }
}

impl Script {
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// Messages of this JSON-RPC method.
    pub(crate) fn of(&self, method: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.body["method"] == method).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The GETs that asked for a stream.
    pub(crate) fn listens(&self) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.method == "GET").collect()
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    /// Writes an event to every open stream.
    pub(crate) fn push(&self, event: &str, data: &str) {
        self.push_lines(&format!("event: {event}\ndata: {data}\n\n"));
    }

    /// Writes these lines to every open stream.
    pub(crate) fn push_lines(&self, lines: &str) {
        self.streams.lock().retain(|stream| stream.try_send(lines.to_owned()).is_ok());
    }

    /// Whether a stream is open.
    pub(crate) fn streaming(&self) -> bool {
        !self.streams.lock().is_empty()
    }

    /// Ends every open stream.
    pub(crate) fn end_streams(&self) {
        self.streams.lock().clear();
    }
}

/// Serves one connection; the TLS test calls it too.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, script: Arc<Script>, handler: Arc<Handler>) {
    let mut stream = BufReader::new(stream);
    let mut noted = false;
    while let Some(seen) = read(&mut stream).await {
        if seen.is_listening() && !script.listened_to {
            perform(&mut stream, response("405 Method Not Allowed", "", ""), &script).await;
            continue;
        }
        if !std::mem::replace(&mut noted, true) {
            script.connections.fetch_add(1, Ordering::SeqCst);
            script.open.fetch_add(1, Ordering::SeqCst);
        }
        script.seen.lock().push(seen.clone());
        let steps = handler(&seen, &script);
        if !perform(&mut stream, steps, &script).await {
            break;
        }
    }
    if noted {
        script.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether the connection goes on.
async fn perform<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    steps: Vec<Step>,
    script: &Script,
) -> bool {
    for step in steps {
        match step {
            Step::Write(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return false;
                }
                tokio::task::yield_now().await;
            }
            Step::Wait(mut open) => {
                if open.wait_for(|open| *open).await.is_err() {
                    return false;
                }
            }
            Step::Close => return false,
            Step::Hang => {
                let _ = stream.read_u8().await;
                return false;
            }
            Step::Stream => {
                let (sender, mut events) = mpsc::channel(64);
                script.streams.lock().push(sender);
                while let Some(event) = events.recv().await {
                    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                    if stream.write_all(chunk.as_bytes()).await.is_err() {
                        return false;
                    }
                }
                return stream.write_all(b"0\r\n\r\n").await.is_ok();
            }
        }
    }
    true
}

async fn read<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> Option<Seen> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
    let mut words = first.split_ascii_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_owned(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let text = |body: Vec<u8>| Value::String(String::from_utf8(body).unwrap());
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or_else(|_| text(body)) };
    Some(Seen { method, path, headers, body })
}

/// A response with a body of this type.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<Step> {
    vec![Step::Write(format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()))]
}

pub(crate) fn json_response(status: &str, body: &Value) -> Vec<Step> {
    response(status, "content-type: application/json\r\n", &body.to_string())
}

/// The head of an event stream.
pub(crate) fn events_head() -> Step {
    Step::Write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_owned())
}

/// A part of a chunked body.
pub(crate) fn chunk(text: &str) -> Step {
    Step::Write(format!("{:x}\r\n{text}\r\n", text.len()))
}

/// The end of a chunked body.
pub(crate) fn last_chunk() -> Step {
    Step::Write("0\r\n\r\n".to_owned())
}

pub(crate) fn result(seen: &Seen) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"ok": true}})
}

pub(crate) fn progress(seen: &Seen) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": seen.body["id"], "progress": 1}})
}

pub(crate) fn error(seen: &Seen, code: i64) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"], "error": {"code": code, "message": "secret-of-the-body"}})
}

pub(crate) fn initialize_result(seen: &Seen) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {
        "protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "scripted", "version": "1"}}})
}

/// A server of Streamable HTTP: it gives the session id `s1`, and answers what it does not know with a result.
pub(crate) fn streamable(seen: &Seen) -> Vec<Step> {
    match (seen.method.as_str(), seen.body["method"].as_str(), seen.body["id"].is_null()) {
        ("POST", Some("initialize"), _) => response(
            "200 OK",
            "content-type: application/json; charset=utf-8\r\nmcp-session-id: s1\r\n",
            &initialize_result(seen).to_string(),
        ),
        ("POST", None, _) | ("POST", _, true) => response("202 Accepted", "", ""),
        ("POST", Some(_), false) => json_response("200 OK", &result(seen)),
        ("DELETE", ..) => response("204 No Content", "", ""),
        _ => response("405 Method Not Allowed", "", ""),
    }
}

/// Waits for a condition; fails after ten seconds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(10), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}
