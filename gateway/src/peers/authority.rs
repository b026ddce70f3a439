//! What peers know one another by (R9): certificates of an authority that only
//! those have who share a state directory, or are given it by an operator.
//!
//! The authority is a key. Its certificate is made of that key anew at each
//! start, and so is the one of the process itself, with a key that is never
//! written down. There is one name in them all: who may speak is decided by
//! the authority, and who is meant by the boot id.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::client::Resumption;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The name in every certificate.
pub(super) const NAME: &str = "peer.switchboard.internal";

/// One process's side of TLS, for both directions.
pub struct Credentials {
    /// For connections that it makes.
    pub connector: TlsConnector,
    /// For connections that it takes: of peers only.
    pub acceptor: TlsAcceptor,
}

/// The key of the authority cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the peer-authority cannot be used: {0}")]
pub struct CredentialsError(String);

/// A new key for an authority, in PKCS #8.
pub fn new_signing_key() -> io::Result<Vec<u8>> {
    KeyPair::generate().map(|key| key.serialize_der()).map_err(io::Error::other)
}

impl Credentials {
    /// Those of this process, by the authority with this key.
    pub fn issue(signing_key: &[u8]) -> Result<Self, CredentialsError> {
        let failed = |error: rcgen::Error| CredentialsError(error.to_string());
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(signing_key)).map_err(failed)?;
        let authority = CertifiedIssuer::self_signed(of_authority(), key).map_err(failed)?;
        let own_key = KeyPair::generate().map_err(failed)?;
        let own = of_process().and_then(|params| params.signed_by(&own_key, &authority)).map_err(failed)?;
        let chain = vec![own.der().clone()];
        let own_key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own_key.serialize_der()));

        let failed = |error: rustls::Error| CredentialsError(error.to_string());
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).map_err(failed)?;
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13]);
        let client = client.map_err(failed)?.with_root_certificates(roots.clone());
        let mut client = client.with_client_auth_cert(chain.clone(), own_key.clone_key()).map_err(failed)?;
        client.resumption = Resumption::disabled();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build();
        let verifier = verifier.map_err(|error| CredentialsError(error.to_string()))?;
        let server = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]);
        let server = server.map_err(failed)?.with_client_cert_verifier(verifier);
        let mut server = server.with_single_cert(chain, own_key).map_err(failed)?;
        server.send_tls13_tickets = 0;
        Ok(Self { connector: Arc::new(client).into(), acceptor: Arc::new(server).into() })
    }
}

/// The same at each start and in each process, since whoever verifies compares names and keys.
fn of_authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Switchboard peers");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn of_process() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([NAME.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    async fn talk(client: &Credentials, server: &Credentials) -> io::Result<()> {
        let (ours, theirs) = duplex(64 * 1024);
        let name = ServerName::try_from(NAME).unwrap();
        let answer = async {
            let mut stream = server.acceptor.accept(theirs).await?;
            stream.write_all(b"hello").await?;
            stream.shutdown().await
        };
        let ask = async {
            let mut said = String::new();
            client.connector.connect(name, ours).await?.read_to_string(&mut said).await?;
            assert_eq!(said, "hello");
            Ok(())
        };
        tokio::try_join!(answer, ask).map(|_| ())
    }

    #[tokio::test]
    async fn r9_who_has_the_authoritys_key_is_a_peer_and_nobody_else() {
        let (ours, theirs) = (new_signing_key().unwrap(), new_signing_key().unwrap());
        let issue = |key: &[u8]| Credentials::issue(key).unwrap();
        talk(&issue(&ours), &issue(&ours)).await.unwrap();
        talk(&issue(&theirs), &issue(&ours)).await.unwrap_err();
        talk(&issue(&ours), &issue(&theirs)).await.unwrap_err();
        // Each side refuses for itself, even where the other would not mind.
        let mixed = Credentials { connector: issue(&ours).connector, acceptor: issue(&theirs).acceptor };
        talk(&mixed, &issue(&ours)).await.unwrap();
        talk(&issue(&ours), &mixed).await.unwrap_err();
        assert!(Credentials::issue(b"no key").is_err());
    }
}
