//! A gateway that is away, breaks off, or is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use tests::client::split;
use tests::mount::Mount;
use tests::sidecar::Sidecar;
use tests::upstream::{Does, Script, Tool};
use tests::wait::until_async;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::scene::{KEY, PING, Scene};
use super::{Beside, again, before_a_witness, origin, refusal};

const SOON: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_gone_is_said_to_be_and_found_again() {
    let Beside { mut scene, sidecar } = Beside::of(Script::echo());
    let gateway = origin(&scene.switchboard.mcp);
    let address = split(&scene.switchboard.mcp).0.to_string();
    let mut agent = sidecar.agent();
    for _ in 0..2 {
        assert_eq!(agent.tools().await, ["up-echo"]);
        assert!(scene.switchboard.terminate(SOON).success());
        for _ in 0..3 {
            let answer = agent.post(PING).await;
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
            let said = refusal(&answer);
            assert!(said.contains(&format!("the gateway {gateway} cannot be reached")), "{said}");
            assert!(said.contains("connection refused"), "{said}");
        }
        let answer = agent.clone_at("/mcp-rest/tools/list").send(&Method::GET, &[], "").await;
        assert_eq!(
            (answer.status, &answer.json()["detail"]["error"]),
            (StatusCode::BAD_GATEWAY, &"unreachable".into())
        );
        assert_eq!(sidecar.readyz().await.0, 200, "no pod is better for not being ready");
        scene.switchboard = again(&scene, &address);
    }
    assert_eq!(agent.tools().await, ["up-echo"]);
}

/// A gateway that answers the first requests of a connection, then reads one and breaks off. Counts what it reads.
async fn breaking(listener: TcpListener, answered: u64, read: Arc<AtomicU64>) {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        for number in 0..=answered {
            if !whole(&mut stream).await {
                break;
            }
            read.fetch_add(1, Ordering::SeqCst);
            if number < answered {
                stream.write_all(OK.as_bytes()).await.unwrap();
            }
        }
    }
}

/// Whether a whole PING was read.
async fn whole(stream: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.ends_with(PING.as_bytes()) {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => seen.extend_from_slice(&buffer[..read]),
            _ => return false,
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_what_may_have_arrived_is_never_sent_again() {
    for answered in [0, 1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = format!("http://{}", listener.local_addr().unwrap());
        let read = Arc::<AtomicU64>::default();
        let server = tokio::spawn(breaking(listener, answered, read.clone()));
        let sidecar = Sidecar::start(&gateway, KEY);
        let mut agent = sidecar.agent();
        for number in 1..=3 * (answered + 1) {
            let answer = agent.post(PING).await;
            if number % (answered + 1) != 0 {
                assert_eq!(answer.status, StatusCode::OK);
                continue;
            }
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
            let said = refusal(&answer);
            assert!(said.contains(&gateway) && said.contains("may have been carried out"), "{said}");
            assert_eq!(read.load(Ordering::SeqCst), number, "each once");
        }
        server.abort();
    }
}

/// A connection is kept for the next request, and closed before the gateway might.
#[tokio::test(flavor = "multi_thread")]
async fn r7_a_connection_is_used_again_and_not_kept_for_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sidecar = Sidecar::start(&format!("http://{}", listener.local_addr().unwrap()), KEY);
    let mut agent = sidecar.agent();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..5 {
            assert!(whole(&mut stream).await);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
        let idle = std::time::Instant::now();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "it closes the connection");
        idle.elapsed()
    });
    for _ in 0..5 {
        assert_eq!(agent.post(PING).await.status, StatusCode::OK);
    }
    let kept = serving.await.unwrap();
    assert!(kept > Duration::from_secs(2) && kept < Duration::from_secs(10), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r20_there_is_no_other_way_than_the_one_that_is_configured() {
    let elsewhere = Scene::of(Script::echo());
    let to = Does::Redirect(elsewhere.upstream.url());
    let (witness, sidecar) = before_a_witness(Script::with([Tool::new("echo", Does::Echo)]).instead("tools/call", to));
    let answer = sidecar.agent().call("echo", "{}").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.headers.get("location").is_none(), "{answer:?}");
    let said = refusal(&answer);
    assert!(said.contains(&origin(&witness.url())) && said.contains("not followed"), "{said}");
    assert_eq!(elsewhere.upstream.posts("tools/call"), 0);

    // A target that names another host is refused, and one that names this one goes where all do.
    let (address, _) = split(&sidecar.mcp);
    for (target, status) in [("http://127.0.0.1:1/mcp", 200), ("http://example.com/mcp", 403)] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n", PING.len());
        let reply = tests::raw::exchange(address, &head, PING.as_bytes()).await;
        assert_eq!(reply.status().unwrap(), status, "{}", reply.text);
    }
    let reply = tests::raw::exchange(address, "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n", b"").await;
    assert_eq!(reply.status().unwrap(), StatusCode::METHOD_NOT_ALLOWED, "{}", reply.text);

    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut volume = Mount::of(&["token"]);
    volume.put(&[("token", KEY)]);
    let proxies = names.map(|name| (name, "http://127.0.0.1:1"));
    let sidecar = Sidecar::start_with(&origin(&elsewhere.switchboard.mcp), volume, &[], &proxies);
    assert_eq!(sidecar.agent().tools().await, ["up-echo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_gateway_is_not_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 inner-detail ESMTP\r\n").await.unwrap();
            let mut rest = Vec::new();
            tokio::spawn(async move { stream.read_to_end(&mut rest).await });
        }
    });
    let sidecar = Sidecar::start(&gateway, KEY);
    let mut agent = sidecar.agent();
    until_async("it is found out", SOON, async || {
        let answer = agent.post(PING).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        let said = refusal(&answer);
        assert!(said.contains(&gateway) && !said.contains("inner-detail"), "{said}");
        said.contains("does not answer in HTTP/1.1").then_some(())
    })
    .await;
    assert!(!sidecar.logs().contains("inner-detail"));
}
