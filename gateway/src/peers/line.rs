//! The way to one other process: HTTP/1.1 over connections that both sides
//! verified, kept while they are idle. What may have arrived is never sent
//! again (R7).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::Boot;
use super::authority::NAME;
use crate::connections::Seldom;
use crate::upstream::pool::{Lease, Pool};

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(1);
/// After so many questions without an answer, what is still open to a process is given up: its machine may be gone, and
/// TCP itself waits for ever.
const PATIENCE: u32 = 5;
/// Room for connections to come before those that have ended are forgotten.
const ROOM: usize = 16;

/// The way to one address, and what is known of the process there.
pub(super) struct Line {
    /// Where it leads.
    pub(super) address: SocketAddr,
    tls: TlsConnector,
    pool: Arc<Pool>,
    /// The tasks of its connections; some may have ended.
    drivers: Mutex<Vec<AbortHandle>>,
    seen: Mutex<Seen>,
    told: Mutex<Seldom>,
}

/// What is known of the process at an address.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// Its boot id, when it last answered.
    pub(super) boot: Option<Boot>,
    /// Whether it answered when it was last asked.
    pub(super) is_reachable: bool,
    /// When it last answered, or was first heard of.
    since: Option<Instant>,
    /// How often it has not answered since.
    silent: u32,
    /// Something was to be told to it and may not have arrived.
    is_behind: bool,
    /// The boot id of the process that said that it ends.
    left: Option<Boot>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SendError {
    /// Nothing was sent: no connection.
    Unreachable,
    /// The connection broke, and the request may have been read.
    Broken,
}

impl Line {
    pub(super) fn new(address: SocketAddr, tls: TlsConnector) -> Self {
        let seen = Seen { since: Some(Instant::now()), ..Seen::default() };
        let (drivers, told) = (Mutex::default(), Mutex::default());
        Self { address, tls, pool: Arc::default(), drivers, seen: Mutex::new(seen), told }
    }

    /// Sends a request once; the head of the answer. A request whose answer nobody waits for any more is broken off.
    pub(super) async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        while let Some(mut idle) = self.pool.checkout() {
            match idle.sender.try_send_request(request).await {
                Ok(response) => return Ok(done(idle, response)),
                // No byte of it was written: the connection closed before.
                Err(mut failed) => request = failed.take_message().ok_or(SendError::Broken)?,
            }
        }
        let mut fresh = timeout(CONNECT, self.connect()).await.ok().flatten().ok_or(SendError::Unreachable)?;
        match fresh.sender.try_send_request(request).await {
            Ok(response) => Ok(done(fresh, response)),
            Err(_) => Err(SendError::Broken),
        }
    }

    async fn connect(&self) -> Option<Lease> {
        let tcp = TcpStream::connect(self.address).await.ok()?;
        // Best effort: a socket without it is slower, not wrong.
        let _ = tcp.set_nodelay(true);
        let name = ServerName::try_from(NAME).ok()?;
        let stream = match self.tls.connect(name, tcp).await {
            Ok(stream) => stream,
            Err(error) => {
                if self.told.lock().is_due(std::time::Instant::now()) {
                    tracing::warn!("{} is no peer of this process: {error}", self.address);
                }
                return None;
            }
        };
        let (lease, driver) = self.pool.handshake(stream).await.ok()?;
        let mut drivers = self.drivers.lock();
        if drivers.len() == drivers.capacity() {
            drivers.retain(|driver| !driver.is_finished());
            let room = drivers.len() + ROOM;
            drivers.reserve(room);
        }
        drivers.push(driver);
        Some(lease)
    }

    /// What is known of the process there.
    pub(super) fn seen(&self) -> Seen {
        *self.seen.lock()
    }

    /// It answered, as this process.
    pub(super) fn answered(&self, boot: Boot) {
        let mut seen = self.seen.lock();
        *seen = Seen { boot: Some(boot), is_reachable: true, since: Some(Instant::now()), silent: 0, ..*seen };
    }

    /// It said who it is. Whether it can be reached is seen when it is asked.
    pub(super) fn introduced(&self, boot: Boot) {
        let mut seen = self.seen.lock();
        *seen = Seen { boot: Some(boot), since: Some(Instant::now()), ..*seen };
    }

    /// It did not answer.
    pub(super) fn was_silent(&self) {
        let silent = {
            let mut seen = self.seen.lock();
            seen.is_reachable = false;
            seen.silent = seen.silent.saturating_add(1);
            seen.silent
        };
        if silent >= PATIENCE {
            self.drivers.lock().drain(..).for_each(|driver| driver.abort());
        }
    }

    /// What it was told may not have arrived.
    pub(super) fn fell_behind(&self) {
        self.seen.lock().is_behind = true;
    }

    /// Whether it has to be told everything, which is then taken as done.
    pub(super) fn catch_up(&self) -> bool {
        std::mem::take(&mut self.seen.lock().is_behind)
    }

    /// The process said that it ends.
    pub(super) fn leaves(&self, boot: Boot) {
        self.seen.lock().left = Some(boot);
    }
}

impl Seen {
    /// Whether this process said that it ends.
    pub(super) fn has_left(&self, boot: Boot) -> bool {
        self.left == Some(boot)
    }

    /// Whether it has not answered for this long.
    pub(super) fn is_lost(&self, long: Duration) -> bool {
        !self.is_reachable && self.since.is_none_or(|since| since.elapsed() >= long)
    }
}

fn done(lease: Lease, response: Response<Incoming>) -> Response<Incoming> {
    lease.give_back(response.headers());
    response
}
