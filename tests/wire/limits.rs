//! R13: what one address may take: invalid credentials, and connections.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use http::StatusCode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;
use tests::client::{Client, split};
use tests::raw;
use tests::upstream::Script;
use tests::wait::{until, until_async};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::scene::{KEY, PING, Scene};

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(10);
/// Another address of this machine.
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Invalid credentials at once.
const BURST: u32 = 100;
/// Connections of one address.
const OF_PEER: usize = 4096;

async fn metric(scene: &Scene, line: &str) -> u64 {
    scene.switchboard.metric(line).await.unwrap_or_default()
}

/// Presents an invalid key until that is answered by something else than 401: how often it was 401, and the answer.
async fn guess(client: &mut Client) -> (u32, tests::client::Answer) {
    for guesses in 0..BURST * 20 {
        let answer = client.post(PING).await;
        if answer.status != StatusCode::UNAUTHORIZED {
            return (guesses, answer);
        }
    }
    panic!("every guess was answered 401")
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_invalid_credentials_of_one_address_are_limited_and_nothing_else_is() {
    let scene = Scene::of(Script::echo());
    let (address, _) = split(&scene.switchboard.mcp);
    let (mut valid, mut nobody) = (scene.client(), Client::new(&scene.switchboard.mcp));
    for _ in 0..BURST + 10 {
        assert_eq!(nobody.post(PING).await.status, StatusCode::UNAUTHORIZED, "no credential is no guess");
    }
    let began = Instant::now();
    let mut guesser = Client::new(&scene.switchboard.mcp).key("sb-wrong");
    let (sent, answer) = guess(&mut guesser).await;
    let refilled = began.elapsed().as_millis() / 100;
    assert!(u128::from(sent) <= u128::from(BURST) + refilled, "{sent} in {:?}", began.elapsed());
    assert!(sent >= BURST, "{sent}");
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
    assert_eq!(
        (&answer.headers["retry-after"], &answer.headers["connection"]),
        (&"1".parse().unwrap(), &"close".parse().unwrap())
    );
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["detail"]["error"], "too_many_invalid_credentials", "{body}");

    // Its neighbours at this address go on, meanwhile and on connections that they had.
    for _ in 0..20 {
        assert_eq!(valid.post(PING).await.status, StatusCode::OK);
        assert_eq!(nobody.post(PING).await.status, StatusCode::UNAUTHORIZED);
    }
    let elsewhere = raw::exchange_from(NEIGHBOUR, address, &scene.head("sb-wrong"), PING.as_bytes()).await;
    assert_eq!(elsewhere.status(), Some(StatusCode::UNAUTHORIZED), "{}", elsewhere.text);

    let last = guess_until_closed(TcpStream::connect(address).await.unwrap(), &scene.head("sb-wrong")).await;
    assert!(last.starts_with("HTTP/1.1 429 "), "each further guess costs a connection: {last}");
    let refused = metric(&scene, r#"switchboard_rejected_requests_total{reason="too_many_invalid_credentials"}"#).await;
    assert!(refused >= 2, "{refused}");

    until_async("another guess", SOON, async || {
        (guesser.post(PING).await.status == StatusCode::UNAUTHORIZED).then_some(())
    })
    .await;
}

/// Presents an invalid key on one connection, and never asks for its end, until it is closed: the last answer.
async fn guess_until_closed(mut stream: TcpStream, head: &str) -> String {
    let mut answer = String::new();
    let guesses = async {
        let mut chunk = [0; 4096];
        loop {
            stream.write_all(format!("{head}\r\n{PING}").as_bytes()).await.unwrap();
            let read = stream.read(&mut chunk).await.unwrap();
            answer = String::from_utf8_lossy(&chunk[..read]).into_owned();
            if answer.starts_with("HTTP/1.1 429 ") {
                break stream.read_to_end(&mut Vec::new()).await.unwrap();
            }
        }
    };
    timeout(SOON, guesses).await.expect("the end of the connection");
    answer
}

/// Whether a request on this connection is answered, which takes the place that it holds for granted.
async fn is_served(stream: &mut TcpStream, scene: &Scene) -> bool {
    let request = format!("{}\r\n{PING}", scene.head(KEY));
    let mut first = [0; 1024];
    let talk = async {
        stream.write_all(request.as_bytes()).await?;
        stream.read(&mut first).await
    };
    let read = timeout(SOON, talk).await.expect("an answer or the end");
    read.is_ok_and(|read| first[..read].starts_with(b"HTTP/1.1 200 "))
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_one_address_holds_a_part_of_the_connections() {
    raise_descriptors();
    let scene = Scene::of(Script::echo());
    let (address, _) = split(&scene.switchboard.mcp);
    let mut held = Vec::with_capacity(OF_PEER);
    while held.len() < OF_PEER {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Connections are accepted in turn: when the last of some is served, all of them hold their places.
        if held.len() % 256 == 255 {
            assert!(is_served(&mut stream, &scene).await, "connection {}", held.len());
        }
        held.push(stream);
    }
    for _ in 0..3 {
        let mut further = TcpStream::connect(address).await.unwrap();
        assert!(!is_served(&mut further, &scene).await, "one more than {OF_PEER}");
    }
    let closed = metric(&scene, r#"switchboard_closed_connections_total{reason="peer"}"#).await;
    assert_eq!(closed, 3);
    let told = || scene.switchboard.errors().matches("new connections are closed at once").count();
    // What it writes is read by a thread of its own.
    until("it is told", SOON, || (told() > 0).then_some(()));
    assert_eq!(told(), 1, "once, not for each: {}", scene.switchboard.errors());
    assert!(is_served(&mut held[0], &scene).await, "those that are open stay so");
    assert!(
        is_served(&mut raw::connect_from(NEIGHBOUR, address).await.unwrap(), &scene).await,
        "there is room for others"
    );
    drop(held.pop());
    until_async("the place that was given back", SOON, async || {
        is_served(&mut TcpStream::connect(address).await.unwrap(), &scene).await.then_some(())
    })
    .await;
}

/// A shell's usual 1,024 descriptors are too few for this.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}
