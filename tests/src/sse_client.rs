//! An old client, of HTTP+SSE (2024-11-05): one stream of events, and POSTs to
//! where its first event says.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::client::{Answer, Client};
use crate::stream::{End, Event, Stream};

/// A client on one stream.
pub struct SseClient {
    /// What posts its messages.
    pub posts: Client,
    /// Where to, as the first event says.
    pub endpoint: String,
    stream: Stream,
    next_id: u64,
}

impl SseClient {
    /// Opens the stream of this URL with these headers; the status if it is refused.
    pub async fn open(url: &str, headers: &[(&str, &str)]) -> Result<Self, StatusCode> {
        let mut posts = Client::new(url).header("accept", "*/*");
        for (name, value) in headers {
            posts.set_header(name, value);
        }
        let mut stream = posts.listen(&[]).await;
        if stream.status != StatusCode::OK {
            return Err(stream.status);
        }
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        let first = stream.event().await.unwrap();
        assert_eq!(first.kind.as_deref(), Some("endpoint"));
        let endpoint = first.data;
        Ok(Self { posts: posts.path(&endpoint), endpoint, stream, next_id: 1 })
    }

    /// The next event; comments are none.
    pub async fn event(&mut self) -> Result<Event, End> {
        self.stream.event().await
    }

    /// The next message.
    pub async fn message(&mut self) -> Result<Value, End> {
        let event = self.event().await?;
        assert_eq!(event.kind.as_deref(), Some("message"));
        Ok(event.json())
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
