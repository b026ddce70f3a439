//! Listeners: connections in, requests to a handler, an end that finishes
//! what it began.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::body::Body;
use crate::connections::{Connections, Seldom};
use crate::drain::Drain;
use crate::peer::Peer;
use crate::steady::Steady;

mod going_on;

pub use going_on::GoesOn;

use going_on::Place;

/// How long a connection may take to send a request's head, waiting for it included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// What hyper buffers of a head; beyond it the connection is answered 431 and closed without our body.
const MAX_HEAD_BUFFER: usize = 256 * 1024;
/// How long a client may take none of what it is sent.
const STALL: Duration = Duration::from_secs(60);
/// How long a client of a TLS port may take to introduce itself.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection that was taken last may take to bring its request, when the port closes.
const LAST: Duration = Duration::from_millis(100);

/// Serves until the drain closes, then lets requests under way finish, for the time that it gives. With `tls`, nothing is
/// answered before that is settled.
pub async fn serve<H, F>(
    listener: TcpListener,
    connections: Arc<Connections>,
    handler: H,
    drain: Arc<Drain>,
    tls: Option<TlsAcceptor>,
) where
    H: Fn(Request<Incoming>, Peer, GoesOn) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let mut failed = Seldom::default();
    let begin = |stream: TcpStream, address: SocketAddr| {
        // Without it a small reply may wait for the client's acknowledgement of the last one.
        let _ = stream.set_nodelay(true);
        // Nothing is waited for: whoever is over a limit must not stand before others in the kernel's queue.
        let peer = Peer::from(address.ip());
        let Some(place) = connections.enter(peer) else { return };
        let (watcher, handler, drain, tls) = (graceful.watcher(), handler.clone(), drain.clone(), tls.clone());
        tokio::spawn(async move {
            // How a client leaves is its own affair; the request that it broke off was told already.
            match tls {
                None => drop(watcher.watch(converse(stream, peer, handler, drain)).await),
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                        drop(watcher.watch(converse(stream, peer, handler, drain)).await);
                    }
                }
            }
            drop(place);
        });
    };
    let until = loop {
        tokio::select! {
            accepted = accept(&listener, &mut failed) => {
                if let Some((stream, address)) = accepted {
                    begin(stream, address);
                }
            }
            until = drain.closed() => break until,
        }
    };
    // To its client, what waits in the kernel's queue is a connection: closed there, its request would be lost.
    waiting(listener).for_each(|(stream, address)| begin(stream, address));
    if graceful.count() > 0 {
        tokio::time::sleep(LAST).await;
    }
    let _ = timeout_at(until, graceful.shutdown()).await;
}

/// The connections that wait to be accepted, and the end of their listener.
fn waiting(listener: TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    let listener = listener.into_std().ok();
    std::iter::from_fn(move || listener.as_ref()?.accept().ok()).filter_map(|(stream, address)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, address))
    })
}

/// The requests of one connection, each to the handler.
fn converse<S, H, F>(
    stream: S,
    peer: Peer,
    handler: H,
    drain: Arc<Drain>,
) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>, Peer, GoesOn) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let place = Place::default();
    let service = service_fn(move |request| {
        let (response, drain) = (place.begin(|goes_on| handler(request, peer, goes_on)), drain.clone());
        async move {
            let mut response = response.await?;
            if drain.is_leaving() {
                // So that the next request of this client goes elsewhere, and none meets a connection that is being closed.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BUFFER)
        .serve_connection(TokioIo::new(Steady::new(stream, STALL)), service)
}

async fn accept(listener: &TcpListener, failed: &mut Seldom) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        // Its client left before its turn: nothing that others would have to wait for.
        Err(error) if is_of_one(&error) => None,
        Err(error) => {
            if failed.is_due(Instant::now()) {
                tracing::warn!("connections cannot be accepted: {error}");
            }
            // Out of file descriptors, most likely: give others time to close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// Whether an error of accepting is one connection's, not the listener's.
fn is_of_one(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
