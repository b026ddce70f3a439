//! A client that reads an event stream as it comes, and may leave in its midst.

use std::any::Any;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use crate::client::{Client, connect};

/// How long one event may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// An answer as it comes. Dropped, its connection breaks.
pub struct Stream {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    body: Incoming,
    read: BytesMut,
    _connection: Box<dyn Any + Send + Sync>,
}

/// One event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// Its kind, if it says so.
    pub kind: Option<String>,
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its data.
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

impl Event {
    /// The message in it.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Client {
    /// Sends a request on a connection of its own, and waits for the head of its answer.
    pub async fn stream(&self, method: &Method, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Stream {
        let mut connection = connect(self.address()).await.unwrap();
        let request = self.build(method, headers, body);
        let response = timeout(DEADLINE, connection.send_request(request)).await.expect("an answer").unwrap();
        Stream::of(response, connection)
    }

    /// GETs the stream of its session; `headers` as ever.
    pub async fn listen(&self, headers: &[(&str, &str)]) -> Stream {
        let mut all = vec![("accept", "text/event-stream"), ("content-type", "")];
        all.extend_from_slice(headers);
        self.stream(&Method::GET, &all, "").await
    }
}

impl Stream {
    /// An answer, and the connection that it comes over.
    pub fn of(response: Response<Incoming>, connection: impl Send + Sync + 'static) -> Self {
        let (head, body) = response.into_parts();
        let connection = Box::new(connection);
        Self { status: head.status, headers: head.headers, body, read: BytesMut::new(), _connection: connection }
    }

    /// The next event, comments left out; none at the end, or where it was cut off.
    pub async fn next(&mut self) -> Option<Event> {
        self.event().await.ok()
    }

    /// The next event, comments left out, or how the stream ended.
    pub async fn event(&mut self) -> Result<Event, End> {
        timeout(DEADLINE, self.pull()).await.expect("an event within the deadline")
    }

    /// The next event with a message.
    pub async fn message(&mut self) -> Value {
        loop {
            let event = self.next().await.expect("a message before the end");
            if !event.data.is_empty() {
                return event.json();
            }
        }
    }

    /// Whether nothing comes for a time.
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        timeout(time, self.pull()).await.is_err()
    }

    async fn pull(&mut self) -> Result<Event, End> {
        loop {
            if let Some(end) = self.read.windows(2).position(|window| window == b"\n\n") {
                let block = self.read.split_to(end);
                self.read.advance(2);
                if let Some(event) = event(str::from_utf8(&block).unwrap()) {
                    return Ok(event);
                }
                continue;
            }
            let frame = self.body.frame().await.ok_or(End::Told)?.map_err(|_| End::Cut)?;
            self.read.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
    }
}

fn event(block: &str) -> Option<Event> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(ToOwned::to_owned);
    let data = block.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>();
    let id = field("id: ");
    (id.is_some() || !data.is_empty()).then(|| Event { kind: field("event: "), id, data: data.join("\n") })
}
