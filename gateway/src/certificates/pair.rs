//! A chain and its key, as two files hold them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::Error as TlsError;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The chain, the server's own certificate first.
pub(super) const CHAIN: &str = "tls.crt";
/// The key of that one.
pub(super) const KEY: &str = "tls.key";

/// Why a pair cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    /// A file cannot be read.
    #[error("{}: {source}; a directory of certificates holds tls.crt and tls.key, as a Secret of type kubernetes.io/tls does", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("{}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it. Never a word of it.
        reason: String,
    },
}

/// Tells what was read from what was read at another time.
pub(super) type Stamp = [u8; 32];

/// What stands in the files at one time.
pub(super) struct Files<'d> {
    directory: &'d Path,
    pub(super) stamp: Stamp,
    /// The chain and the key, or what hinders to read them.
    read: Result<(Vec<u8>, Vec<u8>), CertificatesError>,
}

/// A pair that can be served.
pub(super) struct Pair {
    pub(super) certified: CertifiedKey,
    /// When the first certificate of the chain expires, in seconds of Unix time.
    pub(super) expires: i64,
}

impl<'d> Files<'d> {
    /// Reads them.
    pub(super) fn read(directory: &'d Path) -> Self {
        let file = |name: &str| {
            let path = directory.join(name);
            fs::read(&path).map_err(|source| CertificatesError::Read { path, source })
        };
        let read = file(CHAIN).and_then(|chain| Ok((chain, file(KEY)?)));
        let stamp = match &read {
            // The length keeps the end of one from being the beginning of the other.
            Ok((chain, key)) => {
                Sha256::new().chain_update(chain.len().to_be_bytes()).chain_update(chain).chain_update(key)
            }
            Err(error) => Sha256::new().chain_update(error.to_string()),
        };
        Self { directory, stamp: stamp.finalize().into(), read }
    }

    /// What they hold, if one belongs to the other.
    pub(super) fn into_pair(self, provider: &CryptoProvider) -> Result<Pair, CertificatesError> {
        let Self { directory, read, .. } = self;
        let (chain, key) = read?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
        let certificates = certificates.ok_or_else(|| wrong(directory, CHAIN, "this is no certificate in PEM"))?;
        // None is the least: each of them has to be one.
        let expires = certificates.iter().map(expiry).min().flatten();
        let expires = expires.ok_or_else(|| wrong(directory, CHAIN, "a certificate in it is none"))?;
        // What the decoder says of a key may quote it.
        let key = PrivateKeyDer::from_pem_slice(&key);
        let key = key.map_err(|_| wrong(directory, KEY, "this is no private key in PEM"))?;
        let certified = CertifiedKey::from_der(certificates, key, provider).map_err(|error| match error {
            TlsError::InconsistentKeys(_) => wrong(directory, KEY, "this is not the key of the certificate in tls.crt"),
            TlsError::InvalidCertificate(_) => wrong(directory, CHAIN, error.to_string()),
            error => wrong(directory, KEY, error.to_string()),
        })?;
        let pair = Pair { certified, expires };
        pair.warn_if_expired(directory);
        Ok(pair)
    }
}

impl Pair {
    /// It is served all the same: what clients make of that is their affair.
    fn warn_if_expired(&self, directory: &Path) {
        if self.expires <= crate::clock::now() {
            let when = Timestamp::from_second(self.expires).unwrap_or(Timestamp::MAX);
            tracing::warn!("{}: it has expired on {when}; clients will refuse it", directory.join(CHAIN).display());
        }
    }
}

/// When a certificate expires; none if it is no certificate.
pub(super) fn expiry(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

pub(super) fn wrong(directory: &Path, name: &str, reason: impl Into<String>) -> CertificatesError {
    CertificatesError::Wrong { path: directory.join(name), reason: reason.into() }
}
