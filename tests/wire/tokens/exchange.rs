//! A caller's token in exchange for one that a server takes (RFC 8693, and the
//! On-Behalf-Of flow of Microsoft Entra): which of them goes where.

use serde_json::{Value, json};
use tests::client::Client;
use tests::manifests::Manifests;
use tests::token_endpoint::{TOKEN, TokenEndpoint};
use tests::upstream::{Script, Upstream};

use super::{Scene, bind, user};

/// A token endpoint, a server `up` that takes its tokens and no others, and what says so, with more of `tokenExchange`.
async fn exchanging(mut client: Value, bind: impl FnOnce(&Manifests)) -> (TokenEndpoint, Upstream, Scene) {
    let endpoint = TokenEndpoint::start("gateway", "secret");
    let up = Upstream::start(Script { tokens: Some(endpoint.issued()), ..Script::echo() });
    client["tokenUrl"] = json!(endpoint.url());
    client["clientId"] = json!({"value": "gateway"});
    client["clientSecret"] = json!({"value": "secret"});
    let scene = Scene::of(|manifests| {
        let http = json!({"url": up.url(), "transport": "StreamableHTTP"});
        manifests.server("up", &json!({"http": http, "auth": {"type": "TokenExchange", "tokenExchange": client}}));
        bind(manifests);
    })
    .await;
    (endpoint, up, scene)
}

#[tokio::test(flavor = "multi_thread")]
async fn r23_each_caller_has_a_token_of_their_own_and_theirs_is_shown_to_the_endpoint_alone() {
    let client = json!({"subjectTokenType": "urn:ietf:params:oauth:token-type:jwt"});
    let (endpoint, up, scene) = exchanging(client, |manifests| {
        for name in ["ann", "bob"] {
            bind(manifests, name, &user(&format!("corp:{name}")), &["up"]);
        }
    })
    .await;
    let of =
        |name: &str, id: u32| scene.token(name, &json!({"email": name, "email_verified": true, "jti": id.to_string()}));
    let (ann, bob, ann_later) = (of("ann", 1), of("bob", 2), of("ann", 3));
    for (number, token) in (1..).zip([&ann, &bob, &ann_later]) {
        assert_eq!(scene.tools(token).await, ["up-echo"]);
        for _ in 0..2 {
            let answer = scene.client(token).call("up-echo", "{}").await;
            assert!(!answer.is_tool_error(), "{answer:?}");
            let sent =
                up.received_of("tools/call").pop().and_then(|call| call.header("authorization").map(str::to_owned));
            assert_eq!(sent, Some(format!("Bearer {TOKEN}-{number}-for-{token}")));
        }
        let asked = endpoint.asked();
        assert_eq!(asked.len(), number, "one token for all that this caller does");
        let form = ["grant_type", "subject_token", "subject_token_type"].map(|name| asked[number - 1].member(name));
        let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
        assert_eq!(form, [Some(exchange), Some(token), Some("urn:ietf:params:oauth:token-type:jwt")]);
    }
    // What the endpoint makes of a token says whose it is; nothing else that the server gets does.
    let issued = format!("Bearer {TOKEN}-");
    for request in up.received() {
        let rest = request.headers.iter().filter(|(_, value)| !value.starts_with(&issued));
        let seen = format!("{:?} {}", rest.collect::<Vec<_>>(), String::from_utf8_lossy(&request.body));
        assert!(![&ann, &bob, &ann_later].into_iter().any(|token| seen.contains(token)), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_had_on_behalf_of_its_caller() {
    let client = json!({"flow": "OnBehalfOf", "scopes": ["api://up/.default"]});
    let (endpoint, up, scene) = exchanging(client, |manifests| {
        bind(manifests, "ann", &user("corp:ann"), &["up"]);
        manifests.key("key", "sb-key", &["up"]);
    })
    .await;
    let token = scene.token("ann", &json!({"email": "ann", "email_verified": true}));
    let answer = scene.client(&token).call("up-echo", "{}").await;
    assert!(!answer.is_tool_error(), "{answer:?}");
    let sent = up.received_of("tools/call").pop().and_then(|call| call.header("authorization").map(str::to_owned));
    assert_eq!(sent, Some(format!("Bearer {TOKEN}-1-for-{token}")));
    let [asked] = &endpoint.asked()[..] else { panic!("one request") };
    let form = ["grant_type", "assertion", "requested_token_use", "scope", "subject_token"];
    let bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let expected = [Some(bearer), Some(&token), Some("on_behalf_of"), Some("api://up/.default"), None];
    assert_eq!(form.map(|name| asked.member(name)), expected);
    // Whoever has a key has nothing to show, and the key is shown to nobody.
    let mut with_key = Client::new(&scene.switchboard.mcp).key("sb-key");
    assert!(with_key.call("up-echo", "{}").await.is_tool_error());
    assert_eq!(endpoint.asked().len(), 1);
}
