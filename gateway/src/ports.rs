//! The ports of a process: for clients, for whoever runs it, and for its
//! peers; and the order in which they end, so that no request is lost.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsAcceptor;

use crate::admin;
use crate::connections::{Connections, Limits};
use crate::drain::Drain;
use crate::gateway::Gateway;
use crate::hop::Hop;
use crate::peers::{Peers, port};
use crate::proxy;
use crate::serve::serve;

/// How long a process of several takes connections though it is not ready any more: whoever balances looks at that now
/// and then, and until it has, requests come.
const LEAVE: Duration = Duration::from_secs(1);
/// How long requests under way may go on after that.
const DRAIN: Duration = Duration::from_secs(10);
/// How long requests of the other ports may, where nothing is left to wait for.
const LAST: Duration = Duration::from_secs(1);

/// What is listened on.
pub struct Listeners {
    /// For clients.
    pub mcp: TcpListener,
    /// For `/readyz` and the like.
    pub admin: TcpListener,
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
    admin: (JoinHandle<()>, Arc<Drain>),
    peers: Option<(JoinHandle<()>, Arc<Drain>)>,
}

impl Listeners {
    /// Their addresses, as the kernel gave them.
    pub fn addresses(&self) -> io::Result<Addresses> {
        let peers = self.peers.as_ref().map(|(listener, _)| listener.local_addr());
        Ok(Addresses { mcp: self.mcp.local_addr()?, admin: self.admin.local_addr()?, peers: peers.transpose()? })
    }
}

impl Ports {
    /// Takes requests from now on. `ready`: whether start-up is over.
    pub fn open(
        gateway: &Arc<Gateway>,
        listeners: Listeners,
        addresses: Addresses,
        ready: watch::Receiver<bool>,
    ) -> Self {
        let closed = &gateway.metrics.closed_connections;
        let (for_mcp, for_admin) = (gateway.clone(), gateway.clone());
        let listener = addresses.mcp;
        let mcp = serve(
            listeners.mcp,
            Connections::new(Limits::of_clients(), closed.clone()),
            move |request, peer, goes_on| {
                proxy::handle(for_mcp.clone(), Hop::Client { listener, peer }, goes_on, request)
            },
            gateway.drain.clone(),
            None,
        );
        let admin_drain = Arc::<Drain>::default();
        let admin = serve(
            listeners.admin,
            Connections::new(Limits::ADMIN, closed.clone()),
            move |request, _, _| {
                let response = admin::handle(&for_admin, *ready.borrow(), addresses.admin, &request);
                async move { response }
            },
            admin_drain.clone(),
            None,
        );
        let peers = gateway.peers.get().zip(listeners.peers);
        let peers = peers.map(|(peers, listener)| open_to_peers(gateway, peers, listener));
        let (mcp, admin) = (tokio::spawn(mcp), (tokio::spawn(admin), admin_drain));
        Self { gateway: gateway.clone(), mcp, admin, peers }
    }

    /// Ends them: first nobody is to ask any more, then no connection is taken, and what has begun ends by itself, or
    /// within ten seconds. The others reach what is kept here, and hear that it is not ready, until the last of it has ended.
    pub async fn end(self) {
        self.gateway.drain.leave();
        if let Some((_, drain)) = &self.peers {
            drain.leave();
            sleep(LEAVE).await;
        }
        let until = Instant::now() + DRAIN;
        self.gateway.drain.close(until);
        // These would go on for ever: their clients come back to another process, or to this one's successor.
        self.gateway.clients.close();
        self.gateway.sse.leave();
        // They end because they are told to; a panic of theirs was reported where it happened.
        let _ = self.mcp.await;
        if let (Some((port, drain)), Some(peers)) = (self.peers, self.gateway.peers.get()) {
            peers.leave().await;
            drain.close(until.max(Instant::now() + LAST));
            let _ = port.await;
        }
        let (admin, drain) = self.admin;
        drain.close(Instant::now() + LAST);
        let _ = admin.await;
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
