//! Listeners: connections in, requests to a handler, an end that finishes
//! what it began.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::body::Body;
use crate::connections::{Connections, Seldom};
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
/// How long requests under way may go on after the end was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stop` turns true, then lets requests under way finish, for a time.
pub async fn serve<H, F>(
    listener: TcpListener,
    connections: Arc<Connections>,
    handler: H,
    mut stop: watch::Receiver<bool>,
) where
    H: Fn(Request<Incoming>, Peer, GoesOn) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let mut failed = Seldom::default();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &mut failed) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, address)) = accepted else { continue };
        // Nothing is waited for: whoever is over a limit must not stand before others in the kernel's queue.
        let peer = Peer::from(address.ip());
        let Some(place) = connections.enter(peer) else { continue };
        let connection = graceful.watch(converse(stream, peer, handler.clone()));
        tokio::spawn(async move {
            // How a client leaves is its own affair; the request that it broke off was told already.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// The requests of one connection, each to the handler.
fn converse<S, H, F>(stream: S, peer: Peer, handler: H) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(Request<Incoming>, Peer, GoesOn) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let place = Place::default();
    let service = service_fn(move |request| place.begin(|goes_on| handler(request, peer, goes_on)));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BUFFER)
        .serve_connection(TokioIo::new(Steady::new(stream, STALL)), service)
}

async fn accept(listener: &TcpListener, failed: &mut Seldom) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok((stream, address)) => {
            // Without it a small reply may wait for the client's acknowledgement of the last one.
            let _ = stream.set_nodelay(true);
            Some((stream, address))
        }
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
