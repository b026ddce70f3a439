//! An MCP client that holds every byte and header in its hand: one kept-alive
//! connection, nothing added that a test did not ask for but Host,
//! Content-Type and Accept.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long any one request may take, its whole answer included.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a POST accepts unless a test says otherwise.
const ACCEPT: &str = "application/json, text/event-stream";

/// A client on one connection.
pub struct Client {
    address: SocketAddr,
    path: String,
    headers: HeaderMap,
    connection: Option<SendRequest<Full<Bytes>>>,
    next_id: u64,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl Client {
    /// A client of `http://ADDRESS/PATH`; it connects when it first sends.
    pub fn new(url: &str) -> Self {
        let (address, path) = split(url);
        Self { address, path, headers: HeaderMap::new(), connection: None, next_id: 1 }
    }

    /// Sends this header with every request; a second value of a name replaces the first.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.set_header(name, value);
        self
    }

    /// Authenticates by `x-litellm-api-key`.
    pub fn key(self, key: &str) -> Self {
        self.header("x-litellm-api-key", key)
    }

    /// Uses another path.
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Another client of the same port at this path, with the same headers and a connection of its own.
    pub fn clone_at(&self, path: &str) -> Self {
        let (address, headers) = (self.address, self.headers.clone());
        Self { address, path: path.to_owned(), headers, connection: None, next_id: 1 }
    }

    /// As [`Client::header`], later on.
    pub fn set_header(&mut self, name: &str, value: &str) {
        self.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }

    /// Does not send this header any more.
    pub fn drop_header(&mut self, name: &str) {
        self.headers.remove(name);
    }

    /// Where it connects to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The session id in use.
    pub fn session(&self) -> Option<&str> {
        self.headers.get("mcp-session-id").map(|id| id.to_str().unwrap())
    }

    /// Opens a legacy session: initialize, then initialized. Gives the result of initialize.
    pub async fn initialize(&mut self, revision: &str) -> Value {
        self.initialize_with(revision, "{}").await
    }

    /// The same, of a client with these capabilities, raw JSON.
    pub async fn initialize_with(&mut self, revision: &str, capabilities: &str) -> Value {
        let answer = self.send_initialize(revision, capabilities).await;
        assert_eq!(answer.status, StatusCode::OK, "initialize: {answer:?}");
        let result = answer.json()["result"].take();
        if let Some(id) = answer.headers.get("mcp-session-id") {
            self.headers.insert("mcp-session-id", id.clone());
        }
        if revision != "2025-03-26" {
            self.set_header("mcp-protocol-version", result["protocolVersion"].as_str().unwrap());
        }
        let told = self.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "notifications/initialized: {told:?}");
        result
    }

    /// Sends initialize alone.
    pub async fn try_initialize(&mut self, revision: &str) -> Answer {
        self.send_initialize(revision, "{}").await
    }

    async fn send_initialize(&mut self, revision: &str, capabilities: &str) -> Answer {
        let params = format!(
            r#"{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{{"name":"tests","version":"1"}}}}"#
        );
        self.request("initialize", &params).await
    }

    /// The names of all tools, page by page.
    pub async fn tools(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        let mut params = "{}".to_owned();
        loop {
            let answer = self.request("tools/list", &params).await;
            let answer = answer.json();
            let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("a list: {answer}"));
            names.extend(tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()));
            let Some(cursor) = answer["result"]["nextCursor"].as_str() else { return names };
            params = serde_json::json!({"cursor": cursor}).to_string();
        }
    }

    /// Calls a tool with these arguments, as they are.
    pub async fn call(&mut self, tool: &str, arguments: &str) -> Answer {
        self.request("tools/call", &format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#)).await
    }

    /// As [`Client::call`], where the answer may be cut: then what went wrong.
    pub async fn try_call(&mut self, tool: &str, arguments: &str) -> Result<Answer, String> {
        let params = format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#);
        let body = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{params}}}"#);
        let request = self.build(&Method::POST, &[], body);
        timeout(DEADLINE, self.exchange(request)).await.expect("an answer within the deadline")
    }

    /// Sends a request with these params, as they are, and the next id.
    pub async fn request(&mut self, method: &str, params: &str) -> Answer {
        let id = self.next_id;
        self.next_id += 1;
        self.post(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)).await
    }

    /// Sends a request of revision 2026-07-28: `_meta` and the mirrored headers are written here.
    /// `params` are the members besides `_meta`, without braces; `name` is what `Mcp-Name` mirrors.
    pub async fn modern(&mut self, method: &str, name: Option<&str>, params: &str) -> Answer {
        let id = self.next_id;
        self.next_id += 1;
        let mut headers = vec![("mcp-protocol-version", MODERN), ("mcp-method", method)];
        headers.extend(name.map(|name| ("mcp-name", name)));
        self.send(&Method::POST, &headers, modern_body(id, method, params)).await
    }

    /// POSTs a body as it is.
    pub async fn post(&mut self, body: impl Into<Bytes>) -> Answer {
        self.send(&Method::POST, &[], body).await
    }

    /// Sends a request; `headers` replace the client's own of that name, an empty value removes it.
    pub async fn send(&mut self, method: &Method, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        let request = self.build(method, headers, body);
        let answer = timeout(DEADLINE, self.exchange(request)).await.expect("an answer within the deadline");
        answer.unwrap()
    }

    pub(crate) fn build(
        &self,
        method: &Method,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Request<Full<Bytes>> {
        let mut all = HeaderMap::new();
        all.insert("content-type", HeaderValue::from_static("application/json"));
        all.insert("accept", HeaderValue::from_static(ACCEPT));
        all.insert("host", HeaderValue::from_str(&self.address.to_string()).unwrap());
        for (name, value) in &self.headers {
            all.insert(name.clone(), value.clone());
        }
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            match *value {
                "" => drop(all.remove(name)),
                value => drop(all.insert(name, HeaderValue::from_str(value).unwrap())),
            }
        }
        let mut request = Request::builder().method(method).uri(&self.path).body(Full::new(body.into())).unwrap();
        *request.headers_mut() = all;
        request
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let usable = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.connection = None;
            let connected = connect(self.address).await.map_err(|error| format!("no connection: {error}"))?;
            self.connection = Some(connected);
        }
        let connection = self.connection.as_mut().expect("connected above");
        let response = connection.send_request(request).await.map_err(|error| format!("no answer: {error}"))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| format!("a cut answer: {error}"))?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// The modern revision.
pub const MODERN: &str = "2026-07-28";

/// A whole request of revision 2026-07-28; `params` are the members besides `_meta`, without braces.
pub fn modern_body(id: u64, method: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { "," };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{{"name":"tests","version":"1"}}}}}}}}"#
    )
}

impl Answer {
    /// The JSON-RPC response's own bytes: the body, or the last event of the stream.
    pub fn message(&self) -> &[u8] {
        if !self.is_stream() {
            return &self.body;
        }
        self.messages().pop().unwrap_or_default()
    }

    /// Every JSON-RPC message of the answer, in order. A stream's first event may have none.
    pub fn messages(&self) -> Vec<&[u8]> {
        if !self.is_stream() {
            return vec![&self.body];
        }
        let lines = self.body.split(|byte| *byte == b'\n');
        let data = lines.filter_map(|line| line.strip_prefix(b"data: ")).map(<[u8]>::trim_ascii);
        data.filter(|data| !data.is_empty()).collect()
    }

    /// The response, decoded.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.message()).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The text of the result's first content.
    pub fn text(&self) -> String {
        let json = self.json();
        json["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("a text in {json}")).to_owned()
    }

    /// Whether it is a result that is an error of the tool.
    pub fn is_tool_error(&self) -> bool {
        self.json()["result"]["isError"] == true
    }

    /// The code of the JSON-RPC error.
    pub fn code(&self) -> Option<i64> {
        self.json()["error"]["code"].as_i64()
    }

    /// The message of a denial without the id that it says, which is another each time; and the id.
    pub fn without_request_id(&self) -> (Value, String) {
        let mut message = self.json();
        let id = take_request_id(&mut message).unwrap_or_else(|| panic!("no id: {message}"));
        (message, id)
    }

    fn is_stream(&self) -> bool {
        self.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
    }
}

/// Takes the id out of a message, if it is a denial.
pub fn take_request_id(message: &mut Value) -> Option<String> {
    for (of, members) in [("result", "_meta"), ("error", "data")] {
        let Some(said) = message.pointer_mut(&format!("/{of}/{members}")).and_then(Value::as_object_mut) else {
            continue;
        };
        let Some(id) = said.remove("switchboard.dev/requestId") else { continue };
        if said.is_empty() {
            message[of].as_object_mut()?.remove(members);
        }
        return id.as_str().map(str::to_owned);
    }
    None
}

/// GETs a page, for the admin port.
pub async fn get(url: &str) -> Answer {
    Client::new(url).send(&Method::GET, &[("content-type", ""), ("accept", "")], Bytes::new()).await
}

/// The value of a metric, given with its labels, at the admin port of this URL; none if there is none.
pub async fn metric(admin: &str, name: &str) -> Option<u64> {
    let page = get(&format!("{admin}/metrics")).await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is {value}")))
}

/// The address and the path of a URL that names an address.
pub fn split(url: &str) -> (SocketAddr, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (address.parse().unwrap(), if path.is_empty() { "/".to_owned() } else { path.to_owned() })
}

/// Connects and drives the connection in the background.
pub async fn connect(address: SocketAddr) -> std::io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}
