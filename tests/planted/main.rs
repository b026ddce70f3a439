//! Marked values in every place that can hold a secret, then everything that
//! leaves the process is searched for them: its logs at the most talkative
//! level, its events, errors, metrics, `/status`, the snapshot, what `validate`
//! and questions say.
//!
//! In: the release build. Out: how many marks there were and how many were
//! found, in `access.json` (R81). What an operator writes into a cluster is
//! searched by tests/operator.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::client::{Client, get};
use tests::figures::Figures;
use tests::issuer::{Issuer, Signer};
use tests::manifests::Manifests;
use tests::marks::Marks;
use tests::process::{Options, Switchboard, run};
use tests::upstream::{Does, Script, Tool, Upstream, stdio};
use tests::wait::until_async;

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(20);

/// Everything that left the process, by what it is.
#[derive(Default)]
struct Left(Vec<(String, String)>);

impl Left {
    fn add(&mut self, what: &str, text: impl Into<String>) {
        self.0.push((what.to_owned(), text.into()));
    }
}

fn secret(name: &str, data: &Value) -> String {
    let labels = json!({"switchboard.dev/use": "credential"});
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "stringData": data})
        .to_string()
}

fn from(name: &str, key: &str) -> Value {
    json!({"valueFrom": {"secretKeyRef": {"name": name, "key": key}}})
}

/// Servers with a secret in each place that their schema has, good ones, dead ones, and ones that refuse it.
fn servers(manifests: &Manifests, marks: &Marks, upstream: &Upstream) {
    let dead = tests::upstream::dead_url();
    for (kind, url) in [("up", upstream.url()), ("dead", dead)] {
        let url = |place: &str| format!("{url}?key={}", marks.plant(&format!("{place} of a URL, {kind}")));
        let http = |url: String, more: Value| {
            let mut http = json!({"url": url, "transport": "StreamableHTTP"});
            http.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            http
        };
        let name = |what: &str| format!("{kind}-{what}");
        let values = json!({"header": marks.plant("a header in a Secret"), "url": url("a query in a Secret"), "auth": marks.plant("auth in a Secret")});
        let held = name("held");
        manifests.write(&format!("{held}.yaml"), &secret(&held, &values));
        let header = json!({"headers": [{"name": "x-inline", "value": marks.plant("an inline header")}]});
        manifests.server(&name("inline"), &json!({"http": http(url("a query"), header)}));
        let mut header = from(&held, "header");
        header["name"] = json!("x-held");
        manifests.server(
            &name("from"),
            &json!({
                "http": {"urlFrom": from(&held, "url")["valueFrom"], "transport": "StreamableHTTP", "headers": [header]},
                "auth": {"type": "Bearer", "bearer": from(&held, "auth")},
            }),
        );
        for (type_, member) in [
            ("ApiKey", "apiKey"),
            ("Bearer", "bearer"),
            ("Basic", "basic"),
            ("Token", "token"),
            ("Authorization", "authorization"),
        ] {
            let value = marks.plant(&format!("auth {type_}, {kind}"));
            let spec =
                json!({"http": http(url("a query"), json!({})), "auth": {"type": type_, member: {"value": value}}});
            manifests.server(&name(&type_.to_lowercase()), &spec);
        }
        let client = json!({
            "tokenUrl": url("a query of a token endpoint"), "clientId": {"value": marks.plant("a client's id")},
            "clientSecret": {"value": marks.plant("a client's secret")},
        });
        let oauth = json!({"type": "OAuth2ClientCredentials", "oauth2ClientCredentials": client});
        manifests.server(&name("oauth"), &json!({"http": http(url("a query"), json!({})), "auth": oauth}));
    }
    // A child that says its environment on standard error, and one that cannot start.
    let script = stdio::manifest(&Script::echo());
    let program = script["command"].as_str().unwrap();
    let says = format!("env >&2; exec {program} \"$1\"");
    let env = json!([{"name": "TOKEN", "value": marks.plant("a variable")}, {"name": "HELD", "valueFrom": from("up-held", "auth")["valueFrom"]}]);
    let child = |command: &str| json!({"stdio": {"command": command, "args": ["-c", says, "sh", script["args"][0]], "env": env}});
    manifests.server("child", &child("sh"));
    manifests.server("nochild", &child("/nonexistent/program"));
}

/// Objects that are refused, with a secret in the place that is wrong or beside it.
fn refused(manifests: &Manifests, marks: &Marks) {
    for (name, spec) in [
        ("wrong-url", json!({"http": {"url": format!("ftp://host/{}", marks.plant("a URL that is refused"))}})),
        ("user-url", json!({"http": {"url": format!("https://me:{}@host/mcp", marks.plant("a password in a URL"))}})),
        (
            "wrong-header",
            json!({"http": {"url": "https://host/mcp", "headers": [{"name": "x-a", "value": format!("{}\n", marks.plant("a header that is refused"))}]}}),
        ),
        (
            "wrong-type",
            json!({"http": {"url": "https://host/mcp"}, "auth": {"type": "Bearer", "bearer": marks.plant("auth of a wrong type")}}),
        ),
        ("unknown", json!({"http": {"url": "https://host/mcp", "tokn": marks.plant("a field that does not exist")}})),
        (
            "both",
            json!({"http": {"url": "https://host/mcp"}, "auth": {"type": "Bearer", "bearer": {"value": marks.plant("auth with two sources"), "valueFrom": {}}}}),
        ),
        (
            "wrong-env",
            json!({"stdio": {"command": "x", "env": [{"name": "A=B", "value": marks.plant("a variable that is refused")}]}}),
        ),
    ] {
        manifests.server(name, &spec);
    }
    let key = marks.plant("a key where its digest belongs");
    let subject = json!({"type": "Key", "keys": [{"name": "k", "sha256": key}]});
    manifests.object("McpKeyBinding", "wrong-key", &json!({"subject": subject}));
    let broken = marks.plant("a file that is no YAML");
    manifests.write("broken.yaml", &format!("kind: McpServer\nspec: {{http: [\"{broken}\n"));
}

/// Sends what clients may bring, in every place; everything that is answered by the gateway itself goes into `left`.
async fn ask(mcp: &str, marks: &Marks, keys: &[(&str, String)], left: &mut Left) {
    for (header, key) in keys {
        let mut client = Client::new(mcp).header(header, key);
        client.set_header("x-mcp-auth", &marks.plant("x-mcp-auth"));
        client.set_header("x-mcp-up_inline-authorization", &marks.plant("x-mcp-ALIAS-HEADER"));
        client.set_header("x-mcp-dead_inline-x-token", &marks.plant("x-mcp-ALIAS-HEADER of a dead server"));
        client.set_header("cookie", &format!("session={}", marks.plant("a cookie")));
        client.set_header("x-forwarded-authorization", &marks.plant("some header"));
        let session = marks.plant("a session id");
        for (method, params) in [
            (
                "initialize",
                r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#,
            ),
            ("tools/list", "{}"),
            ("prompts/list", "{}"),
        ] {
            left.add(method, text(&client.request(method, params).await));
        }
        for tool in [
            "up_inline-echo",
            "up_bearer-refuses",
            "dead_bearer-echo",
            "up_oauth-echo",
            "child-echo",
            "nochild-echo",
            "nobody-echo",
        ] {
            // What the tool itself answers is the caller's own; what the gateway says instead is not.
            let answer = client.call(tool, &format!(r#"{{"password":"{}"}}"#, marks.plant("an argument"))).await;
            if answer.status != 200 || answer.is_tool_error() {
                left.add(&format!("the answer to {tool}"), text(&answer));
            }
        }
        client.set_header("mcp-session-id", &session);
        left.add("an unknown session", text(&client.request("ping", "{}").await));
        client.drop_header("mcp-session-id");
        left.add(
            "a body that is no JSON",
            text(&client.post(format!(r#"{{"a":"{}""#, marks.plant("half a body"))).await),
        );
        left.add(
            "a member twice",
            text(&client.post(format!(r#"{{"id":1,"id":"{}"}}"#, marks.plant("a member that stands twice"))).await),
        );
        for path in ["/mcp-rest/tools/list", "/v1/mcp/server", "/v1/mcp/server/health", "/v1/mcp/tools"] {
            left.add(path, text(&client.clone_at(path).send(&Method::GET, &[("content-type", "")], "").await));
        }
        let path = format!("/mcp/{}", marks.plant("a path"));
        let answer = client.clone_at(&path).request("ping", "{}").await;
        // LiteLLM's body names what was asked for: to who asked.
        assert!(answer.status == 404 || answer.status == 401, "{answer:?}");
    }
}

fn text(answer: &tests::client::Answer) -> String {
    format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_leaves_the_process_has_a_planted_secret_in_it() {
    let (marks, manifests, mut left) = (Marks::default(), Manifests::default(), Left::default());
    let upstream =
        Upstream::start(Script::with([Tool::new("echo", Does::Echo), Tool::new("refuses", Does::Status(401))]));
    let (signer, stranger) = (Signer::new("k"), Signer::new("k"));
    let issuer = Issuer::start(&[&signer]).await;
    let claims = json!({"user": {"claim": "email"}});
    manifests.settings(&json!({"issuers": [issuer.settings(&claims)]}));
    servers(&manifests, &marks, &upstream);
    let (good, held) = (marks.plant("a key"), marks.plant("a key in a Secret"));
    let all = json!({"accessGroups": [{"name": "all"}]});
    manifests.object(
        "McpAccessGroup",
        "all",
        &json!({"selector": {"matchExpressions": [{"key": "nobody-has-this", "operator": "DoesNotExist"}]}}),
    );
    manifests.key_with("good", &good, &all);
    manifests.write("held-key.yaml", &secret("held-key", &json!({"key": held})));
    let keys = json!([{"name": "k", "valueFrom": from("held-key", "key")["valueFrom"]}]);
    manifests.object("McpKeyBinding", "held", &json!({"subject": {"type": "Key", "keys": keys}, "grants": all}));
    manifests.object("McpKeyBinding", "ann", &json!({"subject": {"type": "User", "user": "ann"}, "grants": all}));
    let options = Options {
        arguments: ["--log", "trace"].map(str::to_owned).into(),
        environment: vec![issuer.environment()],
        ..Options::default()
    };
    let mut switchboard = Switchboard::start_ready(manifests.path(), &options);
    let token = |place: &str, signer: &Signer| {
        let payload = issuer.payload("ann", &json!({"email": "ann", "secret": marks.plant("a claim")}));
        marks.token(place, signer.sign(&payload))
    };
    let credentials = [
        ("x-litellm-api-key", good.clone()),
        ("authorization", format!("Bearer {held}")),
        ("x-api-key", marks.plant("a wrong key")),
        ("authorization", format!("Bearer {}", token("a token", &signer))),
        ("authorization", format!("Bearer {}", token("a token of a stranger", &stranger))),
        ("x-goog-api-key", format!("{good}-{}", marks.plant("a key with more"))),
    ];
    ask(&switchboard.mcp, &marks, &credentials, &mut left).await;
    assert!(upstream.received_of("tools/call").len() >= 3, "the servers were called");
    // What is wrong with a file is told while everything else goes on.
    refused(&manifests, &marks);
    until_async("the broken file is told", SOON, async || switchboard.errors().contains("broken.yaml").then_some(()))
        .await;
    ask(&switchboard.mcp, &marks, &credentials[..1], &mut left).await;
    for page in ["status", "metrics", "readyz", "revision"] {
        left.add(page, text(&get(&format!("{}/{page}", switchboard.admin)).await));
    }
    let directory = manifests.path().to_str().unwrap();
    for arguments in [
        vec!["validate", directory],
        vec!["validate", directory, "-o", "json"],
        vec!["who-can", "call", "up-inline/echo", "-d", directory],
        vec!["access", "matrix", "-o", "csv", "-d", directory],
    ] {
        let (_, out, error) = run(&arguments);
        left.add(&arguments.join(" "), format!("{out}{error}"));
    }
    manifests.remove("broken.yaml");
    let (code, snapshot, error) = run(&["snapshot", "show", directory]);
    assert!(snapshot.contains("up_inline"), "a snapshot: {code:?} {error}");
    left.add("the snapshot", snapshot + &error);
    switchboard.terminate(SOON);
    left.add("the log", switchboard.errors());
    left.add("the events", json!(switchboard.events()).to_string());

    let found: Vec<String> = left.0.iter().flat_map(|(what, text)| marks.found_in(what, text)).collect();
    let figures = Figures::of("access");
    let [planted, seen] = [marks.count(), found.len()].map(|count| f64::from(u32::try_from(count).unwrap()));
    figures.write("planted_secrets", planted, &[planted]);
    figures.write("planted_secrets_found", seen, &[seen]);
    assert!(left.0.iter().any(|(what, text)| what == "the log" && text.len() > 10_000), "the log was talkative");
    assert!(found.is_empty(), "{} of {}:\n{}", found.len(), marks.count(), found.join("\n"));
}
