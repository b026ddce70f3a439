//! Tokens as credentials (R27): whose they are, what is refused, and how a
//! client learns where to get one. The issuer is the test's own,
//! over https on loopback.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tests::client::{Answer, Client, get};
use tests::issuer::{Issuer, Signer, now};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::until_async;

use super::denials::{explain, id_of, line};

mod exchange;
mod refused;
mod rotation;

/// Within this a change of a manifest is in force, on a loaded machine.
const SOON: Duration = Duration::from_secs(10);

/// Switchboard that takes the tokens of an issuer; servers `mail` and `time`, of which nobody may use anything yet.
pub(crate) struct Scene {
    pub(crate) manifests: Manifests,
    pub(crate) upstream: Upstream,
    pub(crate) issuer: Issuer,
    pub(crate) signer: Signer,
    pub(crate) switchboard: Switchboard,
}

impl Scene {
    pub(crate) async fn of(bind: impl FnOnce(&Manifests)) -> Self {
        Self::with(bind, Script::with([Tool::new("get", Does::Echo), Tool::new("note", Does::Remember)]), true).await
    }

    async fn with(bind: impl FnOnce(&Manifests), script: Script, up: bool) -> Self {
        let (manifests, upstream, signer) = (Manifests::default(), Upstream::start(script), Signer::new("first"));
        let issuer = Issuer::start(&[&signer]).await;
        issuer.set_down(!up);
        for name in ["mail", "time"] {
            manifests.server(
                name,
                &json!({"http": {"url": upstream.url(), "transport": "StreamableHTTP", "forwardHeaders": ["authorization"]}}),
            );
        }
        manifests.settings(&json!({"issuers": [issuer.settings(&mapping())]}));
        bind(&manifests);
        let options = Options { environment: vec![issuer.environment()], ..Options::default() };
        let switchboard = Switchboard::start_ready(manifests.path(), &options);
        Self { manifests, upstream, issuer, signer, switchboard }
    }

    /// A token of this subject with these further claims.
    pub(crate) fn token(&self, subject: &str, more: &Value) -> String {
        self.signer.sign(&self.issuer.payload(subject, more))
    }

    /// Who presents it as LiteLLM's clients do, or as OAuth has it: both are taken.
    pub(crate) fn client(&self, token: &str) -> Client {
        Client::new(&self.switchboard.mcp).header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn tools(&self, token: &str) -> Vec<String> {
        self.client(token).tools().await
    }

    async fn ping(&self, token: &str) -> Answer {
        self.client(token).request("ping", "{}").await
    }
}

/// A binding with this subject that may use these servers.
pub(crate) fn bind(manifests: &Manifests, name: &str, subject: &Value, servers: &[&str]) {
    let servers: Vec<Value> = servers.iter().map(|server| json!({"name": server})).collect();
    manifests.object("McpKeyBinding", name, &json!({"subject": subject, "grants": {"servers": servers}}));
}

/// What the issuer's claims stand for.
fn mapping() -> Value {
    json!({"user": {"claim": "email", "prefix": "corp:"}, "team": {"claim": "groups"}, "organization": {"claim": "tenant"}})
}

fn user(name: &str) -> Value {
    json!({"type": "User", "user": name})
}

fn claims(claims: &Value) -> Value {
    json!({"type": "Claims", "claims": claims})
}

const MAIL: [&str; 2] = ["mail-get", "mail-note"];
const TIME: [&str; 2] = ["time-get", "time-note"];

/// Of several bindings the log has the one that comes furthest, and `explain` follows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_denial_is_told_by_the_binding_that_its_reason_is_of() {
    let scene = Scene::of(|manifests| {
        let of_team = |values: &[&str]| claims(&json!([{"claim": "team", "values": values}]));
        let get = json!({"servers": [{"name": "mail", "tools": ["get"]}]});
        bind(manifests, "a", &of_team(&["blue"]), &["time"]);
        manifests.object("McpKeyBinding", "b", &json!({"subject": of_team(&["blue", "navy"]), "grants": get}));
        bind(manifests, "c", &of_team(&["blue", "red"]), &["time"]);
    })
    .await;
    let mut client = scene.client(&scene.token("somebody", &json!({"groups": ["blue"]})));
    client.initialize("2025-11-25").await;
    let id = id_of(&client.call("mail-note", "{}").await);
    let directory = scene.manifests.path().to_str().unwrap();
    let told = explain(&scene.switchboard, &id, &["--directory", directory]);
    let line = line(&scene.switchboard, &id);
    assert_eq!((&line["reason"], &line["binding"]), (&json!("not_granted"), &json!("default/b")), "{told:?}");
    assert!(told.1.contains("a token of McpKeyBinding default/b may not call `mail-note`"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_of_its_user_or_of_all_claims_that_match() {
    let scene = Scene::of(|manifests| {
        bind(manifests, "ann", &user("corp:ann@example.com"), &["time"]);
        bind(manifests, "blue", &claims(&json!([{"claim": "team", "values": ["blue", "navy"]}])), &["mail"]);
        bind(manifests, "dev", &claims(&json!([{"claim": "role", "values": ["dev"]}])), &["time"]);
        bind(manifests, "acme", &claims(&json!([{"claim": "organization", "values": ["acme"]}])), &["time"]);
    })
    .await;
    let both = [&MAIL[..], &TIME].concat();
    for (more, expected) in [
        (json!({"email": "ann@example.com", "email_verified": true, "groups": ["blue"]}), &TIME[..]),
        (json!({"email": "bob@example.com", "groups": ["x", "navy"]}), &MAIL),
        (json!({"groups": "blue"}), &MAIL),
        (json!({"groups": ["blue"], "role": "dev"}), &both),
        (json!({"tenant": "acme"}), &TIME),
    ] {
        assert_eq!(scene.tools(&scene.token("somebody", &more)).await, expected, "{more}");
    }
    // What the token itself calls its team is nothing that its issuer was trusted to say.
    for more in [
        json!({"team": "blue"}),
        json!({"organization": "acme"}),
        json!({"email": "ann@example.com", "email_verified": false}),
        json!({"email": "corp:ann@example.com"}),
        json!({"role": ["DEV"]}),
        json!({"role": {"dev": "dev"}}),
        json!({}),
    ] {
        assert_eq!(scene.ping(&scene.token("somebody", &more)).await.status, StatusCode::UNAUTHORIZED, "{more}");
    }
    // In whatever header a key may stand.
    let token = scene.token("somebody", &json!({"tenant": "acme"}));
    for (header, value) in [("x-litellm-api-key", format!("Bearer {token}")), ("x-api-key", token)] {
        let mut client = Client::new(&scene.switchboard.mcp).header(header, &value);
        assert_eq!(client.tools().await, TIME, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_is_refused_at_once_and_not_taken_for_another() {
    let scene = Scene::of(|manifests| {
        bind(manifests, "ann", &user("corp:ann@example.com"), &["time"]);
        bind(manifests, "blue", &claims(&json!([{"claim": "team", "values": ["blue"]}])), &["mail"]);
    })
    .await;
    let token = scene.token("ann", &json!({"email": "ann@example.com", "groups": ["blue"]}));
    assert_eq!(scene.tools(&token).await, TIME);
    let suspended = json!({"subject": user("corp:ann@example.com"), "suspend": true, "grants": {}});
    scene.manifests.object("McpKeyBinding", "ann", &suspended);
    until_async("a 401", SOON, async || {
        let answer = scene.client(&token).request("tools/list", "{}").await;
        if answer.status == StatusCode::OK {
            let tools = answer.json()["result"]["tools"].as_array().unwrap().clone();
            let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
            assert_eq!(names, TIME, "never by claims");
        }
        (answer.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
    scene.manifests.remove("McpKeyBinding-ann.yaml");
    // Whose own binding is gone is one of those whose claims match: widening by design.
    until_async("the claims", SOON, async || {
        let answer = scene.client(&token).request("tools/list", "{}").await;
        (answer.status == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(scene.tools(&token).await, MAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_holders_of_the_same_claims_share_nothing() {
    let scene = Scene::of(|manifests| {
        bind(manifests, "blue", &claims(&json!([{"claim": "team", "values": ["blue"]}])), &["mail"]);
    })
    .await;
    let mut sessions = Vec::new();
    for subject in ["ann", "bob"] {
        let mut client = scene.client(&scene.token(subject, &json!({"groups": ["blue"]})));
        client.initialize("2025-11-25").await;
        sessions.push(client);
    }
    let [ann, bob] = &mut sessions[..] else { panic!("two") };
    assert_eq!(ann.call("mail-note", r#"{"text":"of ann"}"#).await.text(), "");
    assert_eq!(bob.call("mail-note", r#"{"text":"of bob"}"#).await.text(), "");
    // A new token of the same subject is the same caller; its session goes on.
    let again = scene.token("ann", &json!({"groups": ["blue"], "jti": "another"}));
    ann.set_header("authorization", &format!("Bearer {again}"));
    assert_eq!(ann.call("mail-note", r#"{"text":""}"#).await.text(), "of ann");
    // Nobody else goes on with it.
    let session = bob.session().unwrap().to_owned();
    ann.set_header("mcp-session-id", &session);
    assert_eq!(ann.request("ping", "{}").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_says_and_so_does_what_it_opened() {
    let scene = Scene::of(|manifests| bind(manifests, "ann", &user("corp:ann"), &["time"])).await;
    let end = now() + 3;
    let token = scene.token("ann", &json!({"email": "ann", "exp": end}));
    let mut client = scene.client(&token);
    client.initialize("2025-11-25").await;
    let session = client.session().unwrap().to_owned();
    let mut held = scene.client(&token).listen(&[("mcp-session-id", session.as_str())]).await;
    assert_eq!(held.status, StatusCode::OK);
    let ended = tokio::time::timeout(SOON, async { while held.event().await.is_ok() {} }).await;
    assert!(ended.is_ok(), "the stream ends by itself");
    assert!(now() >= end, "not before its time");
    let refused = client.request("ping", "{}").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.headers["www-authenticate"].to_str().unwrap().contains(r#"error="invalid_token""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn r22_no_server_sees_a_token_of_the_gateways() {
    let scene = Scene::of(|manifests| {
        bind(manifests, "ann", &user("corp:ann"), &["time"]);
        manifests.key("key", "sb-key", &["time"]);
    })
    .await;
    let (ann, bob) = (scene.token("ann", &json!({"email": "ann"})), scene.token("bob", &json!({})));
    // As the credential; beside one that decides; one that is nobody's here.
    for (key, authorization) in [(None, &ann), (Some("sb-key"), &ann), (Some("sb-key"), &bob)] {
        let mut client = scene.client(authorization);
        if let Some(key) = key {
            client.set_header("x-litellm-api-key", key);
        }
        assert!(!client.call("time-get", "{}").await.is_tool_error());
    }
    // What is a token of others is the caller's own matter.
    let foreign = scene.signer.sign(&json!({"iss": "https://elsewhere.example", "aud": "elsewhere", "sub": "x"}));
    let mut client = scene.client(&foreign).key("sb-key");
    assert!(!client.call("time-get", "{}").await.is_tool_error());
    let seen: Vec<_> = scene.upstream.received_of("tools/call");
    let seen: Vec<_> = seen.iter().map(|call| call.header("authorization")).collect();
    assert_eq!(seen, [None, None, None, Some(format!("Bearer {foreign}").as_str())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_learns_where_to_get_one() {
    let scene = Scene::of(|manifests| bind(manifests, "ann", &user("corp:ann"), &["time"])).await;
    let origin = scene.switchboard.mcp.strip_suffix("/mcp").unwrap().to_owned();
    for path in ["/mcp", "/mcp/time", "/time/mcp", "/nobody/mcp"] {
        let answer = Client::new(&format!("{origin}{path}")).request("ping", "{}").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let place = format!("{origin}/.well-known/oauth-protected-resource{path}");
        assert_eq!(answer.headers["www-authenticate"], format!(r#"Bearer resource_metadata="{place}""#));
        let metadata = get(&place).await;
        assert_eq!(
            (metadata.status, &metadata.headers["content-type"]),
            (StatusCode::OK, &"application/json".parse().unwrap())
        );
        let metadata = metadata.json();
        assert_eq!(metadata["resource"], format!("{origin}{path}"));
        assert_eq!(metadata["authorization_servers"], json!([scene.issuer.url()]));
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    }
    let root = get(&format!("{origin}/.well-known/oauth-protected-resource")).await.json();
    assert_eq!(root["resource"], origin);
    assert_eq!(
        get(&format!("{origin}/.well-known/oauth-protected-resource/else/where")).await.status,
        StatusCode::NOT_FOUND
    );
    // A proxy says how clients reach it, if it is trusted.
    let place = Client::new(&format!("{origin}/.well-known/oauth-protected-resource/mcp"))
        .header("x-forwarded-proto", "https, http")
        .header("x-forwarded-host", "mcp.example.org");
    let resource =
        async || place.clone_at("/.well-known/oauth-protected-resource/mcp").send(&Method::GET, &[], "").await;
    assert_eq!(resource().await.json()["resource"], format!("{origin}/mcp"), "nobody is trusted by default");
    let issuers = json!([scene.issuer.settings(&json!({}))]);
    scene.manifests.settings(&json!({"issuers": issuers, "trustedProxies": ["127.0.0.1/32"]}));
    until_async("the proxy's word", SOON, async || {
        (resource().await.json()["resource"] == "https://mcp.example.org/mcp").then_some(())
    })
    .await;
    // Behind a proxy it is the address that clients know.
    let settings = json!({"issuers": [scene.issuer.settings(&json!({}))], "publicUrl": "https://mcp.example.com"});
    scene.manifests.settings(&settings);
    until_async("the public address", SOON, async || {
        let metadata = get(&format!("{origin}/.well-known/oauth-protected-resource/mcp")).await.json();
        (metadata["resource"] == "https://mcp.example.com/mcp").then_some(())
    })
    .await;
    // Without an issuer there is nowhere to send anybody.
    scene.manifests.settings(&json!({}));
    until_async("no metadata", SOON, async || {
        let metadata = get(&format!("{origin}/.well-known/oauth-protected-resource/mcp")).await;
        (metadata.status == StatusCode::NOT_FOUND).then_some(())
    })
    .await;
    let answer = Client::new(&scene.switchboard.mcp).request("ping", "{}").await;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}
