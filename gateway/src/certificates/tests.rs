use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prometheus::core::Collector;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::duplex;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::pair::{CHAIN, KEY, expiry};
use super::*;
use crate::metrics::Metrics;

/// A ceiling for a loaded machine, not a claim.
const WITHIN: Duration = Duration::from_secs(20);

/// A pair as files hold it.
#[derive(Clone)]
struct Issued {
    der: CertificateDer<'static>,
    chain: String,
    key: String,
}

/// A certificate of `localhost` that ends with this year.
fn issue(year: i32) -> Issued {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 12, 31);
    let certificate = params.self_signed(&key).unwrap();
    let pem =
        |kind: &str, der: &[u8]| format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der));
    let chain = pem("CERTIFICATE", certificate.der());
    Issued { der: certificate.der().clone(), chain, key: pem("PRIVATE KEY", &key.serialize_der()) }
}

/// A directory as kubelet makes one of a Secret: each state a directory, and one link that leads to the last.
struct Mounted {
    folder: TempDir,
    states: usize,
}

impl Mounted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in [CHAIN, KEY] {
            symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
        }
        Self { folder, states: 0 }
    }

    fn with(chain: &str, key: &str) -> Self {
        let mut mounted = Self::new();
        mounted.put(chain, key);
        mounted
    }

    fn put(&mut self, chain: &str, key: &str) {
        self.states += 1;
        let root = self.folder.path();
        let state = format!("..state-{}", self.states);
        fs::create_dir(root.join(&state)).unwrap();
        fs::write(root.join(&state).join(CHAIN), chain).unwrap();
        fs::write(root.join(&state).join(KEY), key).unwrap();
        symlink(&state, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    }

    fn load(&self) -> Result<Certificates, CertificatesError> {
        Certificates::load(self.folder.path().to_owned())
    }
}

/// What a client gets that trusts this certificate and offers these protocols: the one that both agree on.
async fn agreed(
    acceptor: &TlsAcceptor,
    trusted: &Issued,
    version: &'static SupportedProtocolVersion,
    offered: &[&[u8]],
) -> io::Result<Option<Vec<u8>>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider())).with_protocol_versions(&[version]);
    let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    let (ours, theirs) = duplex(64 * 1024);
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (client, server) = tokio::join!(connector.connect(name, ours), acceptor.accept(theirs));
    let client = client?;
    server?;
    Ok(client.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
}

async fn trusts(acceptor: &TlsAcceptor, trusted: &Issued) -> bool {
    agreed(acceptor, trusted, &TLS13, &[]).await.is_ok()
}

/// Files that are followed, and what is counted of them.
struct Kept {
    mounted: Mounted,
    acceptor: TlsAcceptor,
    metrics: CertificateMetrics,
    keeping: JoinHandle<()>,
}

impl Kept {
    fn of(issued: &Issued) -> Self {
        let mounted = Mounted::with(&issued.chain, &issued.key);
        let certificates = mounted.load().unwrap();
        let (acceptor, metrics) = (certificates.acceptor(), Metrics::new().of_certificates());
        let keeping = tokio::spawn(certificates.keep(metrics.clone()));
        Self { mounted, acceptor, metrics, keeping }
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self).await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(WITHIN, waiting).await.expect(what);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

#[tokio::test]
async fn clients_of_both_versions_of_tls_and_http_are_served() {
    let issued = issue(2100);
    let acceptor = Mounted::with(&issued.chain, &issued.key).load().unwrap().acceptor();
    for version in [&TLS13, &TLS12] {
        let of = async |offered: &[&[u8]]| agreed(&acceptor, &issued, version, offered).await;
        assert_eq!(of(&[HTTP2, HTTP1]).await.unwrap().as_deref(), Some(HTTP2));
        assert_eq!(of(&[HTTP1, HTTP2]).await.unwrap().as_deref(), Some(HTTP2));
        assert_eq!(of(&[HTTP1]).await.unwrap().as_deref(), Some(HTTP1));
        assert_eq!(of(&[]).await.unwrap(), None);
        assert!(of(&[b"ftp"]).await.is_err(), "what is not spoken is not agreed on");
    }
    assert!(!trusts(&acceptor, &issue(2100)).await);
}

#[test]
fn without_a_pair_that_can_be_used_it_is_said_which_file_is_wrong_and_how() {
    let (one, other) = (issue(2100), issue(2100));
    let said = |chain: &str, key: &str| Mounted::with(chain, key).load().map(|_| ()).unwrap_err().to_string();
    let mounted = Mounted::with(&one.chain, &one.key);
    fs::remove_file(mounted.folder.path().join(KEY)).unwrap();
    let missing = mounted.load().map(|_| ()).unwrap_err().to_string();
    assert!(missing.contains("/tls.key: No such file") && missing.contains("kubernetes.io/tls"), "{missing}");
    let secret = "secret words";
    for (chain, key, wanted) in [
        ("", &*one.key, "/tls.crt: this is no certificate in PEM"),
        (&*one.key, &*one.key, "/tls.crt: this is no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &*one.key, "/tls.crt: "),
        (&*one.chain, secret, "/tls.key: this is no private key in PEM"),
        (&*one.chain, &*format!("-----BEGIN {secret}\n"), "/tls.key: this is no private key in PEM"),
        (&*one.chain, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IHdvcmRz\n-----END PRIVATE KEY-----\n", "/tls.key: "),
        (&*one.chain, &*other.key, "/tls.key: this is not the key of the certificate in tls.crt"),
    ] {
        let error = said(chain, key);
        assert!(error.contains(wanted) && !error.contains(secret), "{error}");
    }
}

#[tokio::test]
async fn a_new_pair_is_in_force_for_the_connections_that_begin() {
    let (old, new) = (issue(2100), issue(2101));
    let mut kept = Kept::of(&old);
    assert!(trusts(&kept.acceptor, &old).await);
    kept.until("its expiry is told", async |kept| kept.metrics.expires.get() == expiry(&old.der).unwrap()).await;
    kept.mounted.put(&new.chain, &new.key);
    kept.until("the new one is shown", async |kept| trusts(&kept.acceptor, &new).await).await;
    assert!(!trusts(&kept.acceptor, &old).await);
    assert_eq!(kept.metrics.expires.get(), expiry(&new.der).unwrap());
    assert_eq!(kept.metrics.failures.get(), 0);
}

#[tokio::test]
async fn a_pair_that_cannot_be_used_leaves_the_last_good_one_and_is_counted_once() {
    let (old, other, new) = (issue(2100), issue(2101), issue(2102));
    let mut kept = Kept::of(&old);
    kept.mounted.put(&old.chain, &other.key);
    kept.until("it is counted", async |kept| kept.metrics.failures.get() == 1).await;
    assert!(trusts(&kept.acceptor, &old).await);
    kept.mounted.put(&new.chain, &new.key);
    kept.until("what was mended is shown", async |kept| trusts(&kept.acceptor, &new).await).await;
    assert_eq!(kept.metrics.failures.get(), 1);
    kept.mounted.put("", "");
    kept.until("another is counted too", async |kept| kept.metrics.failures.get() == 2).await;
    assert!(trusts(&kept.acceptor, &new).await);
    assert_eq!(kept.metrics.expires.get(), expiry(&new.der).unwrap());
}

/// As `cp` does it: there is a moment in which one file is of the old pair and the other of the new one.
#[tokio::test]
async fn files_that_are_written_one_after_the_other_are_no_failure() {
    let (old, new) = (issue(2100), issue(2101));
    let kept = Kept::of(&old);
    let root = kept.mounted.folder.path();
    for (name, text) in [(CHAIN, &new.chain), (KEY, &new.key)] {
        fs::remove_file(root.join(name)).unwrap();
        fs::write(root.join(name), text).unwrap();
        // As long as somebody who copies files by hand lets it be, at least.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    kept.until("the new one is shown", async |kept| trusts(&kept.acceptor, &new).await).await;
    assert_eq!(kept.metrics.failures.get(), 0);
}

/// What ends first counts: a client verifies the whole chain.
#[test]
fn the_expiry_that_is_told_is_that_of_the_chain() {
    let (leaf, issuer) = (issue(2100), issue(2050));
    let certificates = Mounted::with(&(leaf.chain.clone() + &issuer.chain), &leaf.key).load().unwrap();
    assert_eq!(Some(certificates.expires), expiry(&issuer.der));
    let expired = issue(2020);
    assert!(Mounted::with(&expired.chain, &expired.key).load().is_ok(), "what is made of it is the clients' affair");
}

#[test]
fn who_serves_in_clear_text_shows_no_date() {
    let metrics = Metrics::new();
    let shows = || String::from_utf8(metrics.text()).unwrap().contains("switchboard_certificate_");
    assert!(!shows());
    let certificates = metrics.of_certificates();
    assert!(shows() && !certificates.expires.collect().is_empty());
}
