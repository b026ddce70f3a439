//! A caller of either era that hears the whole conversation of a request: it answers what the server asks meanwhile, and
//! asks again where a result wants input. Elicitations it accepts with the defaults of their schemas.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use tests::client::{MODERN, connect, split};

/// The most times that one request is asked again for want of input.
const ROUNDS: usize = 5;

/// A caller at one address.
pub(crate) struct Caller {
    url: String,
    revision: String,
    session: Option<String>,
    next_id: u64,
}

impl Caller {
    /// Opens a session, if the revision has them.
    pub(crate) async fn open(url: &str, revision: &str) -> Self {
        let mut caller = Self { url: url.to_owned(), revision: revision.to_owned(), session: None, next_id: 1 };
        if revision != MODERN {
            let params = json!({
                "protocolVersion": revision, "capabilities": capabilities(), "clientInfo": client_info(),
            });
            caller.ask("initialize", None, params).await;
            drop(caller.post(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), &[]).await);
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
        if self.revision == MODERN {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": capabilities(),
                "io.modelcontextprotocol/clientInfo": client_info(),
            });
        } else {
            headers.clear();
        }
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let mut stream = self.post(&message, &headers).await;
        let mut text = String::new();
        while let Some(frame) = stream.frame().await {
            text += &frame
                .unwrap()
                .into_data()
                .map_or_else(|_| String::new(), |data| String::from_utf8(data.into()).unwrap());
            for message in whole_messages(&mut text) {
                if message["method"].is_null() {
                    return if message["result"].is_null() {
                        message["error"].clone()
                    } else {
                        message["result"].clone()
                    };
                }
                if !message["id"].is_null() {
                    let response = json!({"jsonrpc": "2.0", "id": message["id"], "result": answer(&message)});
                    drop(self.post(&response, &[]).await);
                }
            }
        }
        panic!("{method} was not answered: {text:?}");
    }

    /// POSTs a message on a connection of its own; notes the session that it begins.
    async fn post(&mut self, message: &Value, headers: &[(&str, &str)]) -> Incoming {
        let (address, path) = split(&self.url);
        let host = address.to_string();
        let mut all = vec![
            ("host", host.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        all.extend(headers);
        all.extend(self.session.as_deref().map(|session| ("mcp-session-id", session)));
        if message["method"] != "initialize" {
            all.push(("mcp-protocol-version", &self.revision));
        }
        let mut request = Request::builder().method(Method::POST).uri(path);
        *request.headers_mut().unwrap() =
            all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>();
        let request = request.body(Full::new(Bytes::from(message.to_string()))).unwrap();
        let response = connect(address).await.unwrap().send_request(request).await.unwrap();
        if let Some(session) = response.headers().get("mcp-session-id") {
            self.session = Some(session.to_str().unwrap().to_owned());
        }
        response.into_body()
    }
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
