//! Who keeps what belongs to one process: a process, for as long as it runs.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::seal::NoRandomness;

/// A running process, as others of its fleet find it. Sealed into what is given to clients to bring back.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Owner {
    /// Random, new at each start: a process that has ended is not met again at its address.
    pub boot: [u8; 8],
    /// Where its peers reach it; none if it has no peers.
    pub address: Option<SocketAddr>,
}

impl Owner {
    /// The length of its sealed form.
    pub const BYTES: usize = 8 + 16 + 2;

    /// This process, from now on.
    pub fn begin(address: Option<SocketAddr>) -> Result<Self, NoRandomness> {
        let mut boot = [0; 8];
        getrandom::fill(&mut boot).map_err(|_| NoRandomness)?;
        Ok(Self { boot, address })
    }

    /// A boot id as 16 hexadecimal digits.
    pub fn boot_in_hex(boot: [u8; 8]) -> String {
        format!("{:016x}", u64::from_be_bytes(boot))
    }

    /// As it is sealed: boot id, address as IPv6, port; all zeros where there is no address.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.boot);
        if let Some(address) = self.address {
            let ip = match address.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            bytes[8..24].copy_from_slice(&ip.octets());
            bytes[24..].copy_from_slice(&address.port().to_be_bytes());
        }
        bytes
    }

    /// What was sealed.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let [b0, b1, b2, b3, b4, b5, b6, b7, ip @ .., p0, p1] = bytes;
        let ip: [u8; 16] = ip;
        let port = u16::from_be_bytes([p0, p1]);
        let address = SocketAddr::new(Ipv6Addr::from(ip).to_canonical(), port);
        Self { boot: [b0, b1, b2, b3, b4, b5, b6, b7], address: (port != 0).then_some(address) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_was_written() {
        for address in [None, Some("10.1.2.3:8081"), Some("[2001:db8::7]:1")] {
            let address = address.map(|address| address.parse().unwrap());
            let owner = Owner::begin(address).unwrap();
            assert_eq!(Owner::from_bytes(owner.to_bytes()), owner);
        }
    }
}
