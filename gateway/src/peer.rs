//! Who is at the other end of a connection, as far as limits tell (R13): the
//! address that the kernel gives. What a proxy says of its own clients is not
//! read here, so all of them count as one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The part of an IPv6 address that one subscriber or host has for itself.
const IPV6_PREFIX: u32 = 64;

/// An IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        // On a socket of both families an IPv4 client has an IPv4-mapped address.
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - IPV6_PREFIX))).into(),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(address) => write!(f, "{address}/{IPV6_PREFIX}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> String {
        Peer::from(address.parse::<IpAddr>().unwrap()).to_string()
    }

    #[test]
    fn r13_an_ipv4_address_is_one_peer_and_so_is_an_ipv6_64() {
        assert_eq!(peer("192.0.2.7"), "192.0.2.7");
        assert_eq!(peer("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(peer("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(peer("2001:db8:1:2:ffff::1"), peer("2001:db8:1:2::"));
        assert_ne!(peer("2001:db8:1:3::"), peer("2001:db8:1:2::"));
    }
}
