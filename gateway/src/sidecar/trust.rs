//! Whose certificates the gateway may show: those of the machine's trusted
//! roots, or of the authorities in a file, as it is when a connection begins.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::Mutex;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::connections::Seldom;
use crate::egress::{EgressError, connector, machine_roots};

/// Whom to trust.
pub(super) enum Trust {
    /// Whom this machine does.
    Machine(OnceCell<TlsConnector>),
    /// Whom a file names.
    File {
        /// PEM.
        path: PathBuf,
        /// What stood in it when it was last read, and what follows.
        last: Mutex<Last>,
    },
}

/// How it stood with a file when it was last read.
pub(super) struct Last {
    /// What stood in it.
    text: Vec<u8>,
    /// What follows.
    connector: TlsConnector,
    /// When it was told that it is no good.
    told: Seldom,
}

/// Why a file names nobody.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}; --gateway-ca names a file of certificates in PEM", path.display())]
pub struct TrustError {
    path: PathBuf,
    reason: String,
}

impl Trust {
    /// The file has to be good to begin with.
    pub(super) fn load(file: Option<PathBuf>) -> Result<Self, TrustError> {
        let Some(path) = file else { return Ok(Self::Machine(OnceCell::new())) };
        let text = read(&path)?;
        let connector = of(&path, &text)?;
        Ok(Self::File { path, last: Mutex::new(Last { text, connector, told: Seldom::default() }) })
    }

    /// For a connection that begins now. A file that is no good any more is told of, and the last good one stays.
    pub(super) async fn connector(&self) -> Result<TlsConnector, EgressError> {
        match self {
            Self::Machine(made) => made.get_or_try_init(async || connector(machine_roots().await?)).await.cloned(),
            Self::File { path, last } => Ok(last.lock().again(path)),
        }
    }
}

impl Last {
    /// By what stands in the file now.
    fn again(&mut self, path: &Path) -> TlsConnector {
        let taken = read(path).and_then(|text| self.take(path, text));
        if let Err(error) = taken
            && self.told.is_due(Instant::now())
        {
            tracing::error!("{error}; the last good authorities stay");
        }
        self.connector.clone()
    }

    fn take(&mut self, path: &Path, text: Vec<u8>) -> Result<(), TrustError> {
        if text != self.text {
            self.connector = of(path, &text)?;
            self.text = text;
            tracing::info!("{} names other authorities now", path.display());
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TrustError> {
    fs::read(path).map_err(|error| wrong(path, error.kind().to_string()))
}

fn of(path: &Path, text: &[u8]) -> Result<TlsConnector, TrustError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
    let certificates = certificates.ok_or_else(|| wrong(path, "there is no certificate in it"))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| wrong(path, error.to_string()))?;
    }
    connector(roots).map_err(|error| wrong(path, error.to_string()))
}

fn wrong(path: &Path, reason: impl Into<String>) -> TrustError {
    TrustError { path: path.to_owned(), reason: reason.into() }
}
