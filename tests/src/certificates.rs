//! Certificates of this machine's loopback that nobody knows yet, and the
//! directory in which a gateway finds one.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::CertificateDer;

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

/// A Secret as kubelet mounts it: what it holds changes at once, by a link that leads elsewhere.
pub struct Secret {
    folder: TempDir,
    states: usize,
}

impl Secret {
    /// With this pair.
    pub fn of(issued: &Issued) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tls.crt", "tls.key"] {
            symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
        }
        let mut secret = Self { folder, states: 0 };
        secret.put(&issued.certificate, &issued.key);
        secret
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file with the certificate that was put last, for clients to trust.
    pub fn trusted(&self) -> PathBuf {
        let path = self.path().join("..data/tls.crt");
        path.canonicalize().unwrap()
    }

    /// Another pair from now on.
    pub fn put(&mut self, certificate: &str, key: &str) {
        self.states += 1;
        let state = format!("..state-{}", self.states);
        let folder = self.path().join(&state);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("tls.crt"), certificate).unwrap();
        std::fs::write(folder.join("tls.key"), key).unwrap();
        let new = self.path().join("..data_tmp");
        symlink(&state, &new).unwrap();
        std::fs::rename(new, self.path().join("..data")).unwrap();
    }
}
