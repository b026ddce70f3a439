//! One pod, asked again and again. A question waits at the pod until it has
//! something new to say, so that a hundred pods cost next to nothing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Report;

/// What comes of asking a pod.
pub(super) enum Answer {
    /// What it has in force.
    Report(Report),
    /// It cannot be asked.
    Silent,
    /// How servers are for it.
    Servers(Vec<ServerState>),
}

/// A server, as `/status` tells of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ServerState {
    /// `namespace/name`.
    pub(super) name: String,
    /// `ready`, `discovering`, `per_caller`, `off`, or how it fails.
    pub(super) state: String,
    /// Why, in words; of a server whose credential has not arrived they begin with that.
    pub(super) detail: Option<String>,
    pub(super) protocol: Option<String>,
    #[serde(default)]
    pub(super) tools: u32,
}

#[derive(Deserialize)]
struct Status {
    servers: Vec<ServerState>,
}

/// How long a question may wait at the pod, in seconds.
const WAIT: u64 = 20;
/// How much longer its answer is waited for, and how long any other.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two questions that are answered at once.
const BREATH: Duration = Duration::from_millis(20);
/// After the first failure; doubled with each.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Between two looks at how servers are.
const HEALTH: Duration = Duration::from_secs(20);
/// The largest answers, in bytes.
const LARGEST_REPORT: usize = 64 << 10;
const LARGEST_STATUS: usize = 16 << 20;

/// Asks until it is aborted, or nobody listens.
pub(super) async fn ask(address: SocketAddr, token: Arc<str>, uid: String, answers: mpsc::Sender<(String, Answer)>) {
    tokio::select! {
        () = revisions(address, &token, &uid, &answers) => {}
        () = servers(address, &token, &uid, &answers) => {}
    }
}

async fn revisions(address: SocketAddr, token: &str, uid: &str, answers: &mpsc::Sender<(String, Answer)>) {
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(mut connection) = Connection::open(address, token).await {
            let mut known: Option<u64> = None;
            loop {
                let (path, patience) = match known {
                    Some(revision) => {
                        (format!("/revision?not={revision}&wait={WAIT}"), Duration::from_secs(WAIT) + PATIENCE)
                    }
                    None => ("/revision".to_owned(), PATIENCE),
                };
                let asked = Instant::now();
                let answer: Option<Report> = connection.get(&path, patience, LARGEST_REPORT).await;
                let Some(report) = answer else { break };
                let same = known == Some(report.revision);
                known = Some(report.revision);
                pause = FIRST_PAUSE;
                if answers.send((uid.to_owned(), Answer::Report(report))).await.is_err() {
                    return;
                }
                // One that does not wait, though there is nothing new, is not asked faster for that.
                sleep_until(asked + if same { Duration::from_secs(1) } else { BREATH }).await;
            }
        }
        if answers.send((uid.to_owned(), Answer::Silent)).await.is_err() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn servers(address: SocketAddr, token: &str, uid: &str, answers: &mpsc::Sender<(String, Answer)>) {
    loop {
        if let Some(mut connection) = Connection::open(address, token).await
            && let Some(Status { servers }) = connection.get("/status", PATIENCE, LARGEST_STATUS).await
            && answers.send((uid.to_owned(), Answer::Servers(servers))).await.is_err()
        {
            return;
        }
        sleep(HEALTH).await;
    }
}

/// A connection to the admin port of a pod.
struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: HeaderValue,
    authorization: HeaderValue,
}

impl Connection {
    async fn open(address: SocketAddr, token: &str) -> Option<Self> {
        let host = HeaderValue::from_str(&address.to_string()).ok()?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        authorization.set_sensitive(true);
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.ok()?.ok()?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        // It ends with its sender.
        tokio::spawn(connection);
        Some(Self { sender, host, authorization })
    }

    /// The answer, if there is one in time and of the right form.
    async fn get<T: DeserializeOwned>(&mut self, path: &str, patience: Duration, most: usize) -> Option<T> {
        let request = Request::get(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.authorization)
            .body(Empty::new())
            .ok()?;
        let exchange = async {
            self.sender.ready().await.ok()?;
            let response = self.sender.send_request(request).await.ok()?;
            if response.status() != StatusCode::OK {
                return None;
            }
            let body = Limited::new(response.into_body(), most).collect().await.ok()?;
            serde_json::from_slice(&body.to_bytes()).ok()
        };
        timeout(patience, exchange).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests;
