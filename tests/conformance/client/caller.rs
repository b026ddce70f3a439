//! A caller of either era that hears the whole conversation of a request: it answers what the server asks meanwhile, and
//! asks again where a result wants input. Elicitations it accepts with the defaults of their schemas.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use tests::client::{MODERN, connect, split};

/// The most times that one request is asked again for want of input.
const ROUNDS: usize = 5;

/// A caller at one address.
pub(crate) struct Caller {
    at: At,
    next_id: u64,
}

/// Where it sends to, and as what.
#[derive(Clone)]
struct At {
    url: String,
    revision: String,
    session: Option<String>,
}

impl Caller {
    /// Opens a session, if the revision has them, and listens to what it is asked on the session's own stream.
    pub(crate) async fn open(url: &str, revision: &str) -> Self {
        let at = At { url: url.to_owned(), revision: revision.to_owned(), session: None };
        let mut caller = Self { at, next_id: 1 };
        if revision != MODERN {
            let params = json!({
                "protocolVersion": revision, "capabilities": capabilities(), "clientInfo": client_info(),
            });
            caller.ask("initialize", None, params).await;
            drop(caller.at.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), &[]).await);
            let at = caller.at.clone();
            let stream = at.get().await;
            tokio::spawn(async move { at.listen(stream).await });
        }
        caller
    }

    /// Every tool that is listed.
    pub(crate) async fn tools(&mut self) -> Vec<Value> {
        self.list("tools").await
    }

    /// Every item of a list, of one page.
    pub(crate) async fn list(&mut self, kind: &str) -> Vec<Value> {
        let result = self.ask(&format!("{kind}/list"), None, json!({})).await;
        result[kind].as_array().unwrap_or_else(|| panic!("{kind}: {result}")).clone()
    }

    /// Calls a tool, whatever comes of it.
    pub(crate) async fn call(&mut self, tool: &str, arguments: &Value) {
        self.ask("tools/call", Some(tool), json!({"name": tool, "arguments": arguments})).await;
    }

    /// Sends a request and gives its final result, or the error that it ends with.
    pub(crate) async fn ask(&mut self, method: &str, name: Option<&str>, mut params: Value) -> Value {
        for _ in 0..ROUNDS {
            let result = self.ask_once(method, name, &params).await;
            if result["resultType"] != "input_required" {
                return result;
            }
            let wanted = result["inputRequests"].as_object().cloned().unwrap_or_default();
            let given: Map<_, _> = wanted.iter().map(|(key, asked)| (key.clone(), answer(asked))).collect();
            params["inputResponses"] = given.into();
            match result.get("requestState") {
                Some(state) => params["requestState"] = state.clone(),
                None => drop(params.as_object_mut().unwrap().remove("requestState")),
            }
        }
        panic!("{method} wants input after {ROUNDS} rounds");
    }

    async fn ask_once(&mut self, method: &str, name: Option<&str>, params: &Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let mut params = params.clone();
        let mut headers = vec![("mcp-method", method)];
        headers.extend(name.map(|name| ("mcp-name", name)));
        if self.at.revision == MODERN {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": capabilities(),
                "io.modelcontextprotocol/clientInfo": client_info(),
            });
        } else {
            headers.clear();
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let mut stream = self.at.post(&message, &headers).await;
        let mut text = String::new();
        while let Some(messages) = next(&mut stream, &mut text).await {
            for message in messages {
                if message["method"].is_null() {
                    return if message["result"].is_null() {
                        message["error"].clone()
                    } else {
                        message["result"].clone()
                    };
                }
                self.at.answer(&message).await;
            }
        }
        panic!("{method} was not answered: {text:?}");
    }
}

impl At {
    /// Answers what is asked on a stream, to its end.
    async fn listen(mut self, mut stream: Incoming) {
        let mut text = String::new();
        while let Some(messages) = next(&mut stream, &mut text).await {
            for message in messages {
                self.answer(&message).await;
            }
        }
    }

    /// Answers a message, if it asks.
    async fn answer(&mut self, message: &Value) {
        if !message["id"].is_null() {
            let response = json!({"jsonrpc": "2.0", "id": message["id"], "result": answer(message)});
            drop(self.post(&response, &[]).await);
        }
    }

    /// GETs the session's own stream.
    async fn get(&self) -> Incoming {
        self.send(&Method::GET, "", &[("accept", "text/event-stream")]).await.into_body()
    }

    /// POSTs a message on a connection of its own; notes the session that it begins.
    async fn post(&mut self, message: &Value, headers: &[(&str, &str)]) -> Incoming {
        let mut all = vec![("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        all.extend(headers);
        let response = self.send(&Method::POST, &message.to_string(), &all).await;
        if let Some(session) = response.headers().get("mcp-session-id") {
            self.session = Some(session.to_str().unwrap().to_owned());
        }
        response.into_body()
    }

    async fn send(&self, method: &Method, body: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
        let (address, path) = split(&self.url);
        let host = address.to_string();
        let mut all = vec![("host", host.as_str())];
        all.extend(headers);
        all.extend(self.session.as_deref().map(|session| ("mcp-session-id", session)));
        if self.session.is_some() || self.revision == MODERN {
            all.push(("mcp-protocol-version", &self.revision));
        }
        let mut request = Request::builder().method(method).uri(path);
        *request.headers_mut().unwrap() =
            all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>();
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        connect(address).await.unwrap().send_request(request).await.unwrap()
    }
}

/// The next messages of a stream, and of `text` that came before; none at its end.
async fn next(stream: &mut Incoming, text: &mut String) -> Option<Vec<Value>> {
    let data = stream.frame().await?.unwrap().into_data();
    *text += &data.map_or_else(|_| String::new(), |data| String::from_utf8(data.into()).unwrap());
    Some(whole_messages(text))
}

/// Takes the messages off the front of a text that are there whole: lines of events, or the one JSON document.
fn whole_messages(text: &mut String) -> Vec<Value> {
    if let Ok(message) = serde_json::from_str(text) {
        text.clear();
        return vec![message];
    }
    let whole: String = text.drain(..text.rfind('\n').map_or(0, |end| end + 1)).collect();
    let data = whole.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim()).ok()).collect()
}

fn capabilities() -> Value {
    json!({"elicitation": {}, "sampling": {}, "roots": {}})
}

fn client_info() -> Value {
    json!({"name": "conformance-client", "version": "1"})
}

/// The result of what a server asks of its client.
fn answer(asked: &Value) -> Value {
    match asked["method"].as_str().unwrap_or_default() {
        "elicitation/create" => {
            let properties = asked["params"]["requestedSchema"]["properties"].as_object().cloned().unwrap_or_default();
            let value = |schema: &Value| schema.get("default").cloned().unwrap_or(json!(true));
            let content: Map<_, _> = properties.iter().map(|(name, schema)| (name.clone(), value(schema))).collect();
            json!({"action": "accept", "content": content})
        }
        "sampling/createMessage" => {
            json!({"role": "assistant", "content": {"type": "text", "text": "said"}, "model": "none"})
        }
        "roots/list" => json!({"roots": []}),
        other => panic!("the gateway's caller is asked for {other}"),
    }
}
