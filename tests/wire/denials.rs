//! Whatever is denied has an id, and under it the log has the rule, which `switchboard explain` follows to the objects. The
//! caller learns nothing by it: what is forbidden reads as what is unknown.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, Client, take_request_id};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard, run};
use tests::upstream::{Does, Entry, Script, Tool, Upstream};
use tests::wait::until;

use super::scene::KEY;

const SOON: Duration = Duration::from_secs(10);
const SUSPENDED: &str = "sb-suspended-0000000000000000";
const ENDED: &str = "sb-ended-000000000000000000000";
const OLD: &str = "sb-old-00000000000000000000000000";
const OPEN: &str = "sb-open-00000000000000000000000";

/// `lab`, of which the caller may use a part; `quiet`, which lists `echo` too; `vault`, which is not granted; `inner`, which is,
/// to internal addresses.
struct Company {
    manifests: Manifests,
    switchboard: Switchboard,
    _upstreams: Vec<Upstream>,
}

impl Company {
    fn start(arguments: &[&str]) -> Self {
        let manifests = Manifests::default();
        let script = || {
            Script::with(["echo", "drop", "shut"].map(|name| Tool::new(name, Does::Echo)))
                .prompts([Entry::prompt("greet", Does::Echo)])
                .resources([Entry::resource("test://one", Does::Echo)])
        };
        let upstreams: Vec<Upstream> = (0..4).map(|_| Upstream::start(script())).collect();
        let http = |at: usize| json!({"url": upstreams[at].url(), "transport": "StreamableHTTP"});
        manifests
            .settings(&json!({"trustedProxies": ["127.0.0.0/8"]}))
            .server("lab", &json!({"http": http(0), "tools": {"deny": ["shut"]}, "resources": {"uriPrefix": "lab+"}}))
            .server("quiet", &json!({"http": http(1), "resources": {"uriPrefix": "quiet+"}}))
            .server("vault", &json!({"http": http(2), "resources": {"uriPrefix": "vault+"}}))
            .server("inner", &json!({"http": http(3), "exposure": "Internal", "resources": {"uriPrefix": "inner+"}}))
            .key_with("caller", KEY, &json!({"servers": [{"name": "lab", "tools": ["echo", "shut"]}, {"name": "quiet"}, {"name": "inner"}]}))
            .object("McpKeyBinding", "suspended", &key(SUSPENDED, &json!({"suspend": true})))
            .object("McpKeyBinding", "ended", &key(ENDED, &json!({"expirationTime": "2020-01-01T00:00:00Z"})))
            .object("McpKeyBinding", "of-ended", &key(OPEN, &json!({"team": "gone", "grants": {"servers": [{"name": "lab"}]}})))
            .object("McpKeyBinding", "gone", &json!({"subject": {"type": "Team", "team": "gone"}, "expirationTime": "2020-01-01T00:00:00Z", "grants": {"servers": [{"name": "lab"}]}}));
        let mut old = key(OLD, &json!({}));
        old["subject"]["keys"][0]["expirationTime"] = json!("2020-01-01T00:00:00Z");
        manifests.object("McpKeyBinding", "old", &old);
        let options = Options { arguments: arguments.iter().map(ToString::to_string).collect(), ..Options::default() };
        let switchboard = Switchboard::start_ready(manifests.path(), &options);
        Self { manifests, switchboard, _upstreams: upstreams }
    }

    fn client(&self, key: &str) -> Client {
        Client::new(&self.switchboard.mcp).key(key).header("x-forwarded-for", "198.51.100.7")
    }

    fn explain(&self, id: &str, more: &[&str]) -> (Option<i32>, String, String) {
        explain(&self.switchboard, id, more)
    }

    fn reason(&self, id: &str) -> Value {
        line(&self.switchboard, id)
    }
}

/// What `explain` makes of the log so far.
pub(crate) fn explain(switchboard: &Switchboard, id: &str, more: &[&str]) -> (Option<i32>, String, String) {
    let log = log(switchboard, id);
    run(&[&["explain", id, "--log", log.to_str().unwrap()], more].concat())
}

/// The log, once it has the id.
fn log(switchboard: &Switchboard, id: &str) -> PathBuf {
    let log = until("the log has it", SOON, || Some(switchboard.errors()).filter(|log| log.contains(id)));
    // Not among the manifests, which are watched.
    let path = switchboard.home().join("gateway.log");
    fs::write(&path, log).unwrap();
    path
}

/// What the log has under an id.
pub(crate) fn line(switchboard: &Switchboard, id: &str) -> Value {
    let (code, told, errors) = explain(switchboard, id, &["-o", "json"]);
    assert_eq!(code, Some(0), "{errors}");
    serde_json::from_str(&told).unwrap()
}

fn key(key: &str, more: &Value) -> Value {
    let mut spec =
        json!({"subject": {"type": "Key", "keys": [{"name": "one", "sha256": tests::manifests::sha256(key)}]}});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

/// The id that the response's header says.
fn header(answer: &Answer) -> String {
    let id = answer.headers.get("switchboard-request-id").unwrap_or_else(|| panic!("no id: {answer:?}"));
    id.to_str().unwrap().to_owned()
}

pub(crate) fn id_of(answer: &Answer) -> String {
    let (_, id) = answer.without_request_id();
    assert_eq!(header(answer), id);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_item_has_an_id_and_the_log_the_rule() {
    let company = Company::start(&[]);
    let mut client = company.client(KEY);
    client.initialize("2025-11-25").await;
    let mut ids = Vec::new();
    for (name, reason, server, item) in [
        ("lab-drop", "not_granted", Some("default/lab"), Some("drop")),
        ("LAB-drop", "not_granted", Some("default/lab"), Some("drop")),
        ("lab-shut", "filtered", Some("default/lab"), Some("shut")),
        ("vault-echo", "server_not_granted", Some("default/vault"), Some("echo")),
        ("inner-echo", "internal_only", Some("default/inner"), Some("echo")),
        ("quiet-nope", "not_listed", Some("default/quiet"), Some("nope")),
        ("echo", "ambiguous", Some("default/lab"), Some("echo")),
        ("nope", "unknown_name", None, None),
    ] {
        let answer = client.call(name, "{}").await;
        let (told, id) = answer.without_request_id();
        let text = format!("Error: Tool '{name}' not found");
        let plain = json!({"content": [{"type": "text", "text": text}], "isError": true});
        assert_eq!(told["result"], plain, "no more than that");
        let line = company.reason(&id_of(&answer));
        assert_eq!(
            (&line["reason"], &line["caller"], &line["verb"]),
            (&json!(reason), &json!("default/caller"), &json!("call")),
            "{name}"
        );
        assert_eq!(
            (&line["name"], &line["server"], &line["item"]),
            (&json!(server.map(|_| name)), &json!(server), &json!(item)),
            "{name}: what means nothing is not in the log"
        );
        assert_eq!(line["revision"], "1");
        ids.push(id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8, "each has an id of its own");

    let mut narrowed = company.client(KEY).header("x-mcp-servers", "quiet");
    narrowed.initialize("2025-11-25").await;
    let answer = narrowed.call("lab-echo", "{}").await;
    assert_eq!(company.reason(&id_of(&answer))["reason"], "out_of_scope");

    let prompt = client.request("prompts/get", r#"{"name":"lab-greet"}"#).await;
    let line = company.reason(&id_of(&prompt));
    assert_eq!(
        (&line["reason"], &line["verb"], &line["item"]),
        (&json!("not_granted"), &json!("get"), &json!("greet"))
    );
    let resource = client.request("resources/read", r#"{"uri":"vault+test://one"}"#).await;
    let line = company.reason(&id_of(&resource));
    assert_eq!(
        (&line["reason"], &line["verb"], &line["item"]),
        (&json!("server_not_granted"), &json!("read"), &json!("test://one"))
    );
    let mut modern = company.client(KEY);
    let answer = modern.modern("tools/call", Some("vault-echo"), r#""name":"vault-echo","arguments":{}"#).await;
    assert_eq!(answer.code(), Some(-32602), "{answer:?}");
    assert_eq!(company.reason(&id_of(&answer))["reason"], "server_not_granted");

    let allowed = client.call("lab-echo", "{}").await;
    assert!(!allowed.is_tool_error() && !allowed.headers.contains_key("switchboard-request-id"));
    let denied = company.switchboard.metric(r#"switchboard_denials_total{reason="filtered"}"#).await;
    assert_eq!(denied, Some(1));

    let mut of_ended = company.client(OPEN);
    of_ended.initialize("2025-11-25").await;
    let answer = of_ended.call("lab-echo", "{}").await;
    assert_eq!(company.reason(&id_of(&answer))["reason"], "parent_expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_denied_message_of_a_batch_has_its_own() {
    let company = Company::start(&[]);
    let mut client = company.client(KEY);
    client.initialize("2025-03-26").await;
    let call = |id: u8, tool: &str| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": {}}});
    let batch = json!([call(1, "lab-drop"), call(2, "lab-echo"), call(3, "vault-echo")]);
    let answer = client.post(batch.to_string()).await;
    let Value::Array(mut messages) = answer.json() else { panic!("{answer:?}") };
    let mut id_at = |at: usize| take_request_id(&mut messages[at]).unwrap();
    let (first, third) = (id_at(0), id_at(2));
    assert_eq!(company.reason(&first)["reason"], "not_granted");
    assert_eq!(company.reason(&third)["reason"], "server_not_granted");
    assert_eq!(messages[1]["result"]["isError"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_let_in_learns_an_id_and_the_log_why() {
    let company = Company::start(&[]);
    let of_key = |key: &str| company.client(key);
    let anonymous = Client::new(&company.switchboard.mcp);
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL25vYm9keS5leGFtcGxlIiwic3ViIjoiYW5uIn0.AAAA";
    let mut bodies = Vec::new();
    for (mut client, reason, binding) in [
        (anonymous, "unauthenticated", None),
        (of_key("sb-nobodys-0000000000000000000"), "unknown_key", None),
        (of_key(SUSPENDED), "unknown_key", None),
        (of_key(ENDED), "binding_expired", Some("default/ended")),
        (of_key(OLD), "key_expired", Some("default/old")),
        (of_key("eyJ.e30.AA"), "token_malformed", None),
        (of_key(token), "token_issuer", None),
    ] {
        let answer = client.try_initialize("2025-11-25").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{reason}");
        let line = company.reason(&header(&answer));
        assert_eq!((&line["reason"], &line["binding"]), (&json!(reason), &json!(binding)));
        assert_eq!((&line["address"], &line["caller"]), (&json!("127.0.0.1"), &Value::Null));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "what is wrong with a credential is not told");
    for secret in ["sb-nobodys", SUSPENDED, ENDED, OLD, token] {
        assert!(!company.switchboard.errors().contains(secret), "{secret} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_and_a_server_by_rest_too() {
    let company = Company::start(&[]);
    for (path, reason, server) in [
        ("/mcp/vault", "server_not_granted", Some("default/vault")),
        ("/inner/mcp", "internal_only", Some("default/inner")),
        ("/nope/mcp", "unknown_name", None),
        ("/mcp/vault,sb-in-the-wrong-place", "server_not_granted", Some("default/vault")),
    ] {
        let answer = company.client(KEY).path(path).try_initialize("2025-11-25").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let line = company.reason(&header(&answer));
        assert_eq!((&line["reason"], &line["caller"]), (&json!(reason), &json!("default/caller")), "{path}");
        assert_eq!(line["server"], json!(server), "{path}");
    }
    assert!(!company.switchboard.errors().contains("sb-in-the-wrong-place"), "what means nothing is not in the log");
    for (path, body, status, reason) in [
        ("/mcp-rest/tools/list?server_id=vault", None, 403, "server_not_granted"),
        ("/v1/mcp/server/vault", None, 404, "server_not_granted"),
        (
            "/mcp-rest/tools/call",
            Some(r#"{"server_id":"vault","name":"echo","arguments":{}}"#),
            403,
            "server_not_granted",
        ),
        ("/mcp-rest/tools/call", Some(r#"{"server_id":"lab","name":"drop","arguments":{}}"#), 404, "not_granted"),
        ("/mcp-rest/tools/call", Some(r#"{"server_id":"lab","name":"none","arguments":{}}"#), 404, "not_granted"),
        ("/mcp-rest/tools/call", Some(r#"{"server_id":"quiet","name":"none","arguments":{}}"#), 404, "not_listed"),
    ] {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let answer = company.client(KEY).path(path).send(&method, &[], body.unwrap_or_default().to_owned()).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {answer:?}");
        assert_eq!(company.reason(&header(&answer))["reason"], reason, "{path} {body:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_way_by_the_objects_and_says_where_there_is_none() {
    let company = Company::start(&["--log", "warn,gateway::denial=info"]);
    let mut client = company.client(KEY);
    client.initialize("2025-11-25").await;
    let id = id_of(&client.call("vault-echo", "{}").await);
    let directory = company.manifests.path().to_str().unwrap();
    let (code, told, errors) = company.explain(&id, &["--directory", directory]);
    assert_eq!((code, &*errors), (Some(0), ""));
    let lines: Vec<&str> = told.lines().collect();
    let what = "McpKeyBinding default/caller may not call `vault-echo`, which is `echo` of McpServer default/vault (revision 1)";
    assert!(lines[0].ends_with(what), "{told}");
    assert_eq!(lines[1], "server_not_granted: nothing of the server is granted");
    assert!(lines[2].contains("names neither McpServer default/vault nor a group that has it  ("), "{told}");
    assert!(lines[2].contains("caller.yaml:"), "{told}");

    // Objects that are others by now.
    company.manifests.key("caller", KEY, &["vault"]);
    let (_, told, _) = company.explain(&id, &["--directory", directory]);
    assert!(told.contains("by these objects it is allowed"), "{told}");

    let log = log(&company.switchboard, &id);
    let (code, told, errors) = run(&["explain", "0000000000000000", "--log", log.to_str().unwrap()]);
    assert_eq!((code, &*told), (Some(2), ""));
    assert!(errors.contains("no log has `0000000000000000`"), "{errors}");
    let (code, _, errors) = run(&["explain", &id]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("say where the log is"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_take_denials_gives_no_ids() {
    let company = Company::start(&["--log", "error"]);
    let mut client = company.client(KEY);
    client.initialize("2025-11-25").await;
    let answer = client.call("vault-echo", "{}").await;
    assert!(answer.is_tool_error() && !answer.headers.contains_key("switchboard-request-id"), "{answer:?}");
    assert_eq!(answer.json()["result"].get("_meta"), None);
}
