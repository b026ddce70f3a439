//! Listeners: connections in, requests to a handler, an end that finishes
//! what it began.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::body::Body;
use crate::connections::{Connections, Seldom};
use crate::drain::Drain;
use crate::peer::Peer;
use crate::steady::Steady;

mod going_on;
mod http1;
mod http2;
mod version;

pub use going_on::GoesOn;
pub use version::{HTTP1, HTTP2};

use version::Version;

/// How long a connection may take to send a request's head, waiting for it included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a client may take none of what it is sent.
const STALL: Duration = Duration::from_secs(60);
/// How long a client of a TLS port may take to introduce itself.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long a connection that was taken last may take to bring its request, when the port closes.
const LAST: Duration = Duration::from_millis(100);

/// Serves until the drain closes, then lets requests under way finish, for the time that it gives. With `tls`, nothing is
/// answered before that is settled, and it settles the version of HTTP too; without, the client's first bytes do.
pub async fn serve<H, F>(
    listener: TcpListener,
    connections: Arc<Connections>,
    handler: H,
    drain: Arc<Drain>,
    tls: Option<TlsAcceptor>,
) where
    H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let end = watch::Sender::new(false);
    let mut failed = Seldom::default();
    let begin = |stream: TcpStream, address: SocketAddr| {
        // Without it a small reply may wait for the client's acknowledgement of the last one.
        let _ = stream.set_nodelay(true);
        // Nothing is waited for: whoever is over a limit must not stand before others in the kernel's queue.
        let address = address.ip();
        let Some(place) = connections.enter(Peer::from(address)) else { return };
        let conversation =
            Conversation { address, handler: handler.clone(), drain: drain.clone(), end: end.subscribe() };
        let tls = tls.clone();
        tokio::spawn(async move {
            // How a client leaves is its own affair; the request that it broke off was told already.
            conversation.begin(stream, tls).await;
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
    if end.receiver_count() > 0 {
        tokio::time::sleep(LAST).await;
    }
    end.send_replace(true);
    let _ = timeout_at(until, end.closed()).await;
}

/// The connections that wait to be accepted, and the end of their listener.
fn waiting(listener: TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    let listener = listener.into_std().ok();
    std::iter::from_fn(move || listener.as_ref()?.accept().ok()).filter_map(|(stream, address)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, address))
    })
}

/// One connection: who is at its other end, and who answers.
struct Conversation<H> {
    address: IpAddr,
    handler: H,
    drain: Arc<Drain>,
    /// Turns true when what is not answered by then is not begun any more.
    end: watch::Receiver<bool>,
}

impl<H, F> Conversation<H>
where
    H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// Finds out what the client speaks, and answers it.
    async fn begin(mut self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        match tls {
            None => {
                let Some(version) = Version::of_clear_text(&stream, &mut self.end).await else { return };
                self.run(version, Steady::new(stream, STALL)).await;
            }
            // Not part of what a connection in clear text takes in memory.
            Some(tls) => Box::pin(self.over_tls(stream, tls)).await,
        }
    }

    async fn over_tls(self, stream: TcpStream, tls: TlsAcceptor) {
        let accepted = timeout(HANDSHAKE, tls.accept(Steady::new(stream, STALL))).await;
        let Ok(Ok(stream)) = accepted else { return };
        let version = Version::agreed(stream.get_ref().1.alpn_protocol());
        self.run(version, stream).await;
    }

    /// Answers requests until one side has enough.
    async fn run<S>(self, version: Version, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match version {
            Version::Http1 => self.http1(stream).await,
            // Nor of what one of HTTP/1.1 does.
            Version::Http2 => Box::pin(self.http2(stream)).await,
        }
    }
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
