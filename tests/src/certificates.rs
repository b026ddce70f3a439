//! Certificates of this machine's loopback that nobody knows yet, and the
//! directory in which a gateway finds one.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::mount::Mount;

/// A certificate of `localhost` and 127.0.0.1, by itself, and its key.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// The same in PEM.
    pub certificate: String,
    /// The key in PEM.
    pub key: String,
}

impl Issued {
    /// Another one each time.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let pem = |kind: &str, der: &[u8]| {
            format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
        };
        Self {
            der: certificate.der().clone(),
            certificate: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", &key.serialize_der()),
        }
    }
}

impl Default for Issued {
    fn default() -> Self {
        Self::new()
    }
}

/// A Secret of type `kubernetes.io/tls`, as kubelet mounts it.
pub struct Secret(Mount);

impl Secret {
    /// With this pair.
    pub fn of(issued: &Issued) -> Self {
        let mut secret = Self(Mount::of(&["tls.crt", "tls.key"]));
        secret.put(&issued.certificate, &issued.key);
        secret
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file with the certificate that was put last, for clients to trust.
    pub fn trusted(&self) -> PathBuf {
        self.0.file("tls.crt").canonicalize().unwrap()
    }

    /// Another pair from now on.
    pub fn put(&mut self, certificate: &str, key: &str) {
        self.0.put(&[("tls.crt", certificate), ("tls.key", key)]);
    }
}
