//! The one connector for everything that the gateway connects to (R20).
//!
//! A host name comes in, a connected stream goes out: resolve, check each
//! address against the [`EgressPolicy`], connect to a checked one, TLS if
//! asked. Redirects and proxy variables do not exist here. A new policy ends
//! the connections that it would not have let be made.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

mod connections;
mod policy;

use self::connections::Connections;

pub use policy::EgressPolicy;

/// How long an address may keep the next one waiting (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The connector: a policy, what was connected under it, and the trusted roots once somebody needs them.
pub struct Egress {
    policy: ArcSwap<EgressPolicy>,
    /// One at a time changes it.
    changing: Mutex<()>,
    connections: Connections,
    tls: OnceCell<TlsConnector>,
}

/// A connection, and where it leads.
pub struct Connected {
    /// Its bytes.
    pub stream: Stream,
    /// The address that was checked.
    pub address: SocketAddr,
}

/// A connected stream.
pub enum Stream {
    /// Of `http`.
    Plain(TcpStream),
    /// Of `https`.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection. Nothing that the other side sent is in it, and no address.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The name resolves to nothing.
    #[error("its name does not resolve")]
    Unresolved(#[source] io::Error),
    /// Every address of the name is refused by the policy.
    #[error("its address is refused by the egress policy")]
    Refused,
    /// No permitted address takes a connection; the error of the last.
    #[error("no connection: {}", .0.kind())]
    Connect(#[source] io::Error),
    /// The name cannot stand in a certificate.
    #[error("its name cannot be verified by TLS")]
    Name,
    /// No trusted root certificate is installed.
    #[error("no trusted root certificate is installed on this machine")]
    Roots,
    /// The TLS handshake failed.
    #[error("TLS: {}", tls_reason(.0))]
    Tls(#[source] io::Error),
    /// It took too long.
    #[error("no connection within its time")]
    Timeout,
}

impl Egress {
    /// A connector under this policy.
    pub fn new(policy: EgressPolicy) -> Self {
        let (policy, changing) = (ArcSwap::from_pointee(policy), Mutex::default());
        Self { policy, changing, connections: Connections::default(), tls: OnceCell::new() }
    }

    /// Permits these networks, as the settings name them in CIDR notation, although they are refused by default; and no
    /// others.
    pub fn allow(&self, networks: &[String]) {
        self.change_policy(|policy| policy.allow = networks.iter().filter_map(|net| net.parse().ok()).collect());
    }

    /// Changes the policy. Connections to addresses that it refuses now end at once, whatever they carry: who refuses an
    /// address wants nothing to go there any more, so that a call in flight on one fails.
    pub fn change_policy(&self, change: impl FnOnce(&mut EgressPolicy)) {
        let _changing = self.changing.lock();
        let before = self.policy.load_full();
        let mut policy = EgressPolicy::clone(&before);
        change(&mut policy);
        if policy != *before {
            let policy = Arc::new(policy);
            self.policy.store(policy.clone());
            self.connections.retain(|address| policy.permits_socket(address));
        }
    }

    /// Ends the task that drives a connection when its address is refused; at once if it was meanwhile.
    pub fn watch(&self, address: SocketAddr, driver: AbortHandle) {
        self.connections.add(address, driver, |address| self.policy.load().permits_socket(address));
    }

    /// Connects to a host name or address literal (IPv6 without brackets), all of it within `within`. Whoever keeps the
    /// connection has it watched ([`Self::watch`]).
    pub async fn connect(&self, host: &str, port: u16, tls: bool, within: Duration) -> Result<Connected, EgressError> {
        tokio::time::timeout(within, self.connect_unbounded(host, port, tls)).await.unwrap_or(Err(EgressError::Timeout))
    }

    async fn connect_unbounded(&self, host: &str, port: u16, tls: bool) -> Result<Connected, EgressError> {
        let addresses = self.resolve(host, port).await?;
        let tcp = first_to_connect(addresses).await.map_err(EgressError::Connect)?;
        let address = tcp.peer_addr().map_err(EgressError::Connect)?;
        // Best effort: a socket without it is slower, not wrong.
        let _ = tcp.set_nodelay(true);
        if !tls {
            return Ok(Connected { stream: Stream::Plain(tcp), address });
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| EgressError::Name)?;
        let connector = self.tls.get_or_try_init(async || connector(machine_roots().await?)).await?;
        let stream = connector.connect(name, tcp).await.map_err(EgressError::Tls)?;
        Ok(Connected { stream: Stream::Tls(Box::new(stream)), address })
    }

    /// The permitted addresses of a host, in the order in which to try them.
    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, EgressError> {
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::net::lookup_host((host, port)).await.map_err(EgressError::Unresolved)?.collect(),
        };
        if found.is_empty() {
            return Err(EgressError::Unresolved(io::ErrorKind::NotFound.into()));
        }
        let policy = self.policy.load();
        let permitted: Vec<SocketAddr> = found.into_iter().filter(|address| policy.permits_socket(*address)).collect();
        if permitted.is_empty() { Err(EgressError::Refused) } else { Ok(interleave(permitted)) }
    }
}

/// Takes turns between the families, beginning with the resolver's first choice.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut other = other.into_iter();
    let mut ordered: Vec<SocketAddr> =
        preferred.into_iter().flat_map(|address| iter::once(address).chain(other.next())).collect();
    ordered.extend(other);
    ordered
}

/// Connects to the addresses in order, each with a head start on the next.
async fn first_to_connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    if let [only] = addresses.as_slice() {
        return TcpStream::connect(only).await;
    }
    let mut attempts = JoinSet::new();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        attempts.spawn(TcpStream::connect(address));
        match tokio::time::timeout(HEAD_START, attempts.join_next()).await {
            Ok(Some(Ok(Ok(stream)))) => return Ok(stream),
            Ok(Some(Ok(Err(error)))) => last = error,
            Ok(Some(Err(_)) | None) | Err(_) => {}
        }
    }
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => {}
        }
    }
    Err(last)
}

/// Reads the machine's trusted roots; hundreds of files on some machines, so not on a worker thread and only once.
pub(crate) async fn machine_roots() -> Result<RootCertStore, EgressError> {
    let loaded =
        tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await.map_err(|_| EgressError::Roots)?;
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 { Err(EgressError::Roots) } else { Ok(roots) }
}

/// For connections to who has a certificate of these, over which HTTP/1.1 is spoken.
pub(crate) fn connector(roots: RootCertStore) -> Result<TlsConnector, EgressError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| EgressError::Tls(io::Error::other(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The class of a TLS failure: what a person can act on, and nothing that the certificate says.
fn tls_reason(error: &io::Error) -> &'static str {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let error = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match error {
        Some(rustls::Error::InvalidCertificate(UnknownIssuer)) => "the certificate's issuer is not trusted",
        Some(rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. })) => "the certificate has expired",
        Some(rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. })) => {
            "the certificate is not valid yet"
        }
        Some(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
            "the certificate is of another name"
        }
        Some(rustls::Error::InvalidCertificate(_)) => "the certificate is not valid",
        _ => "the handshake failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_resolvers_choice() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let ordered =
            interleave(["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].into_iter().map(address).collect());
        let expected: Vec<_> =
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].into_iter().map(address).collect();
        assert_eq!(ordered, expected);
    }

    #[tokio::test]
    async fn r20_a_name_that_leads_to_a_refused_address_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let egress = Egress::new(EgressPolicy::default());
        for host in ["localhost", "127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"] {
            let refused = egress.connect(host, port, false, Duration::from_secs(5)).await;
            assert!(matches!(refused, Err(EgressError::Refused)), "{host} was not refused");
        }
        egress.change_policy(|policy| policy.allow_loopback = true);
        assert!(egress.connect("localhost", port, false, Duration::from_secs(5)).await.is_ok());
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        let closed = {
            let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            gone.local_addr().unwrap()
        };
        assert!(first_to_connect(vec![closed, open]).await.is_ok());
        assert!(first_to_connect(vec![closed, closed]).await.is_err());
    }
}
