//! A proxy that adds one header to each request and changes nothing else: the suite has no option for headers, and a
//! gateway with keys wants one. Bodies pass as they come, and a client that goes away takes its request along.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A running shim. Dropped, it has ended, with all of its connections.
pub(crate) struct Shim {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What it does to each request.
struct Forward {
    to: SocketAddr,
    header: (HeaderName, HeaderValue),
}

impl Shim {
    /// Starts before the server at `to`.
    pub(crate) fn start(to: SocketAddr, (name, value): (&str, &str)) -> Self {
        let forward = Arc::new(Forward { to, header: (name.parse().unwrap(), value.parse().unwrap()) });
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
        Self { address: told.recv().unwrap(), end: Some(end), thread: Some(thread) }
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

    async fn send(&self, mut request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Failure> {
        let (name, value) = self.header.clone();
        drop_of_connection(request.headers_mut());
        request.headers_mut().insert(name, value);
        let stream = TcpStream::connect(self.to).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut response = sender.send_request(request).await?;
        drop_of_connection(response.headers_mut());
        Ok(response.map(BodyExt::boxed))
    }
}

/// Each side of the shim frames bodies and keeps connections for itself.
fn drop_of_connection(headers: &mut HeaderMap) {
    for name in [CONNECTION, TRANSFER_ENCODING, HeaderName::from_static("keep-alive")] {
        headers.remove(name);
    }
}
