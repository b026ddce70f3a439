//! A proxy that adds a header to each request and changes nothing else: the suite has no option for headers, and a
//! gateway with keys wants one. It also notes how answers fail, which the suite does not tell. Bodies pass as they come, and
//! a client that goes away takes its request along.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

type BrokenOff = Box<dyn std::error::Error + Send + Sync>;

/// A running shim. Dropped, it has ended, with all of its connections.
pub(crate) struct Shim {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An answer that the client cannot have wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    /// When it was seen.
    pub(crate) at: SystemTime,
    /// Whether it was a 404: a session is not known, or what it needs is gone. Else it broke off after a process had accepted
    /// the request, before the answer or within it.
    pub(crate) is_lost: bool,
}

#[derive(Default)]
struct Seen(Mutex<Vec<Failure>>);

/// What it does to each request.
struct Forward {
    to: SocketAddr,
    header: Option<(HeaderName, HeaderValue)>,
    seen: Arc<Seen>,
}

impl Shim {
    /// Starts before the server at `to`.
    pub(crate) fn start(to: SocketAddr, header: Option<(&str, &str)>) -> Self {
        let header = header.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let seen = Arc::new(Seen::default());
        let forward = Arc::new(Forward { to, header, seen: seen.clone() });
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = forward.accept(listener) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), seen, end: Some(end), thread: Some(thread) }
    }

    /// The failures since it was asked last.
    pub(crate) fn take_failures(&self) -> Vec<Failure> {
        std::mem::take(&mut self.seen.0.lock().unwrap())
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its own was printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Forward {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let forward = self.clone();
            let service = service_fn(move |request| {
                let forward = forward.clone();
                // What fails behind it breaks the connection off, so that it cannot be taken for an answer.
                async move { forward.send(request).await }
            });
            tokio::spawn(Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }

    async fn send(&self, mut request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, hyper::Error>>, BrokenOff> {
        drop_of_connection(request.headers_mut());
        request.headers_mut().extend(self.header.clone());
        let stream = TcpStream::connect(self.to).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut response = sender.send_request(request).await?;
        drop_of_connection(response.headers_mut());
        match response.status() {
            StatusCode::NOT_FOUND => self.seen.note(true),
            // The balancer's own: a request that it had sent was broken off.
            StatusCode::BAD_GATEWAY => self.seen.note(false),
            _ => {}
        }
        let seen = self.seen.clone();
        let noted = move |error| {
            seen.note(false);
            error
        };
        Ok(response.map(|body| body.map_err(noted).boxed()))
    }
}

impl Seen {
    fn note(&self, is_lost: bool) {
        self.0.lock().unwrap().push(Failure { at: SystemTime::now(), is_lost });
    }
}

/// Each side of the shim frames bodies and keeps connections for itself.
fn drop_of_connection(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING, HeaderName::from_static("keep-alive")] {
        headers.remove(name);
    }
}
