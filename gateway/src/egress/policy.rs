//! Which addresses may be connected to, decided per address (R20).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use ipnet::IpNet;

/// What may be connected to. The default refuses loopback, link-local, metadata
/// services, multicast, broadcast and unspecified addresses, in any notation.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EgressPolicy {
    /// Permitted although refused by default.
    pub allow: Vec<IpNet>,
    /// Loopback is permitted: on a laptop, where the servers are.
    pub allow_loopback: bool,
    /// The gateway's own listeners; never permitted, or a server could be the gateway itself. One on the unspecified
    /// address stands for its port on every address of this machine.
    pub own: Vec<SocketAddr>,
    /// Where other parts of the installation are: pods and Services of the gateway and the operator. Never permitted, at
    /// any port: what only they may ask one another is not for an McpServer to be sent to.
    pub installation: Vec<IpAddr>,
}

/// Metadata services of the large clouds outside of the link-local ranges.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

impl EgressPolicy {
    /// Whether this address may be connected to, whatever the port.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.allow.iter().any(|net| net.contains(&address)) {
            return true;
        }
        if address.is_loopback() {
            return self.allow_loopback;
        }
        match address {
            IpAddr::V4(v4) => permits_v4(v4),
            IpAddr::V6(v6) => permits_v6(v6) && embedded(v6).is_none_or(|v4| self.permits(IpAddr::V4(v4))),
        }
    }

    /// Whether this socket may be connected to: a permitted address, and neither one of our own listeners nor another
    /// part of the installation.
    pub fn permits_socket(&self, socket: SocketAddr) -> bool {
        let is_of_installation = |address: IpAddr| self.installation.iter().any(|ip| ip.to_canonical() == address);
        self.permits(socket.ip())
            && !self.own.iter().any(|own| is_own(*own, socket))
            && !reached_by(socket.ip()).any(is_of_installation)
    }
}

fn permits_v4(address: Ipv4Addr) -> bool {
    // 0.0.0.0/8 is "this host on this network": Linux takes 0.0.0.0 for loopback.
    !(address.octets()[0] == 0
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || METADATA_V4.contains(&address))
}

fn permits_v6(address: Ipv6Addr) -> bool {
    !(address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || METADATA_V6.contains(&address))
}

/// An address, and the IPv4 address that it stands for, if it does.
fn reached_by(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let address = address.to_canonical();
    let inner = match address {
        IpAddr::V6(v6) => embedded(v6).map(IpAddr::V4),
        IpAddr::V4(_) => None,
    };
    std::iter::once(address).chain(inner)
}

/// The IPv4 address that a translator or tunnel would reach by this one.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at = |start: usize| Ipv4Addr::new(octets[start], octets[start + 1], octets[start + 2], octets[start + 3]);
    match address.segments() {
        // IPv4-compatible (RFC 4291), NAT64 (RFC 6052) and local-use NAT64 (RFC 8215)
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => Some(at(12)),
        // 6to4 (RFC 3056)
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

fn is_own(own: SocketAddr, socket: SocketAddr) -> bool {
    let (mine, theirs) = (own.ip().to_canonical(), socket.ip().to_canonical());
    own.port() == socket.port() && (mine == theirs || (mine.is_unspecified() && is_of_this_machine(socket)))
}

/// Whether an address is one of this machine's now: only to those a socket can be bound. Asked when a connection is
/// made, since addresses come and go. Whatever else is wrong refuses it.
fn is_of_this_machine(socket: SocketAddr) -> bool {
    let mut address = socket;
    address.set_ip(socket.ip().to_canonical());
    address.set_port(0);
    // Datagrams: nothing is sent, and no port that a listener could want is taken.
    UdpSocket::bind(address).map_or_else(|error| error.kind() != io::ErrorKind::AddrNotAvailable, |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: [&str; 23] = [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "febf::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::127.0.0.1",
        "2002:a9fe:a9fe::1",
    ];

    const PERMITTED: [&str; 12] = [
        "1.1.1.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.253.255.255",
        "2606:4700::1111",
        "fd00::1",
        "fc00:1::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:0a00:0001::1",
    ];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn r20_addresses_of_the_machine_and_the_cloud_are_refused_by_default() {
        let policy = EgressPolicy::default();
        for address in REFUSED {
            assert!(!policy.permits(ip(address)), "{address}");
        }
        for address in PERMITTED {
            assert!(policy.permits(ip(address)), "{address}");
        }
    }

    #[test]
    fn r20_loopback_opens_alone() {
        let policy = EgressPolicy { allow_loopback: true, ..EgressPolicy::default() };
        let opened: Vec<&str> = REFUSED.into_iter().filter(|address| policy.permits(ip(address))).collect();
        assert_eq!(
            opened,
            ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "64:ff9b:1::127.0.0.1"],
            "loopback in any notation, and nothing else"
        );
    }

    #[test]
    fn r20_an_allowed_network_opens_itself_in_any_notation() {
        let policy = EgressPolicy { allow: vec!["169.254.7.0/24".parse().unwrap()], ..EgressPolicy::default() };
        assert!(policy.permits(ip("169.254.7.9")));
        assert!(policy.permits(ip("::ffff:169.254.7.9")));
        assert!(!policy.permits(ip("169.254.169.254")));
    }

    #[test]
    fn r20_own_listeners_are_refused_whatever_is_allowed() {
        let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
        let policy = EgressPolicy {
            allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
            allow_loopback: true,
            own: vec![socket("127.0.0.1:4000"), socket("0.0.0.0:9090")],
            ..EgressPolicy::default()
        };
        for own in ["127.0.0.1:4000", "[::ffff:127.0.0.1]:4000", "127.0.0.1:9090", "[::1]:9090", "0.0.0.0:9090"] {
            assert!(!policy.permits_socket(socket(own)), "{own}");
        }
        assert!(policy.permits_socket(socket("127.0.0.1:4001")));
        // of no machine (RFC 5737)
        assert!(policy.permits_socket(socket("192.0.2.1:9090")));
    }

    #[test]
    fn r20_the_rest_of_the_installation_is_refused_at_any_port_whatever_is_allowed() {
        let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
        let policy = EgressPolicy {
            allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
            own: vec![socket("10.96.0.1:443")],
            installation: vec![ip("10.244.0.7"), ip("fd00::7")],
            ..EgressPolicy::default()
        };
        for refused in ["10.244.0.7:80", "[::ffff:10.244.0.7]:8080", "[64:ff9b::10.244.0.7]:80", "[fd00::7]:1"] {
            assert!(!policy.permits_socket(socket(refused)), "{refused}");
        }
        assert!(!policy.permits_socket(socket("10.96.0.1:443")), "the apiserver");
        for permitted in ["10.244.0.8:80", "[fd00::8]:1", "10.96.0.1:80"] {
            assert!(policy.permits_socket(socket(permitted)), "{permitted}");
        }
    }

    #[test]
    fn r20_a_listener_on_every_address_is_refused_on_every_address() {
        // Connecting datagrams sends none: it tells the address of this machine that leads outside, if one does.
        let outside = UdpSocket::bind("0.0.0.0:0").unwrap();
        let outside = outside.connect("192.0.2.1:9").and_then(|()| outside.local_addr());
        let mut addresses = vec![ip("127.8.9.10"), ip("::ffff:127.8.9.10")];
        addresses.extend(outside.map(|address| address.ip()));
        for own in ["0.0.0.0:4000", "[::]:4000"] {
            let own = vec![own.parse().unwrap()];
            let policy = EgressPolicy { allow_loopback: true, own, ..EgressPolicy::default() };
            for address in &addresses {
                assert!(!policy.permits_socket(SocketAddr::new(*address, 4000)), "{address}");
                assert!(policy.permits_socket(SocketAddr::new(*address, 4001)), "{address}");
            }
        }
    }
}
