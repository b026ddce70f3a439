//! A row: a request, the whole reply, and what of it reaches a server.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use tests::client::connect;
use tests::upstream::Received;

use crate::world::World;

/// What every MCP client sends.
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");

/// A reply as it came.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// One request and its reply.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    /// It is asked of the gateway that has another header for callers' credentials.
    renamed: bool,
    status: u16,
    reply_headers: Vec<(&'static str, &'static str)>,
    reply: &'static str,
    /// See [`Row::not_as`].
    differs: Vec<&'static str>,
    /// Headers of the call as its server gets them; none of a name: it must not be there.
    arrives: Vec<(&'static str, Option<&'static str>)>,
}

impl Row {
    /// A POST to `/mcp` by nobody, answered 200 with JSON.
    pub(crate) fn post(name: &'static str, body: &'static str) -> Self {
        Self {
            name,
            method: Method::POST,
            path: "/mcp",
            headers: Vec::new(),
            body,
            renamed: false,
            status: 200,
            reply_headers: vec![("content-type", "application/json")],
            reply: "",
            differs: Vec::new(),
            arrives: Vec::new(),
        }
    }

    /// A GET of this path by nobody.
    pub(crate) fn get(name: &'static str, path: &'static str) -> Self {
        Self { method: Method::GET, ..Self::post(name, "").at(path) }
    }

    /// A DELETE by nobody, of a session.
    pub(crate) fn delete(name: &'static str) -> Self {
        Self { method: Method::DELETE, ..Self::post(name, "") }
    }

    /// Where callers bring their credentials in `x-own-auth`.
    pub(crate) fn renamed(mut self) -> Self {
        self.renamed = true;
        self
    }

    pub(crate) fn at(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// With a header more.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// By this key.
    pub(crate) fn by(self, key: &'static str) -> Self {
        self.with("x-litellm-api-key", key)
    }

    /// The reply's body, whole.
    pub(crate) fn is(mut self, reply: &'static str) -> Self {
        self.reply = reply;
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// A header of the reply, beside its media type.
    pub(crate) fn says(mut self, name: &'static str, value: &'static str) -> Self {
        self.reply_headers.push((name, value));
        self
    }

    /// The reply has the id of a denial, which is another each time.
    pub(crate) fn denied(self) -> Self {
        self.says("switchboard-request-id", "*")
    }

    pub(crate) fn arrives(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.arrives.push((name, value));
        self
    }

    /// LiteLLM's reply is another, as a line of a table, or a point of a list, of `docs/litellm.md` says that begins so.
    pub(crate) fn not_as(mut self, line: &'static str) -> Self {
        self.differs.push(line);
        self
    }

    pub(crate) fn differs(&self) -> &[&'static str] {
        &self.differs
    }

    pub(crate) fn is_renamed(&self) -> bool {
        self.renamed
    }

    /// Asks whoever listens at this address: the reply, and the first call that it made arrive at a server.
    pub(crate) async fn ask(&self, world: &World, at: SocketAddr) -> Result<(Reply, Option<Received>), String> {
        let before = world.calls().len();
        let mut request = Request::new(Full::new(Bytes::from_static(self.body.as_bytes())));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().map_err(|_| "its path is none")?;
        let host = at.to_string();
        let own: &[(&str, &str)] = if self.method == Method::POST {
            &[("host", &host), ACCEPT, ("content-type", "application/json")]
        } else {
            &[("host", &host), ("accept", "application/json")]
        };
        // A row that says Accept itself means that one.
        let own = own.iter().filter(|(name, _)| !self.headers.iter().any(|(said, _)| said == name));
        for (name, value) in own.chain(&self.headers) {
            let name = name.parse::<http::HeaderName>().map_err(|error| error.to_string())?;
            request.headers_mut().append(name, value.parse().map_err(|_| "no value of a header")?);
        }
        let mut sender = connect(at).await.map_err(|error| error.to_string())?;
        let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
        let reply = Reply { status: head.status.as_u16(), headers: headers.collect(), body: text(&body) };
        Ok((reply, world.calls().get(before..).and_then(<[_]>::first).cloned()))
    }

    /// What is wrong with the reply, if anything.
    pub(crate) async fn try_out(&self, world: &World) -> Result<(), String> {
        let (Reply { status, headers, mut body }, call) = self.ask(world, world.address(self.renamed)).await?;
        if let Some((_, id)) = headers.iter().find(|(name, _)| name == "switchboard-request-id") {
            body = body.replace(id, "*");
        }
        let mut said: Vec<(String, String)> = headers
            .into_iter()
            .filter(|(name, _)| !["date", "content-length", "transfer-encoding"].contains(&&**name))
            .map(|(name, value)| {
                let differs = ["mcp-session-id", "switchboard-request-id"].contains(&&*name);
                (name, if differs { "*".to_owned() } else { value })
            })
            .collect();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut wanted: Vec<(String, String)> = self.reply_headers.iter().map(owned).collect();
        said.sort();
        wanted.sort();
        if (status, &said, &*body) != (self.status, &wanted, self.reply) {
            return Err(format!(
                "answered {status} {said:?}\n    {body}\n  and not {} {wanted:?}\n    {}",
                self.status, self.reply
            ));
        }
        if self.arrives.is_empty() {
            return Ok(());
        }
        let call = call.ok_or("the call did not arrive")?;
        for (name, value) in &self.arrives {
            if call.header(name) != *value {
                return Err(format!("{name} arrived as {:?} and not as {value:?}", call.header(name)));
            }
        }
        Ok(())
    }

    /// Whether what the row looks at arrived alike.
    pub(crate) fn is_same_arrival(&self, one: Option<&Received>, other: Option<&Received>) -> bool {
        let of = |call: Option<&Received>, name: &str| call.map(|call| call.header(name).map(str::to_owned));
        self.arrives.iter().all(|(name, _)| of(one, name) == of(other, name))
    }
}
