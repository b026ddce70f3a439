//! Tokens that the gateway fetches for a server: a real token endpoint, a server that takes its tokens for as long as they
//! count, and what callers notice of it (R20 to R24).

use std::time::Duration;

use serde_json::{Value, json};
use tests::client::{Answer, Client, get};
use tests::load::{Load, Plan};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::token_endpoint::{self, DETAIL, TOKEN, TokenEndpoint};
use tests::upstream::{Script, Upstream};
use tests::wait::{until, until_async};

use super::scene::{KEY, Transport, server};

const ID: &str = "the gateway";
const SECRET: &str = "planted-client-secret/+";
/// How the two stand in a request: they must be nowhere else either.
const BASIC: &str = "dGhlJTIwZ2F0ZXdheTpwbGFudGVkLWNsaWVudC1zZWNyZXQlMkYlMkI";

/// Within this a server that can be asked again is found: the waits between attempts grow from a second on.
const FOUND: Duration = Duration::from_secs(20);

/// Two servers: `up` takes tokens of the endpoint, `plain` anybody.
struct Scene {
    manifests: Manifests,
    endpoint: TokenEndpoint,
    up: Upstream,
    _plain: Upstream,
    switchboard: Switchboard,
}

/// The auth of `up`, with the client's secret in a Secret; `more` adds to its member.
fn client_credentials(url: &str, more: &Value) -> Value {
    let secret = json!({"valueFrom": {"secretKeyRef": {"name": "oauth", "key": "secret"}}});
    let mut member = json!({"tokenUrl": url, "clientId": {"value": ID}, "clientSecret": secret});
    member.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"type": "OAuth2ClientCredentials", "oauth2ClientCredentials": member})
}

/// Writes the Secret with the client's secret.
fn keep(manifests: &Manifests, secret: &str) {
    let labels = json!({"switchboard.dev/use": "credential"});
    let metadata = json!({"name": "oauth", "labels": labels});
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"secret": secret}});
    manifests.write("Secret-oauth.yaml", &object.to_string());
}

impl Scene {
    fn of(script: Script) -> Self {
        Self::with(Transport::Http, script, |auth| auth)
    }

    /// With this transport and script of `up`, and the auth changed.
    fn with(transport: Transport, script: Script, change: impl FnOnce(Value) -> Value) -> Self {
        let endpoint = TokenEndpoint::start(ID, SECRET);
        let up = Upstream::start(Script { tokens: Some(endpoint.issued()), ..script });
        let plain = Upstream::start(Script::echo());
        let manifests = Manifests::default();
        let auth = change(client_credentials(&endpoint.url(), &json!({"scopes": ["tools", "more"]})));
        keep(&manifests, SECRET);
        manifests.server("up", &server(transport, &up, &json!({}), &json!({"auth": auth})));
        manifests.http("plain", &plain.url()).key("scene", KEY, &["up", "plain"]);
        let options = Options { arguments: ["--log", "trace"].map(str::to_owned).to_vec(), ..Options::default() };
        let switchboard = Switchboard::start_ready(manifests.path(), &options);
        Self { manifests, endpoint, up, _plain: plain, switchboard }
    }

    fn client(&self) -> Client {
        Client::new(&self.switchboard.mcp).key(KEY)
    }

    /// The server in `/status`.
    async fn status(&self) -> Value {
        let status = get(&format!("{}/status", self.switchboard.admin)).await.json();
        status["servers"].as_array().unwrap().iter().find(|server| server["alias"] == "up").unwrap().clone()
    }

    /// Whatever the process shows to anybody but the token endpoint and the server.
    async fn shown(&self) -> String {
        let mut shown = format!("{}{:?}", self.switchboard.errors(), self.switchboard.events());
        for page in ["status", "metrics", "revision"] {
            shown.push_str(&String::from_utf8_lossy(&get(&format!("{}/{page}", self.switchboard.admin)).await.body));
        }
        shown
    }
}

/// What of this test is planted and must not be there.
fn check_shows_nothing(shown: &str) {
    for planted in ["planted-", BASIC, DETAIL, TOKEN] {
        let at = shown.find(planted);
        assert!(at.is_none(), "{planted} in {}", &shown[at.unwrap().saturating_sub(200)..][..400]);
    }
}

fn outcome(answer: &Answer) -> String {
    answer.json()["result"]["_meta"]["switchboard.dev/outcome"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_a_server_is_listed_and_called_with_a_token_that_was_asked_for_once() {
    for (transport, script) in [
        (Transport::Http, Script::echo()),
        (Transport::Sse, Script::echo()),
        (Transport::Http, Script::echo().modern()),
    ] {
        let scene = Scene::with(transport, script, |auth| auth);
        let mut client = scene.client();
        assert_eq!(client.tools().await, ["plain-echo", "up-echo"]);
        for _ in 0..3 {
            assert!(!client.call("up-echo", "{}").await.is_tool_error());
        }
        let [asked] = &scene.endpoint.asked()[..] else { panic!("one request, not {:?}", scene.endpoint.asked()) };
        let form = [("grant_type", "client_credentials"), ("scope", "tools more")];
        assert_eq!(asked.form, form.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let received = scene.up.received();
        let token = format!("Bearer {TOKEN}-1");
        assert!(received.iter().all(|it| it.header("authorization") == Some(&token)), "{transport:?}: {received:?}");
        assert!(!format!("{received:?}").contains(SECRET), "the secret at the server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_may_say_who_it_is_in_the_body_and_whom_the_token_is_for() {
    let scene = Scene::with(Transport::Http, Script::echo(), |mut auth| {
        let member = &mut auth["oauth2ClientCredentials"];
        member["clientAuthentication"] = json!("Post");
        member["audience"] = json!("the tools");
        member["resource"] = json!("https://tools.example/mcp");
        auth
    });
    assert!(!scene.client().call("up-echo", "{}").await.is_tool_error());
    let asked = &scene.endpoint.asked()[0];
    assert_eq!(asked.authorization, None);
    let members = ["client_id", "client_secret", "audience", "resource"].map(|name| asked.member(name).unwrap());
    assert_eq!(members, [ID, SECRET, "the tools", "https://tools.example/mcp"]);
    check_shows_nothing(&scene.shown().await);
}

/// Nothing of a secret, of a token or of what the token endpoint says is shown, in no state of it.
#[tokio::test(flavor = "multi_thread")]
async fn r21_what_is_planted_stays_where_it_belongs() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    let mut told = String::new();
    told.push_str(&String::from_utf8_lossy(&client.request("tools/list", "{}").await.body));
    told.push_str(&String::from_utf8_lossy(&client.call("up-echo", "{}").await.body));
    scene.endpoint.issued().revoke();
    scene.endpoint.change_secret("another");
    let refused = client.call("up-echo", "{}").await;
    assert_eq!(outcome(&refused), "auth_required", "the server refuses the token: {refused:?}");
    assert_eq!(
        refused.text(),
        "Error: server 'up' asks for a credential (auth_required): the server answered HTTP 401"
    );
    let without = client.call("up-echo", "{}").await;
    assert_eq!(outcome(&without), "auth_required", "the endpoint refuses the client: {without:?}");
    assert_eq!(
        without.text(),
        "Error: server 'up' asks for a credential (auth_required): no token for it can be had: its token endpoint \
         answered HTTP 401 (invalid_client)"
    );
    for answer in [&refused, &without] {
        told.push_str(&String::from_utf8_lossy(&answer.body));
    }
    let shown = scene.shown().await;
    assert!(shown.contains("no token can be had"), "a person is told: {shown}");
    check_shows_nothing(&shown);
    check_shows_nothing(&told);
    assert!(!client.call("plain-echo", "{}").await.is_tool_error(), "it costs its own server's calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_token_that_the_server_does_not_take_any_more_costs_one_call() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    assert!(!client.call("up-echo", "{}").await.is_tool_error());
    scene.endpoint.issued().revoke();
    assert_eq!(outcome(&client.call("up-echo", "{}").await), "auth_required");
    assert_eq!(scene.up.posts("tools/call"), 2, "it was not sent again");
    assert!(!client.call("up-echo", "{}").await.is_tool_error());
    assert_eq!((scene.up.posts("tools/call"), scene.endpoint.asked().len()), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_a_token_share_one() {
    let scene = Scene::of(Script::echo());
    scene.endpoint.issued().revoke();
    assert_eq!(outcome(&scene.client().call("up-echo", "{}").await), "auth_required");
    scene.endpoint.hold();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let mut client = scene.client();
            tokio::spawn(async move { client.call("up-echo", "{}").await })
        })
        .collect();
    until("the endpoint is asked", Duration::from_secs(5), || (scene.endpoint.asked().len() == 2).then_some(()));
    scene.endpoint.release();
    for call in calls {
        let answer = call.await.unwrap();
        assert!(!answer.is_tool_error(), "{answer:?}");
    }
    assert_eq!(scene.endpoint.asked().len(), 2, "the one of before, and one for sixteen");
}

/// R80: the load of 200 calls a second, while tokens count for two seconds.
#[tokio::test(flavor = "multi_thread")]
async fn r80_tokens_that_expire_under_load_fail_no_call() {
    let scene = Scene::of(Script { keep: false, ..Script::echo() });
    scene.endpoint.issue_for(2);
    scene.endpoint.issued().revoke();
    scene.client().call("up-echo", "{}").await;
    assert!(!scene.client().call("up-echo", "{}").await.is_tool_error());
    let before = scene.endpoint.asked().len();
    let load = Load::start(Plan::call(&scene.switchboard.mcp, KEY, "up-echo"));
    until("five tokens", Duration::from_secs(30), || (scene.endpoint.asked().len() >= before + 5).then_some(()));
    let took = load.elapsed();
    let report = load.stop();
    let asked = scene.endpoint.asked().len() - before;
    println!("{} calls in {took:?}, {asked} tokens", report.sent());
    let failures = report.failures();
    assert!(failures.is_empty(), "{} of {}: {:?}", failures.len(), report.sent(), failures.first());
    // Each is asked for at four fifths of the time of the one before, and once.
    let most = took.as_millis() / 1600 + 2;
    assert!(asked as u128 <= most, "{asked} tokens in {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_costs_its_server_alone_until_it_is_back() {
    let endpoint = TokenEndpoint::start(ID, SECRET);
    let (address, issued) = (endpoint.address(), endpoint.issued());
    drop(endpoint);
    let up = Upstream::start(Script { tokens: Some(issued), ..Script::echo() });
    let plain = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    let auth = client_credentials(&token_endpoint::url(address), &json!({}));
    keep(&manifests, SECRET);
    manifests.server("up", &server(Transport::Http, &up, &json!({}), &json!({"auth": auth})));
    manifests.http("plain", &plain.url()).key("scene", KEY, &["up", "plain"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    let listed = client.request("tools/list", "{}").await.json();
    assert_eq!(listed["result"]["tools"][0]["name"], "plain-echo");
    assert_eq!(listed["result"]["_meta"]["litellm.ai/server_outcomes"]["up"]["status"], "auth_required");
    let failed = client.call("up-echo", "{}").await;
    assert!(
        failed.text().contains("server 'up'") && failed.text().contains("its token endpoint cannot be reached"),
        "{failed:?}"
    );
    assert!(!client.call("plain-echo", "{}").await.is_tool_error());
    assert_eq!(up.all_posts(), 0, "nothing was sent without a token");

    let again = TokenEndpoint::start_at(address, ID, SECRET);
    up.change(|script| script.tokens = Some(again.issued()));
    until_async("the server is listed", FOUND, async || (client.tools().await.len() == 2).then_some(())).await;
    assert!(!client.call("up-echo", "{}").await.is_tool_error());
    assert_eq!(again.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_is_in_force_with_the_file_that_holds_it() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    assert!(!client.call("up-echo", "{}").await.is_tool_error());
    scene.endpoint.change_secret("planted-other-secret");
    keep(&scene.manifests, "planted-other-secret\n");
    until("a token for the new secret", Duration::from_secs(5), || (scene.endpoint.asked().len() == 2).then_some(()));
    scene.endpoint.issued().revoke();
    until_async("a call with it", Duration::from_secs(5), async || {
        (!client.call("up-echo", "{}").await.is_tool_error()).then_some(())
    })
    .await;
    check_shows_nothing(&scene.shown().await);
}

/// Names and values.
type Headers<'a> = &'a [(&'a str, &'a str)];

#[tokio::test(flavor = "multi_thread")]
async fn r24_a_callers_credential_is_sent_in_the_place_of_the_token() {
    let (mine, narrowed) = (("x-mcp-auth", "mine"), ("x-mcp-servers", "up"));
    let cases: [(&str, Headers<'_>, bool); 5] = [
        ("OneServer", &[mine], false),
        ("OneServer", &[mine, narrowed], true),
        ("Replace", &[mine], true),
        ("Deny", &[mine, narrowed], false),
        ("OneServer", &[("x-mcp-up-authorization", "Bearer mine")], true),
    ];
    for (client_side, headers, is_mine) in cases {
        let scene = Scene::with(Transport::Http, Script::echo(), |mut auth| {
            auth["clientSide"] = json!(client_side);
            auth
        });
        scene.up.change(|script| script.tokens = None);
        let mut client = scene.client();
        for (name, value) in headers {
            client.set_header(name, value);
        }
        let answer = client.call("up-echo", "{}").await;
        assert!(!answer.is_tool_error(), "{client_side} {headers:?}: {answer:?}");
        let expected = if is_mine { "Bearer mine".to_owned() } else { format!("Bearer {TOKEN}-1") };
        let seen = scene.up.received_of("tools/call")[0].header("authorization").map(str::to_owned);
        assert_eq!(seen, Some(expected), "{client_side} {headers:?}");
    }
}

/// An API key is sent to nobody: a caller who has nothing else is told that the server needs a token.
#[tokio::test(flavor = "multi_thread")]
async fn r23_a_key_is_exchanged_for_no_token() {
    let scene = Scene::with(
        Transport::Http,
        Script::echo(),
        |auth| json!({"type": "TokenExchange", "tokenExchange": auth["oauth2ClientCredentials"]}),
    );
    let mut client = scene.client();
    let listed = client.request("tools/list", "{}").await.json();
    assert_eq!(listed["result"]["tools"][0]["name"], "plain-echo");
    assert_eq!(listed["result"]["_meta"]["litellm.ai/server_outcomes"]["up"]["status"], "auth_required");
    let told = "Error: server 'up' asks for a credential (auth_required): it needs a token of the caller's own, and an API \
                key is sent to nobody";
    let answer = client.call("up-echo", "{}").await;
    assert_eq!((outcome(&answer), answer.text()), ("auth_required".to_owned(), told.to_owned()));
    assert!(!client.call("plain-echo", "{}").await.is_tool_error());
    assert_eq!(scene.status().await["state"], "per_caller");
    assert_eq!((scene.endpoint.asked().len(), scene.up.all_posts()), (0, 0), "nobody was asked anything");
    // A credential of the caller's own for this server needs no token.
    scene.up.change(|script| script.tokens = None);
    let mut mine = scene.client().header("x-mcp-auth", "mine").header("x-mcp-servers", "up");
    assert_eq!(mine.tools().await, ["up-echo"]);
    assert!(!mine.call("up-echo", "{}").await.is_tool_error());
    assert_eq!(scene.up.received_of("tools/call")[0].header("authorization"), Some("Bearer mine"));
    assert!(!format!("{:?}", scene.up.received()).contains(KEY), "the key at a server");
}
