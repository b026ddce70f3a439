//! An old client, of HTTP+SSE (2024-11-05): one stream of events, and POSTs to
//! where its first event says.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use crate::client::{Answer, Client, connect, split};

/// How long any one event may be waited for.
const DEADLINE: Duration = Duration::from_secs(30);

/// A client on one stream.
pub struct SseClient {
    /// What posts its messages.
    pub posts: Client,
    /// Where to, as the first event says.
    pub endpoint: String,
    stream: Incoming,
    /// What came and is not read yet.
    buffer: Vec<u8>,
    next_id: u64,
}

/// An event of the stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Its kind.
    pub kind: String,
    /// Its data, lines joined.
    pub data: String,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// Rightly.
    Told,
    /// Cut off.
    Cut,
}

impl SseClient {
    /// Opens the stream of this URL with these headers; the status if it is refused.
    pub async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, StatusCode> {
        let (address, path) = split(url);
        let mut request = Request::get(&path).header("host", address.to_string()).header("accept", "text/event-stream");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut connection = connect(address).await.unwrap();
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let response = timeout(DEADLINE, connection.send_request(request)).await.expect("a head in time").unwrap();
        if response.status() != StatusCode::OK {
            return Err(response.status());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut posts = Client::new(url).header("accept", "*/*");
        for (name, value) in headers {
            posts.set_header(name, value);
        }
        let stream = response.into_body();
        let mut client = Self { posts, endpoint: String::new(), stream, buffer: Vec::new(), next_id: 1 };
        let first = client.event().await.unwrap();
        assert_eq!(first.kind, "endpoint");
        client.endpoint = first.data;
        client.posts = client.posts.path(&client.endpoint);
        Ok(client)
    }

    /// The next event; comments are none.
    pub async fn event(&mut self) -> Result<Event, End> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let rest = self.buffer.split_off(end + 2);
                let text = String::from_utf8(std::mem::replace(&mut self.buffer, rest)).unwrap();
                if let Some(event) = read(&text) {
                    return Ok(event);
                }
                continue;
            }
            match timeout(DEADLINE, self.stream.frame()).await.expect("an event in time") {
                Some(Ok(frame)) => self.buffer.extend_from_slice(&frame.into_data().unwrap_or_default()),
                Some(Err(_)) => return Err(End::Cut),
                None => return Err(End::Told),
            }
        }
    }

    /// The next message.
    pub async fn message(&mut self) -> Result<Value, End> {
        let event = self.event().await?;
        assert_eq!(event.kind, "message");
        Ok(serde_json::from_str(&event.data).unwrap_or_else(|error| panic!("{error} in {event:?}")))
    }

    /// POSTs a body to the endpoint.
    pub async fn post(&mut self, body: impl Into<Bytes>) -> Answer {
        self.posts.send(&Method::POST, &[], body).await
    }

    /// Sends a request and does not wait for what comes of it; gives its id.
    pub async fn ask(&mut self, method: &str, params: &str) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        let answer = self.post(body).await;
        assert_eq!((answer.status, &answer.body[..]), (StatusCode::ACCEPTED, &b""[..]), "{method}");
        id
    }

    /// Sends a request; gives every message up to its response, which is the last.
    pub async fn messages(&mut self, method: &str, params: &str) -> Vec<Value> {
        let id = self.ask(method, params).await;
        let mut messages = Vec::new();
        loop {
            messages.push(self.message().await.unwrap());
            if messages.last().is_some_and(|message| message["id"] == id) {
                return messages;
            }
        }
    }

    /// Sends a request; gives its response. No other message may come before it.
    pub async fn request(&mut self, method: &str, params: &str) -> Value {
        let messages = self.messages(method, params).await;
        let [response] = &messages[..] else { panic!("more than a response: {messages:?}") };
        response.clone()
    }

    /// Begins the session of a client that can be asked nothing: the result of initialize.
    pub async fn initialize(&mut self, revision: &str) -> Value {
        self.initialize_with(revision, "{}").await
    }

    /// The same, of a client with these capabilities, raw JSON.
    pub async fn initialize_with(&mut self, revision: &str, capabilities: &str) -> Value {
        let params = format!(
            r#"{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{{"name":"tests","version":"1"}}}}"#
        );
        let result = self.request("initialize", &params).await["result"].take();
        let told = self.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(told.status, StatusCode::ACCEPTED);
        result
    }

    /// Calls a tool with these arguments, as they are.
    pub async fn call(&mut self, tool: &str, arguments: &str) -> Value {
        self.request("tools/call", &format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#)).await
    }
}

/// An event as it stands in the stream; none if it is a comment.
fn read(text: &str) -> Option<Event> {
    let field = |name: &str| text.lines().filter_map(|line| line.strip_prefix(name).map(str::to_owned)).collect();
    let (kinds, data): (Vec<String>, Vec<String>) = (field("event: "), field("data: "));
    Some(Event { kind: kinds.into_iter().next()?, data: data.join("\n") })
}
