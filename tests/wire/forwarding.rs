//! A request passed on to its owner, as the owner sees it: the test holds the
//! keys of the fleet and is the owner.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::capabilities::Capabilities;
use gateway::keys::Keys;
use gateway::networks::Side;
use gateway::owner::Owner;
use gateway::peers::authority::Credentials;
use gateway::revision::Revision;
use gateway::seal::Sealer;
use gateway::session::Sessions;
use http::StatusCode;
use tests::client::{Client, split};
use tests::wait::until_async;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::peers::Scene;
use super::scene::KEY;

const BOOT: [u8; 8] = *b"\0by hand";
const WITHIN: Duration = Duration::from_secs(10);
const SET_LEVEL: &str = r#"{"jsonrpc":"2.0","id":"a","method":"logging/setLevel","params":{"level":"error"}}"#;

/// What the owner does with what it is sent.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// One event, and a second one when the test says so.
    Streams,
    /// Reads, and ends the connection.
    Breaks,
    /// Is another boot.
    IsAnother,
    /// Waits for its client to leave.
    Waits,
}

/// A session whose owner is the test.
struct ByHand {
    scene: Scene,
    session: String,
    requests: Arc<Mutex<Vec<String>>>,
    go_on: Arc<Notify>,
    left: Arc<Notify>,
}

impl ByHand {
    async fn of(does: Does) -> Self {
        let scene = Scene::of(2).await;
        let state = scene.fleet.process(0).home().join("state/switchboard");
        let credentials = Credentials::issue(&std::fs::read(state.join("peer-authority")).unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let owner = Owner { boot: BOOT, address: Some(listener.local_addr().unwrap()) };
        let sealer = Sealer::new(&[Keys::load_or_create(&state).unwrap().seal]);
        let revision = Revision::from_wire(b"2025-11-25").unwrap();
        let session = Sessions::new(Arc::new(sealer), owner);
        let caller = ("default/scene", Side::Inside(0));
        let session = session.start(caller, (revision, Capabilities::default()), gateway::clock::now()).unwrap();
        let by_hand = Self { scene, session, requests: Arc::default(), go_on: Arc::default(), left: Arc::default() };
        let (requests, go_on, left) = (by_hand.requests.clone(), by_hand.go_on.clone(), by_hand.left.clone());
        tokio::spawn(async move {
            let accept = async |acceptor: &TlsAcceptor| acceptor.accept(listener.accept().await?.0).await;
            while let Ok(mut stream) = accept(&credentials.acceptor).await {
                let request = read(&mut stream).await;
                requests.lock().unwrap().push(request);
                let answered = answer(does, &mut stream, &go_on).await;
                if matches!(does, Does::Waits) {
                    // To the end of the connection, however it comes.
                    while matches!(stream.read(&mut [0; 64]).await, Ok(1..)) {}
                    left.notify_one();
                }
                drop((answered, stream));
            }
        });
        by_hand
    }

    fn client(&self) -> Client {
        Client::new(&self.scene.fleet.process(0).mcp).key(KEY).header("mcp-session-id", &self.session)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A client's connection on which the request was sent, and no answer read.
    async fn asked(&self) -> TcpStream {
        let (address, path) = split(&self.scene.fleet.process(0).mcp);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path}?q=1 HTTP/1.1\r\nHost: {address}\r\nx-api-key: {KEY}\r\nX-Twice: 1\r\nX-Twice: 2\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nswitchboard-boot: 0000000000000000\r\nswitchboard-side: outside\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nMcp-Session-Id: {}\r\nContent-Length: {}\r\n\r\n{SET_LEVEL}",
            self.session,
            SET_LEVEL.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

async fn read(stream: &mut TlsStream<TcpStream>) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while !bytes.ends_with(SET_LEVEL.as_bytes()) {
        match stream.read(&mut chunk).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ => break,
        }
    }
    String::from_utf8(bytes).unwrap()
}

async fn answer(does: Does, stream: &mut TlsStream<TcpStream>, go_on: &Notify) -> std::io::Result<()> {
    match does {
        Does::Breaks | Does::Waits => Ok(()),
        Does::IsAnother => {
            let head = "HTTP/1.1 421 Misdirected Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(head.as_bytes()).await?;
            stream.shutdown().await
        }
        Does::Streams => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Kept: yes\r\nKeep-Alive: timeout=7\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}9\r\ndata: 1\n\n\r\n").as_bytes()).await?;
            go_on.notified().await;
            stream.write_all(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n").await?;
            stream.shutdown().await
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_passed_on_whole_and_its_answer_comes_back_event_by_event() {
    let by_hand = ByHand::of(Does::Streams).await;
    let mut stream = by_hand.asked().await;
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains("data: 1") {
        let read = tokio::time::timeout(WITHIN, stream.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "{text}");
        text.push_str(str::from_utf8(&chunk[..read]).unwrap());
    }
    by_hand.go_on.notify_one();
    tokio::time::timeout(WITHIN, stream.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("data: 2"), "{text}");
    assert!(text.contains("x-kept: yes\r\n") && !text.contains("timeout=7"), "{text}");

    let requests = by_hand.requests();
    let [request] = &requests[..] else { panic!("once: {requests:?}") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, SET_LEVEL);
    assert!(head.starts_with("POST /mcp?q=1 HTTP/1.1\r\n"), "{head}");
    let boot = format!("{:016x}", u64::from_be_bytes(BOOT));
    for line in [
        "x-twice: 1",
        "x-twice: 2",
        &format!("x-api-key: {KEY}"),
        &format!("switchboard-boot: {boot}"),
        "switchboard-side: inside",
    ] {
        assert_eq!(head.lines().filter(|found| *found == line).count(), 1, "{line}: {head}");
    }
    for name in ["x-mine", "connection: close", "switchboard-boot: 0000000000000000", "switchboard-side: outside"] {
        assert!(!head.contains(name), "{name}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_what_an_owner_may_have_read_is_answered_by_an_error_and_not_sent_again() {
    let by_hand = ByHand::of(Does::Breaks).await;
    let answer = by_hand.client().post(SET_LEVEL).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::OK, Some(-32603)), "{answer:?}");
    assert_eq!(answer.json()["id"], "a");
    assert_eq!(by_hand.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_boot_refuses_goes_on_here() {
    let by_hand = ByHand::of(Does::IsAnother).await;
    let answer = by_hand.client().post(SET_LEVEL).await;
    assert_eq!((answer.status, answer.json()["result"].clone()), (StatusCode::OK, serde_json::json!({})));
    assert_eq!(by_hand.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_request_at_the_owner() {
    let by_hand = ByHand::of(Does::Waits).await;
    let stream = by_hand.asked().await;
    until_async("the owner has it", WITHIN, async || (by_hand.requests().len() == 1).then_some(())).await;
    drop(stream);
    tokio::time::timeout(WITHIN, by_hand.left.notified()).await.expect("the owner sees its client leave");
}
