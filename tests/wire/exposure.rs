//! Servers with `exposure: Internal`: to who comes from outside they do not exist, by whatever door, and nobody gets in by
//! what they say of themselves. The test's own address is a trusted proxy here, so that it can be at any address.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Client, MODERN, modern_body};
use tests::fleet::Fleet;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Entry, Script, Tool, Upstream};
use tests::wait::until_async;

use super::scene::KEY;

const INSIDE: &str = "10.1.2.3";
const OUTSIDE: &str = "198.51.100.7";
const SOON: Duration = Duration::from_secs(10);
/// Long enough for what should not come to come.
const A_WHILE: Duration = Duration::from_millis(400);

/// A server for everybody, `open`, and one for internal networks, `vault`, which have the same to offer.
struct Two {
    manifests: Manifests,
    vault: Upstream,
    open: Upstream,
}

impl Two {
    fn of(settings: &Value) -> Self {
        let script = || {
            Script { listens: true, list_changed: true, ..Script::echo() }
                .prompts([Entry::prompt("greet", Does::Echo)])
                .resources([Entry::resource("test://one", Does::Echo)])
                .templates([Entry::template("test://of/{id}", Does::Echo)])
                .instead("resources/subscribe", Does::Result("{}".to_owned()))
        };
        let (manifests, open, vault) = (Manifests::default(), Upstream::start(script()), Upstream::start(script()));
        let this = Self { manifests, vault, open };
        // Else it would be asked for whatever URI nobody else has.
        let own_uris = json!({"uriPrefix": "open+"});
        this.manifests
            .settings(settings)
            .server("open", &json!({"http": {"url": this.open.url()}, "resources": own_uris}));
        this.set_exposure("Internal");
        this.manifests.group("both", "both", &["open", "vault"]).group("only", "only", &["vault"]);
        this.manifests.key("scene", KEY, &["open", "vault"]);
        this
    }

    fn set_exposure(&self, exposure: &str) {
        let http = json!({"url": self.vault.url(), "transport": "StreamableHTTP"});
        let spec = json!({"http": http, "exposure": exposure, "sessionMode": "PerClient", "resources": {"uriPrefix": "vault+"}});
        self.manifests.server("vault", &spec);
    }

    fn start(&self) -> Switchboard {
        Switchboard::start_ready(self.manifests.path(), &Options::default())
    }
}

fn behind_a_proxy() -> Value {
    json!({"trustedProxies": ["127.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]})
}

/// Who is at this address, by the word of the proxy.
fn at(switchboard: &Switchboard, address: &str) -> Client {
    Client::new(&switchboard.mcp).key(KEY).header("x-forwarded-for", address)
}

async fn has_vault(client: &mut Client) -> bool {
    let tools = client.tools().await;
    assert!(tools.contains(&"open-echo".to_owned()), "{tools:?}");
    tools.contains(&"vault-echo".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_client_is_follows_trusted_proxies_and_nobody_else() {
    let two = Two::of(&behind_a_proxy());
    let switchboard = two.start();
    for (forwarded, inside) in [
        (INSIDE, true),
        (OUTSIDE, false),
        ("10.1.2.3, 198.51.100.7", false),
        ("198.51.100.7, 10.1.2.3", true),
        ("10.1.2.3, 192.0.2.1, 2001:db8::1", true),
        ("198.51.100.7, 192.0.2.1", false),
        ("fd00::1", true),
        ("[fd00::1]:4000, [2001:db8::1]:4000", true),
        ("2001:db9::1", false),
        ("unknown", false),
        ("10.1.2.3, unknown, 192.0.2.1", false),
        ("", false),
    ] {
        assert_eq!(has_vault(&mut at(&switchboard, forwarded)).await, inside, "{forwarded:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_trusted_proxy_gains_nothing_by_what_it_says() {
    let two = Two::of(&json!({"internalNetworks": ["10.0.0.0/8"]}));
    let switchboard = two.start();
    for forwarded in [INSIDE, "127.0.0.1", "10.1.2.3, 10.1.2.4"] {
        assert!(!has_vault(&mut at(&switchboard, forwarded)).await, "{forwarded}");
    }
    let mut client = Client::new(&switchboard.mcp).key(KEY).header("switchboard-side", "inside");
    assert!(!has_vault(&mut client).await, "what processes tell each other no client can say");
    // Loopback is internal by default; but who forwards for somebody is not that somebody.
    two.manifests.settings(&json!({}));
    let mut direct = Client::new(&switchboard.mcp).key(KEY);
    until_async("the default", SOON, async || has_vault(&mut direct).await.then_some(())).await;
    assert!(!has_vault(&mut at(&switchboard, INSIDE)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_who_comes_from_outside_the_server_does_not_exist_by_any_door() {
    let two = Two::of(&behind_a_proxy());
    let switchboard = two.start();
    for (address, inside) in [(INSIDE, true), (OUTSIDE, false)] {
        let client = || at(&switchboard, address);
        for (method, wanted) in [
            ("tools/list", "vault-echo"),
            ("prompts/list", "vault-greet"),
            ("resources/list", "vault+test://one"),
            ("resources/templates/list", "vault+test://of/{id}"),
        ] {
            for answer in [client().request(method, "{}").await, client().modern(method, None, "").await] {
                let text = String::from_utf8(answer.body.to_vec()).unwrap();
                assert_eq!(text.contains(wanted), inside, "{method} from {address}: {text}");
                assert_eq!(text.contains("vault"), inside, "{method} from {address}: {text}");
            }
        }
        let called = client().call("vault-echo", "{}").await;
        assert_eq!(!called.is_tool_error(), inside, "{called:?}");
        if !inside {
            assert_eq!(called.text(), "Error: Tool 'vault-echo' not found");
        }
        // What is not listed the server itself is asked, whose word this is.
        let its_own = Some(-32002);
        for (method, params, code) in [
            ("prompts/get", r#"{"name":"vault-greet"}"#, None),
            ("resources/read", r#"{"uri":"vault+test://one"}"#, None),
            ("resources/read", r#"{"uri":"vault+test://unlisted"}"#, its_own),
            (
                "completion/complete",
                r#"{"ref":{"type":"ref/prompt","name":"vault-greet"},"argument":{"name":"a","value":""}}"#,
                None,
            ),
        ] {
            let answer = client().request(method, params).await;
            let code = if inside { code } else { Some(-32602) };
            assert_eq!(answer.code(), code, "{method} {params} from {address}: {answer:?}");
        }
        let scoped = if inside { StatusCode::OK } else { StatusCode::NOT_FOUND };
        for path in ["/mcp/vault", "/vault/mcp", "/mcp/only"] {
            assert_eq!(client().path(path).request("tools/list", "{}").await.status, scoped, "{path} from {address}");
        }
        for header in ["x-mcp-servers", "x-mcp-access-groups"] {
            let only = client().header(header, "only").tools().await;
            assert_eq!(only, if inside { vec!["vault-echo"] } else { vec![] }, "{header}");
        }
        let both = client().header("x-mcp-servers", "both").tools().await;
        assert_eq!(both.contains(&"vault-echo".to_owned()), inside);
        for (path, status) in [
            ("/mcp-rest/tools/list", 200),
            ("/mcp-rest/tools/list?server_id=vault", if inside { 200 } else { 403 }),
            ("/v1/mcp/tools", 200),
            ("/v1/mcp/server", 200),
            ("/v1/mcp/server/vault", if inside { 200 } else { 404 }),
            ("/v1/mcp/server/health", 200),
            ("/v1/mcp/access_groups", 200),
        ] {
            let answer = client().path(path).send(&Method::GET, &[("content-type", "")], "").await;
            let text = String::from_utf8(answer.body.to_vec()).unwrap();
            assert_eq!(answer.status.as_u16(), status, "{path} from {address}: {text}");
            let word = if path.ends_with("access_groups") { "only" } else { "vault" };
            assert_eq!(text.contains(word), inside, "{path} from {address}: {text}");
        }
        let body = r#"{"server_id":"vault","name":"echo","arguments":{}}"#;
        let rest = client().path("/mcp-rest/tools/call").post(body).await;
        assert_eq!(rest.status, if inside { StatusCode::OK } else { StatusCode::FORBIDDEN });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_inside_does_not_go_on_outside() {
    let two = Two::of(&behind_a_proxy());
    let switchboard = two.start();
    let mut inside = at(&switchboard, INSIDE);
    inside.initialize("2025-11-25").await;
    assert!(!inside.call("vault-echo", "{}").await.is_tool_error());
    let session = inside.session().unwrap().to_owned();
    let mut outside = at(&switchboard, OUTSIDE).header("mcp-session-id", &session);
    assert_eq!(outside.request("ping", "{}").await.status, StatusCode::NOT_FOUND);
    assert_eq!(outside.listen(&[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(outside.send(&Method::DELETE, &[], "").await.status, StatusCode::NOT_FOUND);
    let uri = r#"{"uri":"vault+test://one"}"#;
    assert_eq!(inside.request("resources/subscribe", uri).await.code(), None);
    let mut own = at(&switchboard, OUTSIDE);
    own.initialize("2025-11-25").await;
    assert_eq!(own.request("resources/subscribe", uri).await.code(), Some(-32602));
    // What only the vault has new is nothing new outside.
    let (mut to_inside, mut to_outside) = (inside.listen(&[]).await, own.listen(&[]).await);
    assert!(to_outside.next().await.unwrap().data.is_empty() && to_inside.next().await.unwrap().data.is_empty());
    let wanted = r#""notifications":{"toolsListChanged":true}"#;
    let modern = [("mcp-protocol-version", MODERN), ("mcp-method", "subscriptions/listen")];
    let body = modern_body(1, "subscriptions/listen", wanted);
    let mut listens = at(&switchboard, OUTSIDE).stream(&Method::POST, &modern, body).await;
    assert_eq!(listens.message().await["method"], "notifications/subscriptions/acknowledged");
    two.vault.change(|script| script.tools.push(Tool::new("more", Does::Echo)));
    let told = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    until_async("somebody listens to the vault", SOON, async || (two.vault.say(told) >= 1).then_some(())).await;
    assert_eq!(to_inside.message().await["method"], "notifications/tools/list_changed");
    assert!(to_outside.is_silent(A_WHILE).await && listens.is_silent(A_WHILE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_inside_is_lost_outside_at_once() {
    let two = Two::of(&behind_a_proxy());
    two.set_exposure("Public");
    let switchboard = two.start();
    let mut client = at(&switchboard, OUTSIDE);
    client.initialize("2025-11-25").await;
    assert!(has_vault(&mut client).await);
    let mut stream = client.listen(&[]).await;
    assert!(stream.next().await.unwrap().data.is_empty());
    two.set_exposure("Internal");
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    assert!(!has_vault(&mut client).await);
    assert!(has_vault(&mut at(&switchboard, INSIDE)).await);
}

/// Which process a request comes to makes no difference, and none can be claimed to have judged it.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_process_found_holds_at_the_owner() {
    let two = Two::of(&behind_a_proxy());
    let fleet = Fleet::start(&two.manifests, 2).await;
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"vault-echo","arguments":{}}}]"#;
    for (address, inside) in [(INSIDE, true), (OUTSIDE, false)] {
        let mut begun = at(fleet.process(0), address);
        begun.initialize("2025-03-26").await;
        let before = fleet.metric(1, r#"switchboard_forwarded_requests_total{outcome="answered"}"#).await;
        let mut other = at(fleet.process(1), address).header("switchboard-side", "inside");
        other.set_header("mcp-session-id", begun.session().unwrap());
        let answer = other.post(batch).await;
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{text}");
        assert_eq!(text.contains("Tool 'vault-echo' not found"), !inside, "{text}");
        let after = fleet.metric(1, r#"switchboard_forwarded_requests_total{outcome="answered"}"#).await;
        assert_eq!(after, before + 1, "it was the owner who answered");
    }
}
