//! Tokens that are fetched before a server is asked: when they are asked for, what of them is sent where, and what is told
//! when there are none (R20 to R24).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crds::snapshot::{AuthScheme, ClientAuthentication, HttpWire, TokenClient, TokenGrant, TokenRequest};
use gateway::egress::{Egress, EgressPolicy};
use gateway::upstream::http::{HttpUpstream, render_credential};
use gateway::upstream::tokens::{Subject, SubjectToken, Tokens};
use gateway::upstream::{CallerPart, Endpoint, Outcome, UpstreamError};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;

use crate::calls::{call, egress, endpoint, send};
use crate::server::{Seen, Server, Step, json_response, response, streamable, until};

/// The secret of the client; it must be nowhere but at the token endpoint.
const SECRET: &str = "planted-client-secret";
/// The same of what the token endpoint says besides tokens.
const DETAIL: &str = "planted-detail-of-the-endpoint";

/// A token endpoint that numbers the tokens that it issues, each for so many seconds: `token-1`, `token-2`, …
async fn issuer(seconds: u64) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |_, _| {
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        granted(&format!("token-{number}"), seconds)
    })
    .await
}

fn granted(token: &str, seconds: u64) -> Vec<Step> {
    let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": DETAIL});
    json_response("200 OK", &answer)
}

/// A server of Streamable HTTP that takes these tokens, and answers others with 401.
async fn guarded(takes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    Server::start(move |seen, _| match token_of(seen) {
        Some(token) if takes(token) => streamable(seen),
        _ => response("401 Unauthorized", "", DETAIL),
    })
    .await
}

fn token_of(seen: &Seen) -> Option<&str> {
    seen.headers.get("authorization")?.strip_prefix("Bearer ")
}

/// The server, with tokens from the issuer.
fn fetched(server: &Server, issuer: &Server, grant: TokenGrant) -> Endpoint {
    let mut endpoint = endpoint(&server.url(), HttpWire::Streamable);
    endpoint.server.auth.scheme = AuthScheme::Fetched(TokenRequest {
        origin: format!("http://{}", issuer.address),
        grant,
        authentication: ClientAuthentication::Basic,
        scopes: vec!["a".to_owned(), "b".to_owned()],
        audience: None,
        resource: None,
    });
    let url = format!("http://{}/token?tenant=1", issuer.address);
    endpoint.secrets.token_client = Some(TokenClient { url, id: "gateway".to_owned(), secret: SECRET.to_owned() });
    endpoint
}

fn exchange() -> TokenGrant {
    TokenGrant::Exchange { subject_token_type: "urn:example:jwt".to_owned(), requested_token_type: None }
}

/// A session for who adds this.
fn session(endpoint: &Endpoint, tokens: &Tokens, caller: CallerPart) -> Arc<HttpUpstream> {
    Arc::new(HttpUpstream::new(endpoint, caller, None, egress(), Some(tokens)))
}

/// The gateway's own session with a server, by client credentials.
fn own(server: &Server, issuer: &Server) -> Arc<HttpUpstream> {
    let endpoint = fetched(server, issuer, TokenGrant::ClientCredentials);
    let tokens = Tokens::of(&endpoint, &egress()).unwrap();
    session(&endpoint, &tokens, CallerPart::default())
}

fn of(token: &str) -> CallerPart {
    let subject = SubjectToken::new(token.as_bytes(), None).map(Subject::Token);
    CallerPart { subject, ..CallerPart::default() }
}

fn check_tells_nothing(error: &UpstreamError) {
    let told = format!("{error} {error:?}");
    assert!(!told.contains("planted") && !told.contains("token-1"), "{told}");
}

#[tokio::test]
async fn r22_every_request_bears_a_token_that_is_asked_for_once() {
    let (server, issuer) = (guarded(|token| token == "token-1").await, issuer(3600).await);
    let upstream = own(&server, &issuer);
    call(&upstream).await.unwrap();
    call(&upstream).await.unwrap();
    let seen = server.script.seen();
    assert!(seen.len() >= 4 && seen.iter().all(|seen| token_of(seen) == Some("token-1")), "{seen:?}");
    let [asked] = &issuer.script.seen()[..] else { panic!("one request, not {:?}", issuer.script.seen()) };
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token?tenant=1"));
    assert_eq!(asked.body, "grant_type=client_credentials&scope=a%20b");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(asked.headers["authorization"], "Basic Z2F0ZXdheTpwbGFudGVkLWNsaWVudC1zZWNyZXQ=");
    assert!(!format!("{seen:?}").contains(SECRET), "the secret at the server");
}

#[tokio::test]
async fn requests_that_wait_for_a_token_share_one() {
    let (open, gate) = watch::channel(false);
    let issuer = Server::start(move |_, _| {
        let mut steps = vec![Step::Wait(gate.clone())];
        steps.extend(granted("token-1", 3600));
        steps
    })
    .await;
    let server = guarded(|token| token == "token-1").await;
    let endpoint = fetched(&server, &issuer, TokenGrant::ClientCredentials);
    let tokens = Tokens::of(&endpoint, &egress()).unwrap();
    // Sessions of their own, so that each begins by itself.
    let sessions: Vec<_> = (0..16).map(|_| session(&endpoint, &tokens, CallerPart::default())).collect();
    let calls: Vec<_> = sessions.into_iter().map(|session| tokio::spawn(async move { call(&session).await })).collect();
    until("the endpoint is asked", || !issuer.script.seen().is_empty()).await;
    open.send(true).unwrap();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((issuer.script.seen().len(), server.script.of("tools/call").len()), (1, 16));
}

#[tokio::test]
async fn who_goes_away_does_not_take_the_token_from_those_who_wait() {
    let (open, gate) = watch::channel(false);
    let issuer = Server::start(move |_, _| {
        let mut steps = vec![Step::Wait(gate.clone())];
        steps.extend(granted("token-1", 3600));
        steps
    })
    .await;
    let server = guarded(|_| true).await;
    let upstream = own(&server, &issuer);
    let first = send(&upstream, "tools/call", Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(first.outcome, Outcome::Timeout);
    open.send(true).unwrap();
    call(&upstream).await.unwrap();
    assert_eq!(issuer.script.seen().len(), 1);
}

#[tokio::test]
async fn another_token_is_asked_for_ahead_while_the_one_in_hand_is_used() {
    let (open, gate) = watch::channel(false);
    let count = AtomicUsize::new(0);
    let issuer = Server::start(move |_, _| match count.fetch_add(1, Ordering::SeqCst) {
        0 => granted("token-1", 5),
        _ => [vec![Step::Wait(gate.clone())], granted("token-2", 3600)].into_iter().flatten().collect(),
    })
    .await;
    let server = guarded(|_| true).await;
    let upstream = own(&server, &issuer);
    // At four fifths of its time, without anybody waiting for the endpoint, which does not answer.
    let ahead = async {
        while issuer.script.seen().len() < 2 {
            call(&upstream).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        call(&upstream).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(10), ahead).await.unwrap();
    let calls = server.script.of("tools/call");
    assert!(calls.iter().all(|seen| token_of(seen) == Some("token-1")));
    open.send(true).unwrap();
    let renewed = async {
        while token_of(server.script.of("tools/call").last().unwrap()) != Some("token-2") {
            call(&upstream).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), renewed).await.unwrap();
    assert_eq!(issuer.script.seen().len(), 2);
}

#[tokio::test]
async fn r21_without_a_token_nothing_is_sent_and_why_is_told_by_its_class() {
    let refusal = json!({"error": "invalid_client", "error_description": DETAIL}).to_string();
    let json = "content-type: application/json\r\n";
    let huge = " ".repeat(70_000);
    let location = format!("location: http://127.0.0.1:1/{DETAIL}\r\n");
    let cases = [
        ("401 Unauthorized", json, refusal.as_str(), "its token endpoint answered HTTP 401 (invalid_client)"),
        ("500 Internal Server Error", "", DETAIL, "its token endpoint answered HTTP 500"),
        (
            "307 Temporary Redirect",
            location.as_str(),
            "",
            "its token endpoint answered with a redirect, and none is followed",
        ),
        ("200 OK", json, DETAIL, "the answer of its token endpoint is not a token"),
        ("200 OK", json, huge.as_str(), "the answer of its token endpoint is larger than any token"),
    ];
    for (status, headers, body, told) in cases {
        let (status, headers, body) = (status.to_owned(), headers.to_owned(), body.to_owned());
        let issuer = Server::start(move |_, _| response(&status, &headers, &body)).await;
        let server = guarded(|_| true).await;
        let upstream = own(&server, &issuer);
        let failed = call(&upstream).await.unwrap_err();
        assert_eq!(
            (failed.outcome, failed.detail.as_str()),
            (Outcome::AuthRequired, &*format!("no token for it can be had: {told}"))
        );
        check_tells_nothing(&failed);
        assert_eq!(call(&upstream).await.unwrap_err().detail, failed.detail);
        assert_eq!(
            (server.script.connections(), issuer.script.seen().len()),
            (0, 1),
            "{told}: not asked again at once"
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_failed_is_asked_again_after_a_while() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let issuer = Server::start(move |_, _| {
        if is_down.load(Ordering::SeqCst) {
            response("503 Service Unavailable", "", DETAIL)
        } else {
            granted("token-1", 3600)
        }
    })
    .await;
    let server = guarded(|token| token == "token-1").await;
    let upstream = own(&server, &issuer);
    call(&upstream).await.unwrap_err();
    down.store(false, Ordering::SeqCst);
    let again = async {
        while call(&upstream).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    assert_eq!(issuer.script.seen().len(), 2);
}

#[tokio::test]
async fn r7_a_call_that_is_refused_is_not_sent_again_and_the_next_has_another_token() {
    let good = Arc::new(Mutex::new("token-1".to_owned()));
    let known = Arc::clone(&good);
    let (server, issuer) = (guarded(move |token| *token == **known.lock()).await, issuer(3600).await);
    let upstream = own(&server, &issuer);
    call(&upstream).await.unwrap();
    "token-2".clone_into(&mut good.lock());
    let refused = call(&upstream).await.unwrap_err();
    assert_eq!((refused.outcome, refused.http_status), (Outcome::AuthRequired, Some(401)));
    check_tells_nothing(&refused);
    assert_eq!(server.script.of("tools/call").len(), 2);
    call(&upstream).await.unwrap();
    let calls: Vec<_> = server.script.of("tools/call").iter().filter_map(token_of).map(str::to_owned).collect();
    assert_eq!(calls, ["token-1", "token-1", "token-2"]);
    assert_eq!(issuer.script.seen().len(), 2);
}

#[tokio::test]
async fn what_is_harmless_is_sent_again_with_another_token() {
    let (server, issuer) = (guarded(|token| token != "token-1").await, issuer(3600).await);
    let upstream = own(&server, &issuer);
    call(&upstream).await.unwrap();
    let seen = server.script.seen();
    let bears: Vec<_> = seen.iter().filter_map(token_of).collect();
    assert_eq!((bears[..2].to_vec(), &seen[0].body), (vec!["token-1", "token-2"], &seen[1].body));
    assert!(bears[2..].iter().all(|token| *token == "token-2"), "{bears:?}");
    assert_eq!(server.script.of("tools/call").len(), 1);
}

#[tokio::test]
async fn a_server_that_takes_no_token_has_not_one_asked_for_with_each_call() {
    let (server, issuer) = (guarded(|_| false).await, issuer(3600).await);
    let upstream = own(&server, &issuer);
    for _ in 0..50 {
        assert_eq!(call(&upstream).await.unwrap_err().outcome, Outcome::AuthRequired);
    }
    assert!(issuer.script.seen().len() <= 5, "{} tokens for fifty calls", issuer.script.seen().len());
}

#[tokio::test]
async fn r20_a_token_endpoint_is_where_it_may_be_connected_to_or_nowhere() {
    let (server, issuer) = (guarded(|_| true).await, issuer(3600).await);
    let endpoint = fetched(&server, &issuer, TokenGrant::ClientCredentials);
    let strict = Arc::new(Egress::new(EgressPolicy::default()));
    let tokens = Tokens::of(&endpoint, &strict).unwrap();
    let failed = call(&session(&endpoint, &tokens, CallerPart::default())).await.unwrap_err();
    let told =
        "no token for it can be had: its token endpoint cannot be reached: its address is refused by the egress policy";
    assert_eq!((failed.outcome, failed.detail.as_str()), (Outcome::AuthRequired, told));
    assert_eq!((issuer.script.connections(), server.script.connections()), (0, 0));
}

#[tokio::test]
async fn r24_a_callers_credential_is_sent_in_the_place_of_a_token() {
    let (server, issuer) = (guarded(|token| token == "mine").await, issuer(3600).await);
    for grant in [TokenGrant::ClientCredentials, exchange()] {
        let endpoint = fetched(&server, &issuer, grant);
        let tokens = Tokens::of(&endpoint, &egress()).unwrap();
        let overrides = render_credential(&endpoint.server.auth.scheme, "mine").into_iter().collect();
        call(&session(&endpoint, &tokens, CallerPart { overrides, ..CallerPart::default() })).await.unwrap();
    }
    assert_eq!(issuer.script.seen().len(), 0, "no token was needed");
}

/// An endpoint that gives `for-T` in exchange for the token `T`.
async fn exchanging(seconds: u64) -> Server {
    Server::start(move |seen, _| {
        let form = seen.body.as_str().unwrap_or_default().to_owned();
        let subject = form.split('&').find_map(|member| member.strip_prefix("subject_token=")).unwrap_or_default();
        granted(&format!("for-{subject}"), seconds)
    })
    .await
}

#[tokio::test]
async fn r23_each_caller_has_a_token_of_their_own_that_sessions_of_theirs_share() {
    let (server, issuer) = (guarded(|token| token.starts_with("for-")).await, exchanging(3600).await);
    let endpoint = fetched(&server, &issuer, exchange());
    let tokens = Tokens::of(&endpoint, &egress()).unwrap();
    let mut bears = Vec::new();
    for subject in ["ann", "bob", "ann"] {
        call(&session(&endpoint, &tokens, of(subject))).await.unwrap();
        bears.extend(server.script.of("tools/call").last().and_then(token_of).map(str::to_owned));
    }
    assert_eq!(bears, ["for-ann", "for-bob", "for-ann"]);
    let asked: Vec<_> =
        issuer.script.seen().iter().map(|seen| seen.body.as_str().unwrap_or_default().to_owned()).collect();
    let form = |subject: &str| {
        format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={subject}\
             &subject_token_type=urn%3Aexample%3Ajwt&scope=a%20b"
        )
    };
    assert_eq!(asked, [form("ann"), form("bob")]);
    assert!(!format!("{:?}", server.script.seen()).contains("Bearer ann"), "the caller's own token at the server");
}

#[tokio::test]
async fn what_is_had_for_a_callers_token_is_not_used_for_longer_than_that() {
    let (server, issuer) = (guarded(|_| true).await, exchanging(3600).await);
    let endpoint = fetched(&server, &issuer, exchange());
    let tokens = Tokens::of(&endpoint, &egress()).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let expires = i64::try_from(now).unwrap() + 2;
    let subject = SubjectToken::new(b"ann", Some(expires)).map(Subject::Token);
    let upstream = session(&endpoint, &tokens, CallerPart { subject, ..CallerPart::default() });
    call(&upstream).await.unwrap();
    let again = async {
        while issuer.script.seen().len() < 2 {
            call(&upstream).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
}

#[tokio::test]
async fn a_caller_without_a_token_is_told_so_and_nothing_is_asked() {
    let (server, issuer) = (guarded(|_| true).await, exchanging(3600).await);
    let endpoint = fetched(&server, &issuer, exchange());
    let tokens = Tokens::of(&endpoint, &egress()).unwrap();
    // A caller with an API key, and the gateway itself.
    for subject in [Some(Subject::Missing), None] {
        let part = CallerPart { subject, ..CallerPart::default() };
        let failed = call(&session(&endpoint, &tokens, part)).await.unwrap_err();
        let told = "it needs a token of the caller's own, and an API key is sent to nobody";
        assert_eq!((failed.outcome, failed.detail.as_str()), (Outcome::AuthRequired, told));
    }
    assert_eq!((server.script.connections(), issuer.script.connections()), (0, 0));
}
