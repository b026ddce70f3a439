//! One process that serves, whatever its snapshots come from: listeners,
//! children, the one connector, peers, and the order of its beginning and end.
//!
//! In: a first table, and a source that goes on putting others in force. Out:
//! the end, once it was asked for and everybody was answered.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{interval, timeout};

use crate::admin::{Admin, AdminPort};
use crate::certificates::{Certificates, CertificatesError};
use crate::egress::{Egress, EgressPolicy};
use crate::gateway::Gateway;
use crate::owner::Owner;
use crate::peers::Peers;
use crate::peers::authority::Credentials;
use crate::ports::{Addresses, Listeners, Patience, Ports};
use crate::seal::Sealer;
use crate::table::RoutingTable;
use crate::upstream::Connectors;
use crate::upstream::stdio::Children;

/// How long start-up waits for servers that have not answered.
const DISCOVERY: Duration = Duration::from_secs(10);
/// How often idle sessions are looked for.
const SWEEP: Duration = Duration::from_secs(30);

/// Where a process serves, and what it may use there.
pub struct Options {
    /// Where `/mcp` is served.
    pub listen: SocketAddr,
    /// The directory with `tls.crt` and `tls.key`, which are read again when they change; none: clear text.
    pub certificates: Option<PathBuf>,
    /// Where the admin port is.
    pub admin: SocketAddr,
    /// The other processes of the fleet, if there are any.
    pub peers: Option<PeerOptions>,
    /// Where the homes of servers are kept.
    pub cache: PathBuf,
    /// Where private directories of children are made: a folder that is there, and written by nobody else.
    pub scratch: PathBuf,
    /// The running binary, which has `exec-child`.
    pub binary: PathBuf,
    /// The environment of which children see a part.
    pub environment: Vec<(String, OsString)>,
    /// Overrides the settings' `clientSideAuthHeader` (LITELLM_MCP_CLIENT_SIDE_AUTH_HEADER_NAME).
    pub client_side_auth_header: Option<String>,
}

/// The other processes that serve the same, with the same keys.
#[derive(Clone)]
pub struct PeerOptions {
    /// Where this process is reached by the others.
    pub listen: SocketAddr,
    /// Where the others are: HOST:PORT each. This process may be among them.
    pub names: Vec<String>,
}

/// Why it cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// There is nothing to show clients that they could know it by.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
}

/// What a process is known by.
pub struct Identity {
    /// What it gives to clients to bring back.
    pub sealer: Arc<Sealer>,
    /// What it shows its peers, if it has any.
    pub credentials: Option<Credentials>,
}

/// A process that serves.
pub struct Node {
    /// What it serves from.
    pub gateway: Arc<Gateway>,
    /// Where.
    pub addresses: Addresses,
    ready: watch::Sender<bool>,
    ports: Ports,
}

/// Listens on an address.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError::Address { address, source })
}

/// The admin port, which is open before anything is in force.
pub async fn open_admin(address: SocketAddr, admin: Arc<Admin>) -> Result<(AdminPort, SocketAddr), ListenError> {
    let listener = bind(address).await?;
    let address = listener.local_addr().map_err(|source| ListenError::Address { address, source })?;
    Ok((AdminPort::open(listener, address, admin), address))
}

/// The listeners for clients and peers, with what clients are shown.
pub async fn listen(options: &Options, credentials: Option<&Credentials>) -> Result<Listeners, ListenError> {
    let certificates = options.certificates.clone().map(Certificates::load).transpose()?;
    let mcp = bind(options.listen).await?;
    let peers = match options.peers.as_ref().zip(credentials) {
        Some((peers, credentials)) => Some((bind(peers.listen).await?, credentials.acceptor.clone())),
        None => None,
    };
    Ok(Listeners { mcp, certificates, peers })
}

impl Node {
    /// Serves a first table. `policy`: where it may connect to, beside what the settings say and without its own
    /// listeners, which are added.
    pub fn begin(
        options: &Options,
        listeners: Listeners,
        identity: Identity,
        (table, mut policy): (RoutingTable, EgressPolicy),
        (admin, at): (AdminPort, SocketAddr),
    ) -> Result<Self, ListenError> {
        let addresses = listeners.addresses(at);
        let addresses = addresses.map_err(|source| ListenError::Address { address: options.listen, source })?;
        policy.own.extend([Some(addresses.mcp), Some(addresses.admin), addresses.peers].into_iter().flatten());
        let children = Children::new(
            options.binary.clone(),
            options.environment.clone(),
            options.scratch.clone(),
            options.cache.join("homes"),
            tokio::runtime::Handle::current(),
        );
        let connectors = Connectors { egress: Arc::new(Egress::new(policy)), children: Arc::new(children) };
        let own = Owner { boot: admin.admin.boot, address: addresses.peers };
        let metrics = admin.admin.metrics.clone();
        let gateway = Gateway::new(table, (identity.sealer, own), Arc::new(connectors), metrics);
        if let (Some(peers), Some(credentials)) = (&options.peers, identity.credentials) {
            let peers = Peers::new(own, peers.names.clone(), &credentials, gateway.metrics.peers.clone());
            gateway.peers.get_or_init(|| peers);
        }
        let ready = watch::Sender::new(false);
        admin.admin.is_running(gateway.clone(), ready.subscribe());
        let ports = Ports::open(&gateway, listeners, addresses, admin);
        Ok(Self { gateway, addresses, ready, ports })
    }

    /// Where clients come to.
    pub fn url(&self) -> String {
        format!("{}://{}/mcp", self.ports.scheme(), self.addresses.mcp)
    }

    /// Whether start-up is over, now and later.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// Serves until `stop` turns true, then ends in good order, with patience. `source` puts other tables in force
    /// meanwhile, and may return when there will be none.
    pub async fn serve(self, source: impl Future<Output = ()>, mut stop: watch::Receiver<bool>, patience: Patience) {
        let Self { gateway, ready, ports, .. } = self;
        let told = [tokio::spawn(gateway.clone().index_catalogues()), tokio::spawn(start(gateway.clone(), ready))];
        let mut sweep = interval(SWEEP);
        // What is taken away while the last requests are answered ends as ever.
        let mut ended = pin!(async {
            stopped(&mut stop).await;
            ports.end(patience).await;
        });
        let mut source = pin!(async {
            source.await;
            std::future::pending::<()>().await;
        });
        loop {
            tokio::select! {
                () = &mut source => {}
                _ = sweep.tick() => gateway.end_lost_sessions(),
                () = gateway.tokens.taken_back.notified() => gateway.look_at_tokens_again(),
                () = &mut ended => break,
            }
        }
        for task in told {
            task.abort();
        }
        gateway.stop().await;
    }
}

/// Waits for the order to stop, or until nobody can give it any more.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits until all servers were discovered or have failed, or ten seconds have passed, and until this process knows what
/// its peers know; from then on it is ready, and keeps an eye on them.
async fn start(gateway: Arc<Gateway>, ready: watch::Sender<bool>) {
    let mut indexed = gateway.indexed.subscribe();
    let discovered = async { while !gateway.is_discovered() && indexed.changed().await.is_ok() {} };
    let peers = gateway.peers.get().cloned();
    let joined = async {
        if let Some(peers) = &peers {
            peers.join(&gateway.sessions).await;
        }
    };
    // Who is still silent after ten seconds becomes ready later.
    let _ = tokio::join!(timeout(DISCOVERY, discovered), joined);
    ready.send_replace(true);
    if let Some(peers) = peers {
        peers.keep(gateway).await;
    }
}
