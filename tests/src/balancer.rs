//! A balancer as unkind as one may be: every single request goes to the next
//! process, over a connection of its own, whatever session it is of. It passes
//! by a process that is not ready, or that refuses a connection, and never sends
//! a request again once it has a connection for it. Bodies pass as they come.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How often each process is asked whether it is ready.
const ASK: Duration = Duration::from_millis(50);
/// How long an answer to that, or a connection, may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// What counts for one connection only (RFC 9110, 7.6.1).
const OF_A_CONNECTION: [HeaderName; 6] =
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];

/// One of the processes.
#[derive(Clone, Copy, Debug)]
pub struct Backend {
    /// Where it serves `/mcp`.
    pub mcp: SocketAddr,
    /// Where it serves `/readyz`.
    pub admin: SocketAddr,
}

/// A running balancer. Dropped, it has ended, with all of its connections.
pub struct Balancer {
    /// `http://127.0.0.1:PORT/mcp`
    pub url: String,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Balancer {
    /// Starts before these processes, which may come and go: it finds those that are ready.
    pub fn start(backends: Vec<Backend>) -> Self {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let round = Arc::new(Round::new(backends));
                for place in 0..round.processes.len() {
                    round.ask(place).await;
                    tokio::spawn(keep_asking(round.clone(), place));
                }
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = accept(listener, round) => {}
                    _ = ended => {}
                }
            });
        });
        let address = told.recv().unwrap();
        Self { url: format!("http://{address}/mcp"), end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its own was printed where it happened.
            let _ = thread.join();
        }
    }
}

/// Whose turn it is.
struct Round {
    processes: Vec<Process>,
    turn: AtomicUsize,
}

struct Process {
    backend: Backend,
    is_ready: AtomicBool,
}

impl Round {
    fn new(backends: Vec<Backend>) -> Self {
        let process = |backend| Process { backend, is_ready: AtomicBool::new(false) };
        Self { processes: backends.into_iter().map(process).collect(), turn: AtomicUsize::new(0) }
    }

    async fn ask(&self, place: usize) {
        let process = &self.processes[place];
        let is_ready = timeout(PATIENCE, is_ready(process.backend.admin)).await.is_ok_and(|ready| ready);
        process.is_ready.store(is_ready, Ordering::Relaxed);
    }

    /// A connection to the next process that is ready and takes one.
    async fn connect(&self) -> Option<TcpStream> {
        for _ in 0..self.processes.len() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let process = &self.processes[turn % self.processes.len()];
            if !process.is_ready.load(Ordering::Relaxed) {
                continue;
            }
            if let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(process.backend.mcp)).await {
                let _ = stream.set_nodelay(true);
                return Some(stream);
            }
        }
        None
    }
}

async fn keep_asking(round: Arc<Round>, place: usize) {
    loop {
        sleep(ASK).await;
        round.ask(place).await;
    }
}

async fn is_ready(admin: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(admin).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map(|_| answer.starts_with(b"HTTP/1.1 200 "))
    };
    asked.await.unwrap_or(false)
}

async fn accept(listener: TcpListener, round: Arc<Round>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let round = round.clone();
        let service = service_fn(move |request| {
            let round = round.clone();
            async move { Ok::<_, Infallible>(forward(&round, request).await) }
        });
        tokio::spawn(Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn forward(round: &Round, mut request: Request<Incoming>) -> Response<BoxBody<Bytes, hyper::Error>> {
    let Some(stream) = round.connect().await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "no process is ready and takes connections\n");
    };
    drop_of_connection(request.headers_mut());
    let sent = async {
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with its one request, or with the client that asked: what is dropped unread closes it.
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    match sent.await {
        Ok(mut response) => {
            drop_of_connection(response.headers_mut());
            response.map(BodyExt::boxed)
        }
        Err(error) => refuse(StatusCode::BAD_GATEWAY, &format!("the process broke the request off: {error}\n")),
    }
}

fn drop_of_connection(headers: &mut HeaderMap) {
    for name in OF_A_CONNECTION {
        headers.remove(name);
    }
}

fn refuse(status: StatusCode, text: &str) -> Response<BoxBody<Bytes, hyper::Error>> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes())).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::wait::until_async;

    /// A process: its name as the answer to every POST, and to /readyz what `ready` says.
    struct Fake {
        backend: Backend,
        ready: Arc<AtomicBool>,
        requests: Arc<AtomicUsize>,
        tasks: Vec<tokio::task::JoinHandle<()>>,
    }

    /// What a fake does with a connection that asks for something.
    #[derive(Clone, Copy)]
    enum Does {
        Answer,
        BreakOff,
    }

    async fn fake(name: &'static str, does: Does) -> Fake {
        let (ready, requests) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (mcp, admin) = (listener().await, listener().await);
        let backend = Backend { mcp: mcp.local_addr().unwrap(), admin: admin.local_addr().unwrap() };
        let is_ready = ready.clone();
        let of_admin = serve_each(admin, move || {
            let status = if is_ready.load(Ordering::Relaxed) { "200 OK" } else { "503 Service Unavailable" };
            Some(format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"))
        });
        let count = requests.clone();
        let of_mcp = serve_each(mcp, move || {
            count.fetch_add(1, Ordering::Relaxed);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
            matches!(does, Does::Answer).then_some(answer)
        });
        Fake { backend, ready, requests, tasks: vec![tokio::spawn(of_admin), tokio::spawn(of_mcp)] }
    }

    async fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    async fn serve_each(listener: TcpListener, answer: impl Fn() -> Option<String>) {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            if let Some(answer) = answer() {
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    }

    async fn ask(client: &mut Client) -> (u16, String) {
        let answer = client.post("{}").await;
        (answer.status.as_u16(), String::from_utf8(answer.body.to_vec()).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn each_request_goes_to_the_next_process_that_is_ready_and_there() {
        let (one, two, three) =
            (fake("one", Does::Answer).await, fake("two", Does::Answer).await, fake("three", Does::Answer).await);
        let balancer = Balancer::start(vec![one.backend, two.backend, three.backend]);
        let mut client = Client::new(&balancer.url);
        for name in ["one", "two", "three", "one"] {
            assert_eq!(ask(&mut client).await, (200, name.to_owned()));
        }
        two.ready.store(false, Ordering::Relaxed);
        for task in &three.tasks {
            task.abort();
        }
        until_async("two and three are passed by", Duration::from_secs(10), async || {
            let before = two.requests.load(Ordering::Relaxed);
            for _ in 0..6 {
                ask(&mut client).await;
            }
            (two.requests.load(Ordering::Relaxed) == before).then_some(())
        })
        .await;
        for _ in 0..6 {
            assert_eq!(ask(&mut client).await, (200, "one".to_owned()));
        }
        two.ready.store(true, Ordering::Relaxed);
        until_async("two is asked again", Duration::from_secs(10), async || {
            (ask(&mut client).await.1 == "two").then_some(())
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_request_that_was_broken_off_is_not_sent_again() {
        let (bad, good) = (fake("bad", Does::BreakOff).await, fake("good", Does::Answer).await);
        let balancer = Balancer::start(vec![bad.backend, good.backend]);
        let mut client = Client::new(&balancer.url);
        assert_eq!(ask(&mut client).await.0, 502);
        assert_eq!((bad.requests.load(Ordering::Relaxed), good.requests.load(Ordering::Relaxed)), (1, 0));
    }
}
