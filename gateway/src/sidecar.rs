//! Beside an agent in its pod: requests come by loopback without a key, and go
//! to the fleet with the pod's token.
//!
//! ```text
//! agent ─► Host, Origin, sizes ─► its key headers off, the token on ─► the one way to the fleet ─► answer, as it comes
//! ```
//!
//! It holds no snapshot, decides nothing about access and reads no body: what
//! is not about connections is the gateway's to answer, on every path.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::connections::{Connections, Limits, Seldom};
use crate::drain::Drain;
use crate::node::{ListenError, bind, stopped};
use crate::ports::Patience;
use crate::serve::serve;

mod admin;
mod metrics;
mod origin;
mod pass;
mod refusal;
mod token;
mod trust;
mod way;

use metrics::Metrics;
use origin::Origin;
use token::TokenFile;
use trust::Trust;
use way::Way;

pub use trust::TrustError;

/// How often the token is looked at though nobody asks.
const LOOK: Duration = Duration::from_secs(2);
/// How long questions at the admin port may take when it ends.
const LAST: Duration = Duration::from_secs(1);

/// What to run, and where.
pub struct Options {
    /// The URL of the fleet, without a path.
    pub gateway: String,
    /// The authorities of which it has a certificate, PEM; none: those that this machine trusts.
    pub gateway_ca: Option<PathBuf>,
    /// The file with the token, read for each request.
    pub token_file: PathBuf,
    /// Where agents come to: an address on loopback.
    pub listen: SocketAddr,
    /// Where the admin port is.
    pub admin: SocketAddr,
}

/// Why it cannot run.
#[derive(Debug, thiserror::Error)]
pub enum SidecarError {
    /// It is not said where the fleet is.
    #[error("--gateway: {0}")]
    Gateway(&'static str),
    /// It is not said whom to trust.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// A sidecar.
struct Sidecar {
    token: TokenFile,
    way: Way,
    metrics: Metrics,
    drain: Arc<Drain>,
    /// When it was last told that the gateway does not know the token.
    unknown: Mutex<Seldom>,
}

/// Runs until `stop` turns true, then answers what it has begun.
pub async fn run(options: Options, stop: watch::Receiver<bool>) -> Result<(), SidecarError> {
    let origin: Origin = options.gateway.parse().map_err(SidecarError::Gateway)?;
    let metrics = Metrics::new();
    // All agents come from one address. What that may not hold is left for the connections that they cause.
    let limits = Limits::of_clients();
    let sidecar = Arc::new(Sidecar {
        token: TokenFile::new(options.token_file, metrics.token.clone()),
        way: Way::new(origin, Trust::load(options.gateway_ca)?, limits.of_peer),
        metrics,
        drain: Arc::default(),
        unknown: Mutex::default(),
    });
    let (agents, address) = listen(options.listen).await?;
    let (probes, admin) = listen(options.admin).await?;
    let until_probes_end = Arc::<Drain>::default();
    let probes = sidecar.clone().answer_probes((probes, admin), until_probes_end.clone());
    tracing::info!(%admin, "the admin port is open");
    let agents = sidecar.clone().answer_agents((agents, address), limits);
    tracing::info!(mcp = format!("http://{address}/mcp"), gateway = %sidecar.way.origin, "requests are taken");
    sidecar.keep_an_eye_on_the_token(stop).await;
    // Nobody balances: its agents have no other to go to, and have ended before where it is a native sidecar.
    sidecar.drain.close(Instant::now() + Patience::ALONE.drain);
    // They end because they are told to; a panic of theirs was reported where it happened.
    let _ = agents.await;
    until_probes_end.close(Instant::now() + LAST);
    let _ = probes.await;
    Ok(())
}

impl Sidecar {
    fn answer_agents(
        self: Arc<Self>,
        (listener, address): (TcpListener, SocketAddr),
        limits: Limits,
    ) -> JoinHandle<()> {
        let connections = Connections::new(limits, self.metrics.closed_connections.clone());
        let drain = self.drain.clone();
        let handler = move |request, _, _| {
            let sidecar = self.clone();
            async move { sidecar.handle(address, request).await }
        };
        tokio::spawn(serve(listener, connections, handler, drain, None))
    }

    fn answer_probes(
        self: Arc<Self>,
        (listener, address): (TcpListener, SocketAddr),
        drain: Arc<Drain>,
    ) -> JoinHandle<()> {
        let connections = Connections::new(Limits::ADMIN, self.metrics.closed_connections.clone());
        let handler = move |request: Request<Incoming>, _, _| {
            let (sidecar, (parts, _)) = (self.clone(), request.into_parts());
            async move { admin::answer(&sidecar, address, &parts) }
        };
        tokio::spawn(serve(listener, connections, handler, drain, None))
    }

    /// Looks at the token until `stop` turns true; what is found is told and counted where it is found.
    async fn keep_an_eye_on_the_token(&self, mut stop: watch::Receiver<bool>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                _ = look.tick() => drop(self.token.bearer()),
            }
        }
    }
}

/// A listener, and the address that the kernel gave it.
async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ListenError> {
    let listener = bind(address).await?;
    let address = listener.local_addr().map_err(|source| ListenError::Address { address, source })?;
    Ok((listener, address))
}
