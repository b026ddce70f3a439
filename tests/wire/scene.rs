//! The usual scene: scripted servers, a key that may use them all, Switchboard before them.

use serde_json::{Value, json};
use tests::client::{Client, split};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, Upstream, stdio};

/// The key that may use every server of the scene.
pub(crate) const KEY: &str = "sb-key-of-the-scene";

/// A body that every caller may send.
pub(crate) const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// How a server is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Http,
    Sse,
    Stdio,
}

/// Every transport.
pub(crate) const TRANSPORTS: [Transport; 3] = [Transport::Http, Transport::Sse, Transport::Stdio];

/// Switchboard with one scripted server, named `up`.
pub(crate) struct Scene {
    pub(crate) manifests: Manifests,
    pub(crate) upstream: Upstream,
    pub(crate) switchboard: Switchboard,
}

impl Scene {
    /// A Shared server over Streamable HTTP.
    pub(crate) fn of(script: Script) -> Self {
        Self::with(script, &json!({}))
    }

    /// A server over Streamable HTTP; `spec` adds to its manifest and replaces what it repeats.
    pub(crate) fn with(script: Script, spec: &Value) -> Self {
        Self::over(Transport::Http, script, spec)
    }

    /// A server over this transport. Over stdio `upstream` is there and unused.
    pub(crate) fn over(transport: Transport, script: Script, spec: &Value) -> Self {
        let manifests = Manifests::default();
        let stdio = stdio::manifest(&script);
        let upstream = Upstream::start(script);
        manifests.server("up", &server(transport, &upstream, &stdio, spec)).key("scene", KEY, &["up"]);
        let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
        Self { manifests, upstream, switchboard }
    }

    /// The head of a POST with this key; what to do with the connection is still to be said.
    pub(crate) fn head(&self, key: &str) -> String {
        let (address, path) = split(&self.switchboard.mcp);
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nx-api-key: {key}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: {}\r\n",
            PING.len()
        )
    }

    /// A client with the key, without a session.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.switchboard.mcp).key(KEY)
    }

    /// A client with the key and a session of the newest legacy revision.
    pub(crate) async fn session(&self) -> Client {
        let mut client = self.client();
        client.initialize("2025-11-25").await;
        client
    }

    /// A client of another path of the same port.
    pub(crate) fn client_at(&self, path: &str) -> Client {
        self.client().path(path)
    }
}

/// The spec of a Shared server over this transport, `stdio` its member for a child; `more` adds and replaces.
pub(crate) fn server(transport: Transport, upstream: &Upstream, stdio: &Value, more: &Value) -> Value {
    let mut spec = match transport {
        Transport::Http => json!({"http": {"url": upstream.url(), "transport": "StreamableHTTP"}}),
        Transport::Sse => json!({"http": {"url": upstream.sse_url(), "transport": "SSE"}}),
        Transport::Stdio => json!({"stdio": stdio}),
    };
    spec["sessionMode"] = json!("Shared");
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}
