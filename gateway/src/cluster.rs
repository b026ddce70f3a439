//! A gateway over what the operator of a cluster writes: `switchboard-gateway run`.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use crate::admin::{Admin, Askers};
use crate::egress::EgressPolicy;
use crate::node::{self, ListenError, Node, stopped};
use crate::owner::Owner;
use crate::ports::Patience;
use crate::seal::NoRandomness;
use crate::source::cluster::{self, Cluster, NoApiServer};

mod installation;

use installation::Installation;

/// What to run, and where.
pub struct Options {
    /// The release, as its objects' names begin.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The folder where what was last in force is kept, if it is: one that lives and dies with the pod.
    pub kept: Option<PathBuf>,
    /// Where pods reach the apiserver: host and port.
    pub apiserver: Option<(String, u16)>,
    /// Where it serves.
    pub node: node::Options,
}

/// Why it cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is nobody to ask.
    #[error(transparent)]
    NoApiServer(#[from] NoApiServer),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There is nothing to tell this process from others by.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Runs until `stop` turns true. Only the admin port is open before a first snapshot is in force.
pub async fn run(options: Options, mut stop: watch::Receiver<bool>) -> Result<(), ClusterError> {
    let admin = Admin::new(Askers::of_fleet(), Owner::begin(None)?.boot, Arc::default());
    let (port, at) = node::open_admin(options.node.admin, admin.clone()).await?;
    tracing::info!(admin = %at, "the admin port is open");
    let config = cluster::config().await?;
    let own = options.node.peers.as_ref().map(|peers| peers.listen.ip());
    let mut installation = Installation::new(&options, &config.cluster_url, own);
    let release = (options.release.as_str(), options.namespace.as_str());
    let header = options.node.client_side_auth_header.clone();
    let apiserver = kube::Client::try_from(config.clone()).map_err(NoApiServer::of)?;
    let mut source = Cluster::begin(config, release, options.kept.as_deref(), header, admin)?;
    let table = tokio::select! {
        (table, ()) = async { tokio::join!(source.first(), installation.look(None)) } => table,
        () = stopped(&mut stop) => {
            port.end().await;
            return Ok(());
        }
    };
    // There is a table because there were keys.
    let Some(identity) = source.identity() else { unreachable!("a table without keys") };
    let listeners = node::listen(&options.node, identity.credentials.as_ref()).await?;
    let mut policy = EgressPolicy::default();
    installation.refuse(&mut policy);
    let node = Node::begin(&options.node, listeners, identity, (table, policy), (port, at))?;
    node.gateway.tokens.trust_cluster(apiserver);
    let peers = node.addresses.peers.map(tracing::field::display);
    tracing::info!(mcp = node.url(), peers, "requests are taken");
    // Whoever is ready can start again without the apiserver.
    source.is_in_force().await;
    let gateway = node.gateway.clone();
    let following = async {
        tokio::join!(source.follow(&gateway), installation.keep(&gateway));
    };
    node.serve(following, stop, Patience::OF_A_POD).await;
    Ok(())
}
