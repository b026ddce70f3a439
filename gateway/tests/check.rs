//! `check` tells a gateway from what else may answer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails in a test has to be seen, in its helpers too")]

use std::time::Duration;

use gateway::check::{CheckError, check};
use gateway::node;
use gateway::run::{Event, Options, run};
use http::StatusCode;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(20);
/// One try and no more.
const ONCE: Duration = Duration::ZERO;

const ANONYMOUS: &str = "apiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata: {name: all}\n\
    spec: {subject: {type: Anonymous}, grants: {}}\n";

/// A gateway with this manifest: its address, and what keeps it.
async fn gateway(manifest: &str) -> (String, (TempDir, watch::Sender<bool>, mpsc::Receiver<Event>)) {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("manifests");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("all.yaml"), manifest).unwrap();
    let node = node::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        admin: ([127, 0, 0, 1], 0).into(),
        peers: None,
        cache: folder.path().join("cache"),
        scratch: folder.path().join("scratch"),
        binary: "switchboard".into(),
        environment: Vec::new(),
        client_side_auth_header: None,
    };
    let options = Options { directory, state: folder.path().join("state"), node };
    let (sender, mut events) = mpsc::channel(64);
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move { run(options, sender, stopping).await.unwrap() });
    let Some(Event::Listening { mcp, .. }) = timeout(SOON, events.recv()).await.unwrap() else {
        panic!("the first event says where it listens")
    };
    (mcp, (folder, stop, events))
}

/// What answers every request with these bytes: its address.
async fn stranger(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    format!("http://{address}/mcp")
}

#[tokio::test]
async fn a_gateway_is_known_by_wanting_a_key_or_by_its_answer() {
    let (wants_a_key, _keep) = gateway("").await;
    assert_eq!(check(&wants_a_key, SOON).await.unwrap(), StatusCode::UNAUTHORIZED);
    let (open, _keep) = gateway(ANONYMOUS).await;
    assert_eq!(check(&open, SOON).await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn what_else_answers_is_no_gateway() {
    for answer in [
        "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
    ] {
        let error = check(&stranger(answer).await, ONCE).await.unwrap_err();
        assert!(matches!(error, CheckError::Foreign(_)), "{answer}: {error}");
    }
    let error = check(&stranger("220 mail ready\r\n").await, ONCE).await.unwrap_err();
    assert!(matches!(error, CheckError::Http(_)), "{error}");
}

#[tokio::test]
async fn nobody_and_nonsense_are_said_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = check(&format!("http://{address}/mcp"), ONCE).await.unwrap_err();
    assert!(matches!(error, CheckError::Connect(_)), "{error}");
    for nonsense in ["", "localhost", "ftp://localhost/mcp", "/mcp"] {
        assert!(matches!(check(nonsense, SOON).await, Err(CheckError::Url)), "{nonsense}");
    }
}
