//! An issuer of tokens: its documents over https on loopback, and tokens signed
//! with its keys, or with whatever a test wants to see refused.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use crate::certificates::Issued;

/// The audience of the gateway under test.
pub const AUDIENCE: &str = "switchboard-of-the-test";

/// A signing key (P-256) with its name.
pub struct Signer {
    kid: String,
    pair: EcdsaKeyPair,
}

/// A running issuer.
pub struct Issuer {
    address: SocketAddr,
    state: Arc<State>,
    trusted: TempDir,
}

#[derive(Default)]
struct State {
    url: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    down: AtomicBool,
    asked: AtomicU64,
}

impl Signer {
    /// A new key of this name.
    pub fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { kid: kid.to_owned(), pair }
    }

    /// The public key's bytes.
    pub fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// As it stands in a JWKS.
    pub fn jwk(&self) -> Value {
        let (x, y) = self.public()[1..].split_at(32);
        let text = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": text(x), "y": text(y)})
    }

    /// A token with this payload.
    pub fn sign(&self, payload: &Value) -> String {
        self.sign_with(&json!({"alg": "ES256", "typ": "JWT", "kid": self.kid}), payload)
    }

    /// The same with a header of one's own, whatever that says.
    pub fn sign_with(&self, header: &Value, payload: &Value) -> String {
        let signed = unsigned(header, payload);
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and payload of a token, without its signature.
pub fn unsigned(header: &Value, payload: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(payload))
}

impl Issuer {
    /// Serves its documents on loopback, with these keys.
    pub async fn start(signers: &[&Signer]) -> Self {
        let certificate = Issued::new();
        let trusted = tempfile::tempdir().unwrap();
        std::fs::write(trusted.path().join("ca.crt"), &certificate.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der.clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let issuer = Self { address, state: state.clone(), trusted };
        *state.url.lock().unwrap() = issuer.url();
        issuer.publish(signers);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, state) = (acceptor.clone(), state.clone());
                tokio::spawn(async move {
                    // Whoever does not trust the certificate goes again.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let response = answer(&state, &request);
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        issuer
    }

    /// `iss` of its tokens.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/of/this-test", self.address.port())
    }

    /// What a process needs to trust its certificate.
    pub fn environment(&self) -> (String, String) {
        let file = self.trusted.path().join("ca.crt");
        ("SSL_CERT_FILE".to_owned(), Path::new(&file).display().to_string())
    }

    /// These keys alone from now on.
    pub fn publish(&self, signers: &[&Signer]) {
        *self.state.keys.lock().unwrap() = signers.iter().map(|signer| signer.jwk()).collect();
    }

    /// Whether it answers 503 to everything.
    pub fn set_down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Its entry in the settings; `claims` maps users and the like.
    pub fn settings(&self, claims: &Value) -> Value {
        json!({"issuer": self.url(), "audiences": [AUDIENCE], "algorithms": ["ES256"], "claims": claims})
    }

    /// What a token of this subject says, for an hour; `more` adds and replaces, null takes away.
    pub fn payload(&self, subject: &str, more: &Value) -> Value {
        let now = now();
        let mut payload = json!({"iss": self.url(), "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 3600});
        for (claim, value) in more.as_object().unwrap() {
            match value {
                Value::Null => drop(payload.as_object_mut().unwrap().remove(claim)),
                value => payload[claim] = value.clone(),
            }
        }
        payload
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn answer(state: &State, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let url = state.url.lock().unwrap().clone();
    let is = |path: &str| url.ends_with(request.uri().path().strip_suffix(path).unwrap_or("no such path"));
    let document = if is("/.well-known/openid-configuration") {
        Some(json!({"issuer": url, "jwks_uri": format!("{url}/keys")}))
    } else if is("/keys") {
        state.asked.fetch_add(1, Ordering::SeqCst);
        Some(json!({"keys": *state.keys.lock().unwrap()}))
    } else {
        None
    };
    let (status, body) = match document {
        _ if state.down.load(Ordering::SeqCst) => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
        Some(document) => (StatusCode::OK, document.to_string()),
        None => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
}
