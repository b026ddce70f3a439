//! Where a client is, as far as servers with `exposure: Internal` ask: inside, at an address of the internal networks, or
//! outside. A restriction beside access (`permit`), which knows no addresses.
//!
//! In: the other end of the connection and, if that is a trusted proxy, what it says in `X-Forwarded-For`. Out: a
//! [`Side`], which goes with whatever the request begins.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use crds::snapshot::WireSettings;
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

/// By whom a proxy says that it was asked: each hop puts its client behind those before.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What is internal where the settings do not say: private addresses (RFC 1918, RFC 4193) and loopback. Link-local ones are
/// not: some clusters give them to clients from outside on their way in.
const INTERNAL: [&str; 6] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7"];

/// Who is believed, and who is inside.
#[derive(Debug, Default)]
pub struct Networks {
    proxies: Vec<IpNet>,
    /// Nobody is in none: so it is where the settings cannot be read.
    internal: Vec<IpNet>,
    /// Tells them from those of other settings.
    rules: u64,
}

/// Where a client is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// At an internal address, by these rules. By others it has to be asked anew: until then it is outside.
    Inside(u64),
    /// Anywhere else.
    Outside,
}

impl Networks {
    /// Those of the settings.
    pub fn of(settings: &WireSettings) -> Self {
        let parse = |text: &str| text.parse::<IpNet>().ok();
        let proxies: Option<Vec<_>> = settings.trusted_proxies.iter().map(|text| parse(text)).collect();
        let internal: Option<Vec<_>> = match &settings.internal_networks {
            Some(networks) => networks.iter().map(|text| parse(text)).collect(),
            None => INTERNAL.iter().map(|text| parse(text)).collect(),
        };
        let Some((proxies, internal)) = proxies.zip(internal) else { return Self::default() };
        let mut hasher = DefaultHasher::new();
        (&proxies, &internal).hash(&mut hasher);
        Self { proxies, internal, rules: hasher.finish() }
    }

    /// Where the client of a request is. `peer`: the other end of its connection.
    pub fn side(&self, peer: IpAddr, headers: &HeaderMap) -> Side {
        if self.client(peer, headers).is_some_and(|client| holds(&self.internal, client)) {
            Side::Inside(self.rules)
        } else {
            Side::Outside
        }
    }

    /// The same as another process of the fleet found it.
    pub fn side_told(&self, inside: bool) -> Side {
        if inside { Side::Inside(self.rules) } else { Side::Outside }
    }

    /// A side that these or other rules gave, by these.
    pub fn still(&self, side: Side) -> Side {
        if side == Side::Inside(self.rules) { side } else { Side::Outside }
    }

    /// Whether a peer is believed what it says of its client.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        holds(&self.proxies, peer)
    }

    /// The client's address: the first one that is no trusted proxy's, from the connection outwards; if all are, the last.
    /// None where nobody can be believed: who forwards for others and is not trusted, and what is no address.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.trusts(peer) {
            let forwards = headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED);
            return (!forwards).then_some(peer);
        }
        let mut client = peer;
        for value in headers.get_all(FORWARDED_FOR).iter().rev() {
            for hop in value.to_str().ok()?.rsplit(',') {
                client = address(hop.trim())?;
                if !self.trusts(client) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }
}

impl Side {
    /// Whether it is outside.
    pub fn is_outside(self) -> bool {
        self == Side::Outside
    }
}

fn holds(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// An address as proxies write it: `192.0.2.7`, `2001:db8::7`, `[2001:db8::7]`, each of which but the second may have a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// How a header says which side it is.
pub(crate) fn header(side: Side) -> HeaderValue {
    HeaderValue::from_static(if side.is_outside() { "outside" } else { "inside" })
}

#[cfg(test)]
mod tests;
