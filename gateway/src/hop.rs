//! How a request came: from its client, or by another process of the fleet;
//! and what of its headers goes further than one connection.

use std::net::{IpAddr, SocketAddr};

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue};

use crate::networks::{Networks, Side};
use crate::peers::{BOOT, SIDE};

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub enum Hop {
    /// From outside.
    Client {
        /// The address that is listened on, which may be any of the machine's.
        listener: SocketAddr,
        /// The other end of the connection.
        address: IpAddr,
        /// By what it came: http or https.
        scheme: &'static str,
    },
    /// From a process that took it first, and settled there what a connection is judged by: Host, Origin, guesses, and
    /// where its client is. It is not passed on again.
    Peer {
        /// Whether the client is at an internal address, as that process says.
        inside: bool,
    },
}

impl Hop {
    /// Where the client of the request is.
    pub fn side(self, networks: &Networks, headers: &HeaderMap) -> Side {
        match self {
            Hop::Client { address, .. } => networks.side(address, headers),
            Hop::Peer { inside } => networks.side_told(inside),
        }
    }
}

/// What counts for one connection only (RFC 9110, 7.6.1), what is written anew for the next, and what is ours.
const OF_ONE_HOP: [HeaderName; 12] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    BOOT,
    SIDE,
];

/// The headers that go on to the next process.
pub fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<&str> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let goes_on = |(name, _): &(&HeaderName, &HeaderValue)| {
        !OF_ONE_HOP.contains(name) && !named.iter().any(|named| named.eq_ignore_ascii_case(name.as_str()))
    };
    headers.iter().filter(goes_on).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_one_connection_stays_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "7"),
            ("switchboard-boot", "0000000000000000"),
            ("switchboard-side", "inside"),
            ("x-mcp-servers", "one"),
            ("x-mcp-servers", "two"),
            ("authorization", "Bearer sb-1"),
            ("host", "localhost"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let left: Vec<_> = end_to_end(&headers).into_iter().map(|(_, value)| value).collect();
        assert_eq!(left, ["one", "two", "Bearer sb-1", "localhost"]);
    }
}
