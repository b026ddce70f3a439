//! A token endpoint (RFC 6749): it knows one client, issues tokens that count
//! for as long as it says, and keeps what it was asked. Servers ask it which
//! tokens count.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::sync::watch;

use crate::served::Served;

/// What every token begins with: it must be nowhere but at its server.
pub const TOKEN: &str = "planted-token";
/// In whatever the endpoint says besides a token: it must be nowhere at all.
pub const DETAIL: &str = "planted-detail-of-the-token-endpoint";
/// In the path of its URL: nowhere but in its requests.
pub const PATH: &str = "/planted-path-of-the-token-endpoint";

/// A running endpoint on a port of its own, in a thread of its own. Dropped, it ends.
pub struct TokenEndpoint {
    state: Arc<State>,
    served: Served,
}

/// The tokens that were issued, with when each ends. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Issued(Arc<Mutex<HashMap<String, Instant>>>);

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The value of `Authorization`.
    pub authorization: Option<String>,
    /// The members of the form, decoded, in order.
    pub form: Vec<(String, String)>,
}

struct State {
    client: Mutex<(String, String)>,
    /// How long a token counts.
    seconds: Mutex<u64>,
    asked: Mutex<Vec<Asked>>,
    issued: Issued,
    /// False: answers wait.
    open: watch::Sender<bool>,
}

impl TokenEndpoint {
    /// Starts one that knows this client, by id and secret.
    pub fn start(id: &str, secret: &str) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), id, secret)
    }

    /// The same on this address.
    pub fn start_at(address: SocketAddr, id: &str, secret: &str) -> Self {
        let state = Arc::new(State {
            client: Mutex::new((id.to_owned(), secret.to_owned())),
            seconds: Mutex::new(3600),
            asked: Mutex::default(),
            issued: Issued::default(),
            open: watch::Sender::new(true),
        });
        let shared = Arc::clone(&state);
        let served = Served::at(address, |listener| serve(listener, shared));
        Self { state, served }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        url(self.address())
    }

    /// Which tokens count.
    pub fn issued(&self) -> Issued {
        self.state.issued.clone()
    }

    /// Knows the client by this secret from now on, and by no other.
    pub fn change_secret(&self, secret: &str) {
        secret.clone_into(&mut self.state.client.lock().unwrap().1);
    }

    /// Issues tokens for so many seconds from now on.
    pub fn issue_for(&self, seconds: u64) {
        *self.state.seconds.lock().unwrap() = seconds;
    }

    /// Answers nobody until [`Self::release`].
    pub fn hold(&self) {
        self.state.open.send_replace(false);
    }

    /// Answers all who wait.
    pub fn release(&self) {
        self.state.open.send_replace(true);
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl Issued {
    /// Whether a token counts that is presented by this value of `Authorization`.
    pub fn takes(&self, authorization: Option<&str>) -> bool {
        let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| self.0.lock().unwrap().get(token).is_some_and(|until| Instant::now() < *until))
    }

    /// No token that was issued so far counts any more.
    pub fn revoke(&self) {
        self.0.lock().unwrap().values_mut().for_each(|until| *until = Instant::now());
    }
}

/// The URL of an endpoint at this address.
pub fn url(address: SocketAddr) -> String {
    format!("http://{address}{PATH}")
}

async fn serve(listener: tokio::net::TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let state = Arc::clone(&state);
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(respond(&state, request).await) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return refusal("invalid_request") };
    let authorization = head.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked { authorization, form: form(&body.to_bytes()) };
    state.asked.lock().unwrap().push(asked.clone());
    // Cannot fail: the sender is in `state`.
    let _ = state.open.subscribe().wait_for(|open| *open).await;
    if asked.client().as_ref() != Some(&*state.client.lock().unwrap()) || head.uri.path() != PATH {
        return refusal("invalid_client");
    }
    let shown = asked.member("subject_token").or_else(|| asked.member("assertion"));
    let subject = shown.map(|subject| format!("-for-{subject}")).unwrap_or_default();
    let seconds = *state.seconds.lock().unwrap();
    let mut issued = state.issued.0.lock().unwrap();
    let token = format!("{TOKEN}-{}{subject}", issued.len() + 1);
    issued.insert(token.clone(), Instant::now() + Duration::from_secs(seconds));
    let answer = json!({"access_token": token, "token_type": "bearer", "expires_in": seconds, "scope": DETAIL});
    answered(StatusCode::OK, &answer)
}

impl Asked {
    /// A member of the form.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Who asks: by Basic, or in the form.
    fn client(&self) -> Option<(String, String)> {
        if let Some(pair) = self.authorization.as_ref().and_then(|value| value.strip_prefix("Basic ")) {
            let pair = String::from_utf8(STANDARD.decode(pair).ok()?).ok()?;
            let (id, secret) = pair.split_once(':')?;
            return Some((decoded(id), decoded(secret)));
        }
        Some((self.member("client_id")?.to_owned(), self.member("client_secret")?.to_owned()))
    }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let members = text.split('&').filter_map(|member| member.split_once('='));
    members.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// A word of a form as it was meant (application/x-www-form-urlencoded).
fn decoded(word: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn refusal(error: &str) -> Response<Full<Bytes>> {
    answered(StatusCode::UNAUTHORIZED, &json!({"error": error, "error_description": DETAIL}))
}

fn answered(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}
