use std::net::SocketAddr;
use std::path::PathBuf;

use crds::snapshot::{
    AuthScheme, ByKind, Caller as Binding, CallerKey, ClientSide, HttpWire, Secrets, Server, ServerAuth,
    ServerTimeouts, Transport,
};
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::*;
use crate::catalogue::{List, State};
use crate::discovery;
use crate::egress::{Egress, EgressPolicy};
use crate::metrics::Metrics;
use crate::networks::Side;
use crate::upstream::stdio::Children;

fn upstreams(address: Option<SocketAddr>) -> Arc<ServerUpstreams> {
    let server = Server {
        id: "tools/one".to_owned(),
        alias: "one".to_owned(),
        prefix: None,
        names: Vec::new(),
        transport: Transport::Http {
            origin: String::new(),
            wire: HttpWire::Streamable,
            headers: Vec::new(),
            forward_headers: Vec::new(),
        },
        auth: ServerAuth { scheme: AuthScheme::None, client_side: ClientSide::Deny },
        credential: None,
        off: false,
        sessions: SessionMode::Shared,
        timeouts: ServerTimeouts { connect: 30, list: 30, call: 30 },
        max_concurrent_calls: 2,
        max_response_bytes: 1 << 20,
        filters: ByKind::default(),
        uri_prefix: None,
        cost: None,
        internal: false,
    };
    let url = address.map(|address| format!("http://{address}/mcp"));
    let endpoint = Arc::new(Endpoint { server, secrets: Secrets { url, ..Secrets::default() } });
    let policy = EgressPolicy { allow_loopback: true, ..EgressPolicy::default() };
    let nowhere = PathBuf::from("/nonexistent");
    let runtime = tokio::runtime::Handle::current();
    let children = Children::new(nowhere.clone(), Vec::new(), nowhere.clone(), nowhere, runtime);
    let connectors = Connectors { egress: Arc::new(Egress::new(policy)), children: Arc::new(children) };
    let metrics = Metrics::new().of_server("tools/one");
    Arc::new(ServerUpstreams::new(endpoint, Arc::new(connectors), metrics))
}

fn caller(id: &str) -> Binding {
    let keys = match id {
        "anonymous" => Vec::new(),
        _ => vec![CallerKey { digest: Digest128([1; 16]), expires: None }],
    };
    Binding { id: id.to_owned(), keys, ..Binding::default() }
}

fn part(value: &str) -> CallerPart {
    let header = (HeaderName::from_static("x-part"), HeaderValue::from_str(value).unwrap());
    CallerPart { headers: vec![header], ..CallerPart::default() }
}

fn open(upstreams: &Arc<ServerUpstreams>, id: &str, value: &str) -> Arc<Upstream> {
    upstreams.open(&Caller::of(&caller(id), Side::Outside), part(value), None).unwrap().upstream
}

#[tokio::test]
async fn r23_a_session_with_a_callers_values_is_that_callers_alone() {
    let upstreams = upstreams(None);
    let (a, b) = (open(&upstreams, "a", "same"), open(&upstreams, "b", "same"));
    assert!(!Arc::ptr_eq(&a, &b));
    assert!(Arc::ptr_eq(&a, &open(&upstreams, "a", "same")));
    upstreams.sweep(|(caller, _)| caller == "b");
    assert!(Arc::ptr_eq(&b, &open(&upstreams, "b", "same")), "the other caller's goes on");
    assert!(!Arc::ptr_eq(&a, &open(&upstreams, "a", "same")), "a lost caller's session ends, in use or not");
}

#[tokio::test]
async fn a_session_in_use_is_not_ended_to_make_room() {
    let upstreams = upstreams(None);
    let used = open(&upstreams, "a", "used");
    for value in 0..3 * MAX_PER_CALLER {
        drop(open(&upstreams, "a", &value.to_string()));
    }
    assert!(Arc::ptr_eq(&used, &open(&upstreams, "a", "used")));
    assert_eq!(upstreams.sessions.lock().len(), MAX_PER_CALLER);
    for value in 0..2 * MAX_ANONYMOUS {
        drop(open(&upstreams, "anonymous", &value.to_string()));
    }
    assert_eq!(upstreams.sessions.lock().len(), MAX_PER_CALLER + MAX_ANONYMOUS);
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_is_not_idle() {
    let upstreams = upstreams(None);
    let used = open(&upstreams, "a", "used");
    tokio::time::advance(IDLE * 2).await;
    upstreams.sweep(|_| true);
    tokio::time::advance(IDLE / 2).await;
    assert_eq!(upstreams.sessions.lock().len(), 1);
    drop(used);
    upstreams.sweep(|_| true);
    assert_eq!(upstreams.sessions.lock().len(), 1, "idle counts from its last use");
    tokio::time::advance(IDLE).await;
    upstreams.sweep(|_| true);
    assert_eq!(upstreams.sessions.lock().len(), 0);
}

#[tokio::test]
async fn a_call_that_found_the_server_gone_has_it_listed_again_and_no_other_does() {
    let upstreams = upstreams(None);
    let mut again = upstreams.own().list_again();
    for outcome in [
        Outcome::Timeout,
        Outcome::AuthRequired,
        Outcome::Forbidden,
        Outcome::RateLimited,
        Outcome::UpstreamError,
        Outcome::UnsupportedProtocol,
    ] {
        upstreams.failed(&UpstreamError::new(outcome, "a slow tool, or one that fails"));
    }
    assert!(!again.has_changed().unwrap());
    upstreams.failed(&UpstreamError::new(Outcome::Unreachable, "gone"));
    again.changed().await.unwrap();
}

/// A server that takes connections and never answers.
async fn silent() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}

#[tokio::test]
async fn a_stopped_server_is_neither_listed_nor_opened_though_a_call_holds_it() {
    let upstreams = upstreams(Some(silent().await));
    let keeping = tokio::spawn(discovery::keep(Arc::downgrade(&upstreams), Arc::new(Notify::new())));
    let reading = tokio::spawn({
        let upstreams = upstreams.clone();
        async move {
            discovery::of_caller(&upstreams, &Caller::of(&caller("a"), Side::Outside), part("1"), List::Tools).await
        }
    });
    let within = Duration::from_secs(10);
    let begun = async {
        while upstreams.calls.available_permits() == 2 || upstreams.ended.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(within, begun).await.unwrap();
    tokio::time::timeout(within, upstreams.stop()).await.unwrap();
    tokio::time::timeout(within, keeping).await.unwrap().unwrap();
    tokio::time::timeout(within, reading).await.unwrap().unwrap();
    assert_eq!(upstreams.calls.available_permits(), 2, "the list under way ended");
    assert!(upstreams.open(&Caller::of(&caller("a"), Side::Outside), part("1"), None).is_err());
    assert!(upstreams.open(&Caller::of(&caller("a"), Side::Outside), CallerPart::default(), None).is_err());
}

/// A server that answers every request with as many pages as are asked for, each of `page` bytes.
async fn endless(page: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut chunk).await {
                    request.extend_from_slice(&chunk[..read]);
                    let text = String::from_utf8_lossy(&request).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let Ok(body) = serde_json::from_str::<serde_json::Value>(body) else {
                        if !head.starts_with("POST") {
                            request.clear();
                            let _ = stream.write_all(b"HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n").await;
                        }
                        continue;
                    };
                    request.clear();
                    let id = &body["id"];
                    let answer = match body["method"].as_str() {
                        Some("initialize") => format!(
                            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"2025-11-25","capabilities":{{}},"serverInfo":{{"name":"e","version":"1"}}}}}}"#
                        ),
                        Some("tools/list") => format!(
                            r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[],"nextCursor":"{id}","pad":"{}"}}}}"#,
                            "p".repeat(page)
                        ),
                        Some("server/discover") => {
                            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no"}}}}"#)
                        }
                        _ => String::new(),
                    };
                    let head = if answer.is_empty() { "202 Accepted" } else { "200 OK" };
                    let length = answer.len();
                    let answer = format!(
                        "HTTP/1.1 {head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{answer}"
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn all_pages_of_a_list_count_towards_max_response_bytes() {
    let upstreams = upstreams(Some(endless(100_000).await));
    let listed = discovery::list(&upstreams, upstreams.own(), &Catalogue::default(), |_| ()).await;
    let State::Failed(error) = listed.state() else { panic!("a list of endless pages went well") };
    assert!(error.detail.contains("maxResponseBytes"), "{}", error.detail);
}
