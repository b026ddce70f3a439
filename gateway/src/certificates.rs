//! What clients know this gateway by: the pair of a Secret of type
//! `kubernetes.io/tls`, as files of a directory.
//!
//! In: `tls.crt`, a chain, and `tls.key`, its key, both PEM, whenever they
//! change. Out: an acceptor whose connections get the pair that is in force
//! when they begin; those that are open are not touched. A pair that cannot be
//! used is told of, and the last good one stays.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use prometheus::{IntCounter, IntGauge};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

use crate::serve::{HTTP1, HTTP2};
use crate::watch_files::Watch;

mod pair;

pub use pair::CertificatesError;

use pair::{Files, Stamp};

/// How often the files are looked at though nothing was told of them.
const LOOK: Duration = Duration::from_secs(2);
/// How long a pair has to stay wrong before it is told of: one file may be written before the other.
const SETTLED: Duration = Duration::from_secs(1);

/// A directory with the pair that is served.
pub struct Certificates {
    directory: PathBuf,
    provider: Arc<CryptoProvider>,
    in_force: Arc<InForce>,
    acceptor: TlsAcceptor,
    /// Of the files that it was read from.
    stamp: Stamp,
    /// When the first certificate of the chain in force expires, in seconds of Unix time.
    expires: i64,
}

/// What is counted of a pair.
#[derive(Clone)]
pub struct CertificateMetrics {
    /// When the first certificate of the chain in force expires, in seconds of Unix time.
    pub expires: IntGauge,
    /// Pairs that could not be used; the last good one stayed.
    pub failures: IntCounter,
}

/// The pair for connections that begin.
#[derive(Debug)]
struct InForce(ArcSwap<CertifiedKey>);

/// A pair that cannot, since when it is there, and whether that was told.
struct Doubt {
    stamp: Stamp,
    since: Instant,
    told: bool,
}

impl ResolvesServerCert for InForce {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificates {
    /// Reads a directory for the first time: without a pair nothing is served.
    pub fn load(directory: PathBuf) -> Result<Self, CertificatesError> {
        let provider = Arc::new(default_provider());
        let files = Files::read(&directory);
        let stamp = files.stamp;
        let pair = files.into_pair(&provider)?;
        let in_force = Arc::new(InForce(ArcSwap::from_pointee(pair.certified)));
        let config = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13, &TLS12]);
        let config = config.map_err(|error| pair::wrong(&directory, pair::CHAIN, error.to_string()))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(in_force.clone());
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        let acceptor = Arc::new(config).into();
        Ok(Self { directory, provider, in_force, acceptor, stamp, expires: pair.expires })
    }

    /// For connections of clients: TLS 1.2 or 1.3, HTTP/2 or HTTP/1.1 as they agree on (ALPN).
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Puts each new pair in force, for as long as it is polled.
    pub async fn keep(mut self, metrics: CertificateMetrics) {
        metrics.expires.set(self.expires);
        let mut watch = match Watch::begin(self.directory.clone()) {
            Ok(watch) => Some(watch),
            Err(error) => {
                let directory = self.directory.display();
                tracing::warn!("{directory} is not watched, a new certificate takes {LOOK:?}: {error}");
                None
            }
        };
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut doubt = None;
        loop {
            tokio::select! {
                () = changed(watch.as_mut().map(|(_, changes)| changes)) => {}
                _ = look.tick() => {
                    if let Some((watch, _)) = &mut watch {
                        watch.follow();
                    }
                }
            }
            self.look(&mut doubt, &metrics);
        }
    }

    /// Looks at the files once.
    fn look(&mut self, doubt: &mut Option<Doubt>, metrics: &CertificateMetrics) {
        let files = Files::read(&self.directory);
        let stamp = files.stamp;
        if stamp == self.stamp {
            *doubt = None;
            return;
        }
        match files.into_pair(&self.provider) {
            Ok(pair) => {
                tracing::info!("the certificate of {} is another one now", self.directory.display());
                self.in_force.0.store(Arc::new(pair.certified));
                metrics.expires.set(pair.expires);
                (self.stamp, self.expires, *doubt) = (stamp, pair.expires, None);
            }
            Err(error) => {
                let doubted = match doubt {
                    Some(doubted) if doubted.stamp == stamp => doubted,
                    _ => doubt.insert(Doubt { stamp, since: Instant::now(), told: false }),
                };
                if !doubted.told && doubted.since.elapsed() >= SETTLED {
                    doubted.told = true;
                    metrics.failures.inc();
                    tracing::error!("{error}; the last good certificate stays");
                }
            }
        }
    }
}

/// Waits until a watch tells of something, for ever if there is none.
async fn changed(changes: Option<&mut mpsc::Receiver<()>>) {
    let told = match changes {
        Some(changes) => changes.recv().await,
        None => None,
    };
    if told.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
