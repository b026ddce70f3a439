//! Idle HTTP/1.1 connections to one upstream (R7).
//!
//! A connection goes back by itself when the body of its last response was
//! read to the end: its driver, the task that moves its bytes, notices. It
//! stays until shortly before the upstream would close it, so that no request
//! is written to a connection that is being closed.

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::egress::{Connected, Egress, Stream};

/// More idle connections than these are closed, the oldest first.
const MAX_IDLE: usize = 64;
/// How long a connection is kept if the upstream does not say (R7).
const UNSAID: Duration = Duration::from_secs(4);
/// Kept no longer than this, whatever the upstream says: the middleboxes between do not say.
const LONGEST: Duration = Duration::from_secs(60);
/// How often expired connections are looked for while any is idle.
const SWEEP: Duration = Duration::from_secs(1);
/// The read buffer of a connection: also what a response's head may take (R13).
const READ_BUFFER: usize = 64 * 1024;

/// The idle connections of one upstream, for requests with bodies of this type: by default whole ones.
pub(crate) struct Pool<B = Full<Bytes>> {
    idle: Mutex<IdleList<B>>,
}

struct IdleList<B> {
    /// The newest at the back.
    connections: VecDeque<Idle<B>>,
    /// A sweeper is running.
    swept: bool,
}

struct Idle<B> {
    lease: Lease<B>,
    expires: Instant,
}

/// A connection in use, or ready to be used again.
pub(crate) struct Lease<B = Full<Bytes>> {
    /// Sends the next request.
    pub(crate) sender: SendRequest<B>,
    berth: Arc<Berth<B>>,
}

/// Where a sender waits for the end of its response's body.
struct Berth<B> {
    waiting: Mutex<Option<(SendRequest<B>, Duration)>>,
    pool: Weak<Pool<B>>,
}

/// The task of one connection.
struct Driver<I: AsyncRead + AsyncWrite + Unpin, B: Body + 'static> {
    connection: Connection<TokioIo<I>, B>,
    berth: Arc<Berth<B>>,
}

/// What a request may bear: whole, or as it comes from elsewhere.
pub(crate) trait Load:
    Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send + 'static
{
}

impl<B> Load for B where B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + Send + 'static {}

impl<B> Default for Pool<B> {
    /// None is open.
    fn default() -> Self {
        Self { idle: Mutex::new(IdleList { connections: VecDeque::new(), swept: false }) }
    }
}

impl<B: Load> Pool<B> {
    /// The newest idle connection that is still good. Expired ones are closed on the way.
    pub(crate) fn checkout(&self) -> Option<Lease<B>> {
        let mut idle = self.idle.lock();
        let now = Instant::now();
        while let Some(newest) = idle.connections.pop_back() {
            if newest.expires > now && newest.lease.sender.is_ready() {
                return Some(newest.lease);
            }
        }
        None
    }

    /// Makes a connection of a fresh stream; its driver runs until it is closed, or `egress` refuses its address.
    pub(crate) async fn open(self: &Arc<Self>, connected: Connected, egress: &Egress) -> hyper::Result<Lease<B>> {
        let (lease, driver) = match connected.stream {
            Stream::Plain(io) => self.handshake(io).await?,
            Stream::Tls(io) => self.handshake(*io).await?,
        };
        egress.watch(connected.address, driver);
        Ok(lease)
    }

    /// The same of any stream; the task of the connection can be ended before its time.
    pub(crate) async fn handshake<I>(self: &Arc<Self>, io: I) -> hyper::Result<(Lease<B>, AbortHandle)>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(io)).await?;
        let berth = Arc::new(Berth { waiting: Mutex::new(None), pool: Arc::downgrade(self) });
        let driver = tokio::spawn(Driver { connection, berth: Arc::clone(&berth) });
        Ok((Lease { sender, berth }, driver.abort_handle()))
    }

    fn checkin(self: &Arc<Self>, lease: Lease<B>, lifetime: Duration) {
        let mut idle = self.idle.lock();
        let now = Instant::now();
        if idle.connections.len() >= MAX_IDLE {
            idle.connections.pop_front();
        }
        while idle.connections.front().is_some_and(|oldest| oldest.expires <= now) {
            idle.connections.pop_front();
        }
        idle.connections.push_back(Idle { lease, expires: now + lifetime });
        if !idle.swept {
            idle.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what has expired; whether anything is left.
    fn close_expired(&self) -> bool {
        let mut idle = self.idle.lock();
        let now = Instant::now();
        idle.connections.retain(|idle| idle.expires > now && !idle.lease.sender.is_closed());
        idle.swept = !idle.connections.is_empty();
        idle.swept
    }
}

impl<B: Load> Lease<B> {
    /// Gives the connection back for the time after the body of the response with these headers.
    pub(crate) fn give_back(self, headers: &HeaderMap) {
        let lifetime = lifetime(headers);
        if lifetime.is_zero() {
            return;
        }
        *self.berth.waiting.lock() = Some((self.sender, lifetime));
        // The body may have ended before the sender came: then the driver is not polled again.
        self.berth.settle();
    }
}

impl<B: Load> Berth<B> {
    /// Moves the waiting sender to the pool if its connection is ready for another request.
    fn settle(self: &Arc<Self>) {
        let mut waiting = self.waiting.lock();
        if waiting.as_ref().is_none_or(|(sender, _)| !sender.is_ready()) {
            return;
        }
        let taken = waiting.take();
        drop(waiting);
        if let (Some((sender, lifetime)), Some(pool)) = (taken, self.pool.upgrade()) {
            pool.checkin(Lease { sender, berth: Arc::clone(self) }, lifetime);
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin, B: Load> Future for Driver<I, B> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // How a connection ends is told to the request or body that it carries; an idle one has nobody to tell.
        if Pin::new(&mut self.connection).poll(context).is_ready() {
            // A sender that still waits here would hold nothing but itself.
            self.berth.waiting.lock().take();
            return Poll::Ready(());
        }
        self.berth.settle();
        Poll::Pending
    }
}

async fn sweep<B: Load>(pool: Weak<Pool<B>>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if !pool.upgrade().is_some_and(|pool| pool.close_expired()) {
            return;
        }
    }
}

/// How long a connection may be idle after a response: what `Keep-Alive: timeout=N` says, less a margin for the way.
fn lifetime(headers: &HeaderMap) -> Duration {
    let said = headers.get_all("keep-alive").iter().filter_map(|value| value.to_str().ok()).find_map(|value| {
        value.split(',').find_map(|parameter| {
            let (name, seconds) = parameter.split_once('=')?;
            let seconds = seconds.trim().trim_matches('"').parse::<u32>().ok()?;
            name.trim().eq_ignore_ascii_case("timeout").then(|| Duration::from_secs(u64::from(seconds)))
        })
    });
    said.map_or(UNSAID, |timeout| timeout.saturating_sub((timeout / 2).min(Duration::from_secs(1))).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[test]
    fn r7_a_connection_is_kept_for_less_than_the_upstream_says() {
        let kept = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert("keep-alive", http::HeaderValue::from_static(value));
            }
            lifetime(&headers).as_millis()
        };
        assert_eq!(kept(None), 4000);
        assert_eq!(kept(Some("timeout=5")), 4000);
        assert_eq!(kept(Some("max=100, Timeout=\"30\"")), 29_000);
        assert_eq!(kept(Some("timeout=1")), 500);
        assert_eq!(kept(Some("timeout=0")), 0);
        assert_eq!(kept(Some("timeout=86400")), 60_000);
        assert_eq!(kept(Some("timeout=soon")), 4000);
        assert_eq!(kept(Some("max=5")), 4000);
    }

    /// A server that answers each request it reads with these headers and the body `{}`.
    async fn answering(mut io: tokio::io::DuplexStream, headers: &'static str) {
        let mut buffer = [0; 4096];
        while io.read(&mut buffer).await.is_ok_and(|read| read > 0) {
            io.write_all(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}").as_bytes())
                .await
                .unwrap();
        }
    }

    async fn lease(pool: &Arc<Pool>, headers: &'static str) -> (Lease, tokio::task::JoinHandle<()>) {
        let (ours, theirs) = tokio::io::duplex(4096);
        let server = tokio::spawn(answering(theirs, headers));
        (pool.handshake(ours).await.unwrap().0, server)
    }

    async fn exchange(mut lease: Lease) -> hyper::body::Incoming {
        let request = http::Request::new(Full::new(Bytes::from_static(b"x")));
        let response = lease.sender.send_request(request).await.unwrap();
        lease.give_back(response.headers());
        response.into_body()
    }

    /// Runs what is ready to run; the clock of these tests stands still.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn r7_a_connection_is_idle_from_the_end_of_its_body_to_its_expiry() {
        let pool = Arc::new(Pool::default());
        let (lease, server) = lease(&pool, "keep-alive: timeout=1\r\n").await;
        let body = exchange(lease).await;
        body.collect().await.unwrap();
        settle().await;
        tokio::time::advance(Duration::from_millis(499)).await;
        let again = pool.checkout().expect("it has not expired");
        assert!(pool.checkout().is_none(), "nobody else gets it");
        exchange(again).await.collect().await.unwrap();
        settle().await;
        tokio::time::advance(Duration::from_millis(501)).await;
        assert!(pool.checkout().is_none(), "it has expired");
        server.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn r7_a_connection_whose_body_is_dropped_unread_never_comes_back() {
        let pool = Arc::new(Pool::default());
        let (mut lease, server) = lease(&pool, "content-length: 9\r\nx-cut: ").await;
        let request = http::Request::new(Full::new(Bytes::from_static(b"x")));
        let response = lease.sender.send_request(request).await.unwrap();
        lease.give_back(response.headers());
        settle().await;
        assert!(pool.checkout().is_none(), "its body is not read");
        drop(response);
        server.await.unwrap();
        assert!(pool.checkout().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_is_taken_first_and_the_number_is_bounded() {
        let pool = Arc::new(Pool::default());
        let mut servers = Vec::new();
        for _ in 0..=MAX_IDLE {
            let (lease, server) = lease(&pool, "").await;
            exchange(lease).await.collect().await.unwrap();
            servers.push(server);
        }
        settle().await;
        assert_eq!(pool.idle.lock().connections.len(), MAX_IDLE);
        servers.remove(0).await.unwrap();
        drop(pool.checkout());
        servers.pop().unwrap().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn expired_connections_are_closed_by_themselves() {
        let pool = Arc::new(Pool::default());
        let (lease, server) = lease(&pool, "").await;
        exchange(lease).await.collect().await.unwrap();
        let began = Instant::now();
        server.await.unwrap();
        assert!(began.elapsed() >= UNSAID && began.elapsed() <= UNSAID + 2 * SWEEP, "{:?}", began.elapsed());
        assert!(!pool.idle.lock().swept, "the sweeper has nothing left to do");
    }
}
