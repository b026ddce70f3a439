//! LiteLLM's endpoints beside MCP: what they answer byte for byte, and that they show and call what MCP does, no more.

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, Client};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};

use super::scene::{KEY, Scene};

mod calls;
mod failing_calls;
mod fleet;
mod lists;
mod objects;
mod refusals;

/// May use every server of the scene.
const ALICE: &str = "sb-key-of-alice";
/// May use one tool of one of them.
const BOB: &str = "sb-key-of-bob";
/// Is known, and may use nothing.
const CAROL: &str = "sb-key-of-carol";

const LIST: &str = "/mcp-rest/tools/list";
const CALL: &str = "/mcp-rest/tools/call";
const SERVER: &str = "/v1/mcp/server";

/// Every GET of the surface that needs a key.
const READS: [&str; 6] =
    [LIST, "/v1/mcp/tools", SERVER, "/v1/mcp/server/near", "/v1/mcp/server/health", "/v1/mcp/access_groups"];

/// Two servers with the same tools, of which one goes by another name than its object's, and one that nobody may use.
struct Two {
    manifests: Manifests,
    near: Upstream,
    far: Upstream,
    hidden: Upstream,
    switchboard: Switchboard,
}

impl Two {
    fn start() -> Self {
        let tools = || Script::with([Tool::new("echo", Does::Echo), Tool::new("add-note", Does::Echo)]);
        let [near, far, hidden] = [Upstream::start(tools()), Upstream::start(tools()), Upstream::start(tools())];
        let manifests = Manifests::default();
        manifests.http("near", &near.url()).http("hidden", &hidden.url());
        let http = json!({"url": far.url(), "transport": "StreamableHTTP"});
        let auth = json!({"type": "Bearer", "bearer": {"value": "of-the-house"}});
        manifests.server("far-one", &json!({"alias": "Far_Away", "http": http, "auth": auth, "sessionMode": "Shared"}));
        manifests.group("of-far", "far group", &["far-one", "hidden"]).group("secret", "secret group", &["hidden"]);
        manifests.key("alice", ALICE, &["near", "far-one"]).key("carol", CAROL, &[]);
        manifests.key_with("bob", BOB, &json!({"servers": [{"name": "far-one", "tools": ["echo"]}]}));
        let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
        Self { manifests, near, far, hidden, switchboard }
    }

    fn client(&self, key: &str) -> Client {
        Client::new(&self.switchboard.mcp).key(key)
    }
}

/// GETs a path, as an HTTP client does that knows nothing of MCP.
async fn read(client: &Client, path: &str) -> Answer {
    read_with(client, path, &[]).await
}

/// The same with these headers.
async fn read_with(client: &Client, path: &str, headers: &[(&str, &str)]) -> Answer {
    let all = [&[("content-type", ""), ("accept", "application/json")][..], headers].concat();
    client.clone_at(path).send(&Method::GET, &all, Bytes::new()).await
}

/// POSTs the body of a call.
async fn post(client: &Client, body: impl Into<Bytes>) -> Answer {
    client.clone_at(CALL).send(&Method::POST, &[("accept", "application/json")], body).await
}

/// Calls a tool of a server with these arguments, raw JSON.
async fn call(client: &Client, (server, tool): (&str, &str), arguments: &str) -> Answer {
    post(client, format!(r#"{{"server_id":"{server}","name":"{tool}","arguments":{arguments}}}"#)).await
}

/// The body, as it came.
fn text(answer: &Answer) -> &str {
    str::from_utf8(&answer.body).unwrap()
}

/// `detail.error` of a refusal with this status.
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, StatusCode::from_u16(status).unwrap(), "{answer:?}");
    let detail = answer.json()["detail"].take();
    assert!(detail["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer:?}");
    detail["error"].as_str().unwrap_or_else(|| panic!("an error in {answer:?}")).to_owned()
}

/// `server_id` and name of every tool of a list.
fn listed(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let answer = answer.json();
    assert_eq!((&answer["error"], &answer["message"]), (&Value::Null, &json!("Successfully retrieved tools")));
    let of = |tool: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&tool["mcp_info"]["server_id"]), text(&tool["name"]))
    };
    answer["tools"].as_array().unwrap().iter().map(of).collect()
}

/// The usual scene with these tools.
fn scene(tools: impl IntoIterator<Item = Tool>) -> Scene {
    Scene::of(Script::with(tools))
}

fn key_client(scene: &Scene) -> Client {
    Client::new(&scene.switchboard.mcp).key(KEY)
}
