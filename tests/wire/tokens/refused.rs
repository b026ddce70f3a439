//! Tokens that are none: each is a 401 with the right challenge, and nothing
//! else is tried in its place.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tests::issuer::{AUDIENCE, unsigned};

use super::*;

/// A token that would do but for one thing, by what is wrong with it.
fn wrong(scene: &Scene) -> Vec<(&'static str, String)> {
    let (issuer, signer) = (&scene.issuer, &scene.signer);
    let payload = |more: Value| issuer.payload("ann", &json!({"email": "ann"}).merged(&more));
    let good = payload(json!({}));
    let claiming = |more: Value| signer.sign(&payload(more));
    let headed = |header: Value| signer.sign_with(&header, &good);
    let own = Signer::new("first");
    let jwks = json!({"keys": [own.jwk()]});
    let other_header = |more: Value| json!({"alg": "ES256", "typ": "JWT", "kid": "first"}).merged(&more);
    let hs256 = {
        // As if the public key were a shared secret.
        let text = unsigned(&json!({"alg": "HS256", "typ": "JWT", "kid": "first"}), &good);
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(signer.public()).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let bent = {
        let token = signer.sign(&good);
        let (text, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[7] ^= 1;
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(bytes))
    };
    let padding = "x".repeat(16 << 10);
    vec![
        ("another audience", claiming(json!({"aud": "another"}))),
        ("no audience", claiming(json!({"aud": null}))),
        ("an empty list of audiences", claiming(json!({"aud": []}))),
        ("an audience that begins alike", claiming(json!({"aud": format!("{AUDIENCE}-2")}))),
        ("another issuer", claiming(json!({"iss": "https://elsewhere.example"}))),
        ("an issuer with a slash more", claiming(json!({"iss": format!("{}/", issuer.url())}))),
        ("no issuer", claiming(json!({"iss": null}))),
        ("no subject", claiming(json!({"sub": null}))),
        ("expired", claiming(json!({"exp": now() - 1}))),
        ("no expiry", claiming(json!({"exp": null}))),
        ("an expiry in words", claiming(json!({"exp": "never"}))),
        ("not yet valid", claiming(json!({"nbf": now() + 600}))),
        ("a begin in words", claiming(json!({"nbf": "soon"}))),
        ("alg none", format!("{}.", unsigned(&json!({"alg": "none", "typ": "JWT"}), &good))),
        ("alg none with a signature", headed(json!({"alg": "none", "kid": "first"}))),
        ("HS256 with the public key", hs256),
        ("an algorithm that is not pinned", headed(other_header(json!({"alg": "RS256"})))),
        ("an algorithm of another case", headed(other_header(json!({"alg": "es256"})))),
        ("an unknown kid", Signer::new("nobody-has-it").sign(&good)),
        ("another key of that name", own.sign(&good)),
        ("jku", own.sign_with(&other_header(json!({"jku": "https://attacker.example/keys"})), &good)),
        ("jwk", own.sign_with(&other_header(json!({"jwk": own.jwk(), "jwks": jwks})), &good)),
        ("x5u", own.sign_with(&other_header(json!({"x5u": "https://attacker.example/chain"})), &good)),
        ("crit", headed(other_header(json!({"crit": ["exp"]})))),
        ("an empty crit", headed(other_header(json!({"crit": []})))),
        ("another typ", headed(other_header(json!({"typ": "logout+jwt"})))),
        ("oversized", claiming(json!({"padding": padding}))),
        ("a bent signature", bent),
        ("a bent payload", {
            let token = signer.sign(&good);
            let parts: Vec<&str> = token.split('.').collect();
            let other = URL_SAFE_NO_PAD.encode(payload(json!({"email": "root"})).to_string());
            format!("{}.{other}.{}", parts[0], parts[2])
        }),
        ("four parts", format!("{}.x", signer.sign(&good))),
        ("no JSON", format!("eyJ.{}.eyJ", URL_SAFE_NO_PAD.encode("{"))),
    ]
}

trait Merged {
    /// With these members more, or others.
    fn merged(self, more: &Value) -> Value;
}

impl Merged for Value {
    fn merged(mut self, more: &Value) -> Value {
        self.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r27_what_is_wrong_with_a_token_is_a_401_and_never_another_identity() {
    let scene = Scene::of(|manifests| {
        bind(manifests, "ann", &user("corp:ann"), &["time"]);
        bind(manifests, "anybody", &json!({"type": "Anonymous"}), &["mail"]);
        manifests.key("key", "sb-key", &["mail"]);
    })
    .await;
    assert_eq!(scene.tools(&scene.token("ann", &json!({"email": "ann"}))).await, TIME, "the one that is right");
    let metadata = scene.switchboard.mcp.replace("/mcp", "/.well-known/oauth-protected-resource/mcp");
    let challenge = format!(r#"Bearer error="invalid_token", resource_metadata="{metadata}""#);
    for (what, token) in wrong(&scene) {
        let answer = scene.ping(&token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {answer:?}");
        assert_eq!(answer.headers["www-authenticate"], challenge, "{what}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(&token), "{what}");
        // The first key header decides: the next is not tried.
        let mut client = scene.client("sb-key").header("x-litellm-api-key", &token);
        assert_eq!(client.request("ping", "{}").await.status, StatusCode::UNAUTHORIZED, "{what}");
    }
    let logged = scene.switchboard.errors();
    assert!(!logged.contains("eyJ"), "no token is in a log: {logged}");
}
