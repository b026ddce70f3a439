//! An upstream under test, and calls through it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::{
    AuthScheme, ByKind, ClientSide, HttpWire, Secrets, Server, ServerAuth, ServerTimeouts, Transport,
};
use gateway::capabilities::Capabilities;
use gateway::egress::{Egress, EgressPolicy};
use gateway::upstream::http::HttpUpstream;
use gateway::upstream::{CallerPart, Endpoint, Outgoing, ReplyBody, UpstreamError};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(crate) const MAX_RESPONSE: u64 = 64 * 1024;

/// A server without credentials or declared headers.
pub(crate) fn endpoint(url: &str, wire: HttpWire) -> Endpoint {
    let server = Server {
        id: "tools/scripted".to_owned(),
        alias: "scripted".to_owned(),
        prefix: None,
        names: Vec::new(),
        transport: Transport::Http { origin: String::new(), wire, headers: Vec::new(), forward_headers: Vec::new() },
        auth: ServerAuth { scheme: AuthScheme::None, client_side: ClientSide::Deny },
        credential: None,
        off: false,
        sessions: crds::snapshot::SessionMode::Shared,
        timeouts: ServerTimeouts { connect: 5, list: 5, call: 5 },
        max_concurrent_calls: 64,
        max_response_bytes: MAX_RESPONSE,
        filters: ByKind::default(),
        uri_prefix: None,
        cost: None,
        internal: false,
    };
    Endpoint { server, secrets: Secrets { url: Some(url.to_owned()), ..Secrets::default() } }
}

/// The connector of a laptop.
pub(crate) fn egress() -> Arc<Egress> {
    Arc::new(Egress::new(EgressPolicy { allow_loopback: true, ..EgressPolicy::default() }))
}

pub(crate) fn upstream(url: &str, wire: HttpWire) -> HttpUpstream {
    HttpUpstream::new(&endpoint(url, wire), CallerPart::default(), None, egress(), None)
}

/// The session of one client who can be asked for sampling, and what its server says unasked.
pub(crate) fn upstream_of_client(url: &str, wire: HttpWire) -> (HttpUpstream, mpsc::Receiver<Bytes>) {
    let (strays, heard) = mpsc::channel(16);
    let caller = CallerPart { capabilities: Capabilities::read(br#"{"sampling":{}}"#), ..CallerPart::default() };
    (HttpUpstream::new(&endpoint(url, wire), caller, Some(strays), egress(), None), heard)
}

/// The messages of a reply, as far as they came, and what ended it if not the response.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) id: u64,
    pub(crate) messages: Vec<Value>,
    pub(crate) error: Option<UpstreamError>,
}

impl Heard {
    /// The one message of a reply that is complete.
    pub(crate) fn only(&self) -> &Value {
        assert!(self.error.is_none() && self.messages.len() == 1, "{self:?}");
        &self.messages[0]
    }
}

pub(crate) async fn call(upstream: &HttpUpstream) -> Result<Heard, UpstreamError> {
    send(upstream, "tools/call", Duration::from_secs(10)).await
}

pub(crate) async fn send(upstream: &HttpUpstream, method: &str, within: Duration) -> Result<Heard, UpstreamError> {
    let render = |id: u64, _| {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": {"progressToken": id}}});
        Bytes::from(request.to_string())
    };
    let reply = upstream
        .send(&Outgoing { method, render: &render, mirror: &|_| {}, deadline: Instant::now() + within })
        .await?;
    let mut heard = Heard { id: reply.id, messages: Vec::new(), error: None };
    match reply.body {
        ReplyBody::Json(body) => match body.collect().await {
            Ok(body) => heard.messages.push(serde_json::from_slice(&body.to_bytes()).unwrap()),
            Err(_) => heard.error = Some(UpstreamError::timeout("a body that broke")),
        },
        ReplyBody::Messages(mut messages) => {
            while let Some(message) = messages.next().await {
                match message {
                    Ok(message) => heard.messages.push(serde_json::from_slice(&message).unwrap()),
                    Err(error) => heard.error = Some(error),
                }
            }
        }
    }
    Ok(heard)
}
