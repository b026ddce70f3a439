//! The way to the fleet: HTTP/1.1, over connections that are kept while they
//! are idle and good. There is no other way, and no redirect is followed; what
//! may have arrived is never sent again (R7).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use parking_lot::Mutex;
use rustix::net::sockopt;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::origin::Origin;
use super::trust::Trust;
use crate::egress::{Egress, EgressError, EgressPolicy, Stream};
use crate::upstream::pool::{Lease, Pool};

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is silent before the other machine is asked whether it is there,
const IDLE: Duration = Duration::from_secs(20);
/// how often then,
const PROBE: Duration = Duration::from_secs(5);
/// and how often without an answer before it counts as gone. A stream may say nothing for hours: nobody else would notice.
const PROBES: u32 = 4;
/// The same, in milliseconds, where something was sent and is not acknowledged.
const UNACKNOWLEDGED: u32 = 40_000;

/// The way to one origin.
pub(super) struct Way {
    pub(super) origin: Origin,
    trust: Trust,
    egress: Egress,
    pool: Arc<Pool<Incoming>>,
    connections: Mutex<Connections>,
    /// Connections at once.
    most: usize,
}

#[derive(Default)]
struct Connections {
    /// The tasks of those that are open; some may have ended.
    drivers: Vec<AbortHandle>,
    /// How many are being opened.
    opening: usize,
}

/// Why there is no answer. Nothing that the other side sent is in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum WayError {
    /// Nothing was sent.
    #[error("cannot be reached: {0}")]
    Unreachable(#[from] EgressError),
    /// Nothing was sent.
    #[error("has as many connections of this sidecar as there may be; try again")]
    Full,
    /// It may have been read.
    #[error("has gone in the midst of it: the request may have been carried out, and is not sent again")]
    Broken,
    /// Something else answers there.
    #[error("does not answer in HTTP/1.1")]
    NotHttp,
}

impl Way {
    /// None of its connections is open yet.
    pub(super) fn new(origin: Origin, trust: Trust, most: usize) -> Self {
        // Whoever runs this says where it leads: loopback too.
        let egress = Egress::new(EgressPolicy { allow_loopback: true, ..EgressPolicy::default() });
        Self { origin, trust, egress, pool: Arc::default(), connections: Mutex::default(), most }
    }

    /// Sends a request once, its body as it comes; the head of the answer. A request whose answer nobody waits for any
    /// more is broken off.
    pub(super) async fn send(&self, mut request: Request<Incoming>) -> Result<Response<Incoming>, WayError> {
        while let Some(mut idle) = self.pool.checkout() {
            match idle.sender.try_send_request(request).await {
                Ok(response) => return Ok(done(idle, response)),
                // No byte of it was written, nor read of its body: the connection closed before.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broke(&failed.into_error())),
                },
            }
        }
        let mut fresh = timeout(CONNECT, self.connect()).await.unwrap_or(Err(EgressError::Timeout.into()))?;
        match fresh.sender.try_send_request(request).await {
            Ok(response) => Ok(done(fresh, response)),
            Err(failed) => Err(broke(&failed.into_error())),
        }
    }

    async fn connect(&self) -> Result<Lease<Incoming>, WayError> {
        let place = self.reserve()?;
        let Origin { tls, host, port, .. } = &self.origin;
        let tcp = match self.egress.connect(host, *port, false, CONNECT).await?.stream {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(_) => return Err(EgressError::Name.into()),
        };
        // Best effort: without it a machine that is gone is noticed later.
        let _ = notice_silence(&tcp);
        let opened = if *tls {
            let name = ServerName::try_from(host.clone()).map_err(|_| EgressError::Name)?;
            let connector = self.trust.connector().await?;
            self.pool.handshake(connector.connect(name, tcp).await.map_err(EgressError::Tls)?).await
        } else {
            self.pool.handshake(tcp).await
        };
        let (lease, driver) = opened.map_err(|error| broke(&error))?;
        place.opened(driver);
        Ok(lease)
    }

    /// A place for one more connection while it is being opened, if there may be one.
    fn reserve(&self) -> Result<Place<'_>, WayError> {
        let mut connections = self.connections.lock();
        let Connections { drivers, opening } = &mut *connections;
        if drivers.len() + *opening >= self.most || drivers.len() == drivers.capacity() {
            drivers.retain(|driver| !driver.is_finished());
        }
        if drivers.len() + *opening >= self.most {
            return Err(WayError::Full);
        }
        *opening += 1;
        Ok(Place { way: self, driver: None })
    }
}

/// A connection that is being opened.
struct Place<'w> {
    way: &'w Way,
    /// Its task, once it is open.
    driver: Option<AbortHandle>,
}

impl Place<'_> {
    fn opened(mut self, driver: AbortHandle) {
        self.driver = Some(driver);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut connections = self.way.connections.lock();
        connections.opening -= 1;
        connections.drivers.extend(self.driver.take());
    }
}

fn done(lease: Lease<Incoming>, response: Response<Incoming>) -> Response<Incoming> {
    lease.give_back(response.headers());
    response
}

/// The failure of a connection. What hyper says of a parse error may quote the other side, so only its class is told.
fn broke(error: &hyper::Error) -> WayError {
    if error.is_parse() { WayError::NotHttp } else { WayError::Broken }
}

/// Has the kernel find out when the other machine is gone without a word.
fn notice_silence(tcp: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, IDLE)?;
    sockopt::set_tcp_keepintvl(tcp, PROBE)?;
    sockopt::set_tcp_keepcnt(tcp, PROBES)?;
    sockopt::set_tcp_user_timeout(tcp, UNACKNOWLEDGED)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn way(most: usize) -> Way {
        Way::new("http://127.0.0.1:1".parse().unwrap(), Trust::load(None).unwrap(), most)
    }

    #[tokio::test]
    async fn r13_there_are_no_more_connections_than_there_may_be() {
        let way = way(2);
        let open = [(); 2].map(|()| tokio::spawn(std::future::pending::<()>()));
        for task in &open {
            way.reserve().unwrap().opened(task.abort_handle());
        }
        assert!(matches!(way.reserve(), Err(WayError::Full)));
        let [one, _] = open;
        one.abort();
        assert!(one.await.unwrap_err().is_cancelled());
        let opening = way.reserve();
        assert!(opening.is_ok(), "one has ended");
        assert!(matches!(way.reserve(), Err(WayError::Full)), "one that is being opened counts");
        drop(opening);
        assert!(way.reserve().is_ok(), "that came to nothing");
    }

    #[tokio::test]
    async fn a_machine_that_is_gone_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        notice_silence(&tcp).unwrap();
        assert!(sockopt::socket_keepalive(&tcp).unwrap());
        let within = sockopt::tcp_keepidle(&tcp).unwrap()
            + sockopt::tcp_keepintvl(&tcp).unwrap() * sockopt::tcp_keepcnt(&tcp).unwrap();
        assert_eq!(within, Duration::from_millis(sockopt::tcp_user_timeout(&tcp).unwrap().into()));
    }
}
