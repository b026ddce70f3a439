//! The ports of a process: for clients and for its peers, beside the admin
//! port; and the order in which they end, so that no request is lost.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::admin::AdminPort;
use crate::certificates::Certificates;
use crate::connections::{Connections, Limits};
use crate::drain::Drain;
use crate::gateway::Gateway;
use crate::hop::Hop;
use crate::peers::{Peers, port};
use crate::proxy;
use crate::serve::serve;

/// How long answers may take where nothing is left to wait for.
const LAST: Duration = Duration::from_secs(1);

/// How long the end may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long connections are taken though the process is not ready any more: whoever balances hears of that a moment
    /// later, and until then requests come.
    pub leave: Duration,
    /// How long requests under way may go on after that.
    pub drain: Duration,
}

impl Patience {
    /// Of a process that serves alone.
    pub const ALONE: Self = Self { leave: Duration::ZERO, drain: Duration::from_secs(10) };
    /// Of one with peers on the same machine, whose balancer asks `/readyz`.
    pub const AMONG_PEERS: Self = Self { leave: Duration::from_secs(1), ..Self::ALONE };
    /// Of a pod: that it ends goes through the apiserver to every node and ingress. A pod's grace period must be longer
    /// than both and ten seconds more.
    pub const OF_A_POD: Self = Self { leave: Duration::from_secs(5), drain: Duration::from_secs(30) };
}

/// What is listened on.
pub struct Listeners {
    /// For clients.
    pub mcp: TcpListener,
    /// What clients know it by; none for clear text.
    pub certificates: Option<Certificates>,
    /// For peers, and what they have to prove.
    pub peers: Option<(TcpListener, TlsAcceptor)>,
}

/// Where it is listened.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// For clients.
    pub mcp: SocketAddr,
    /// For `/readyz` and the like.
    pub admin: SocketAddr,
    /// For peers.
    pub peers: Option<SocketAddr>,
}

/// The ports, open.
pub struct Ports {
    gateway: Arc<Gateway>,
    mcp: JoinHandle<()>,
    /// Looks after them; none in clear text.
    certificates: Option<JoinHandle<()>>,
    admin: AdminPort,
    peers: Option<(JoinHandle<()>, Arc<Drain>)>,
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

impl Listeners {
    /// Their addresses, as the kernel gave them, and that of the admin port.
    pub fn addresses(&self, admin: SocketAddr) -> io::Result<Addresses> {
        let peers = self.peers.as_ref().map(|(listener, _)| listener.local_addr());
        Ok(Addresses { mcp: self.mcp.local_addr()?, admin, peers: peers.transpose()? })
    }
}

impl Ports {
    /// Takes requests from now on.
    pub fn open(gateway: &Arc<Gateway>, listeners: Listeners, addresses: Addresses, admin: AdminPort) -> Self {
        let closed = &gateway.metrics.closed_connections;
        let for_mcp = gateway.clone();
        let listener = addresses.mcp;
        let tls = listeners.certificates.as_ref().map(Certificates::acceptor);
        let scheme = scheme(tls.is_some());
        let keep = |certificates: Certificates| tokio::spawn(certificates.keep(gateway.metrics.of_certificates()));
        let certificates = listeners.certificates.map(keep);
        let mcp = serve(
            listeners.mcp,
            Connections::new(Limits::of_clients(), closed.clone()),
            move |request, address, goes_on| {
                proxy::handle(for_mcp.clone(), Hop::Client { listener, address, scheme }, goes_on, request)
            },
            gateway.drain.clone(),
            tls,
        );
        let peers = gateway.peers.get().zip(listeners.peers);
        let peers = peers.map(|(peers, listener)| open_to_peers(gateway, peers, listener));
        Self { gateway: gateway.clone(), mcp: tokio::spawn(mcp), certificates, admin, peers }
    }

    /// By which scheme clients come.
    pub fn scheme(&self) -> &'static str {
        scheme(self.certificates.is_some())
    }

    /// Ends them: first nobody is to ask any more, then no connection is taken, and what has begun ends by itself, or is
    /// told, when patience ends, that it does. The others reach what is kept here, and hear that it is not ready, until the
    /// last of it has ended.
    pub async fn end(self, patience: Patience) {
        self.gateway.drain.leave();
        if let Some((_, drain)) = &self.peers {
            drain.leave();
        }
        sleep(patience.leave).await;
        let until = Instant::now() + patience.drain;
        self.gateway.drain.close(until + LAST);
        // These would go on for ever: their clients come back to another process, or to this one's successor.
        self.gateway.clients.close();
        self.gateway.sse.leave();
        // They end because they are told to; a panic of theirs was reported where it happened.
        let mut mcp = self.mcp;
        if timeout_at(until, &mut mcp).await.is_err() {
            self.gateway.end_calls();
            let _ = mcp.await;
        }
        if let Some(certificates) = self.certificates {
            certificates.abort();
        }
        if let (Some((port, drain)), Some(peers)) = (self.peers, self.gateway.peers.get()) {
            peers.leave().await;
            drain.close(until.max(Instant::now() + LAST));
            let _ = port.await;
        }
        self.admin.end().await;
    }
}

fn open_to_peers(
    gateway: &Arc<Gateway>,
    peers: &Arc<Peers>,
    (listener, tls): (TcpListener, TlsAcceptor),
) -> (JoinHandle<()>, Arc<Drain>) {
    let (gateway, peers) = (gateway.clone(), peers.clone());
    let connections = Connections::new(Limits::PEERS, gateway.metrics.closed_connections.clone());
    let drain = Arc::<Drain>::default();
    let handler = move |request, _, goes_on| port::handle(gateway.clone(), peers.clone(), goes_on, request);
    (tokio::spawn(serve(listener, connections, handler, drain.clone(), Some(tls))), drain)
}
