//! Values of flags that every binary with a gateway in it has, checked as they
//! are read.

use std::net::{AddrParseError, IpAddr, SocketAddr};

use crds::names::may_be_client_side_auth_header;
use http::HeaderName;

/// The name in lower case of a header that callers may bring a credential in, or nothing: an empty variable is as good as
/// none.
pub fn header_name(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let name = text.parse::<HeaderName>().map_err(|_| "this is no name of a header".to_owned())?;
    if !may_be_client_side_auth_header(name.as_str()) {
        return Err(
            "the gateway reads this header for itself: choose another, as in x-mcp-auth or authorization".into()
        );
    }
    Ok(name.as_str().to_owned())
}

/// Where another process is: a host and a port. The host is resolved later, and again and again.
pub fn peer(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok(text.to_owned()),
        _ => Err("this is not HOST:PORT".to_owned()),
    }
}

/// An address that is also told to the peers. An IPv6 address may stand without brackets: nobody can say of a variable
/// such as `$(POD_IP)` whether it needs them.
pub fn peer_listen(text: &str) -> Result<SocketAddr, String> {
    let unbracketed = || {
        let (ip, port) = text.rsplit_once(':')?;
        Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, port.parse().ok()?))
    };
    let address = match text.parse::<SocketAddr>() {
        Ok(address) => address,
        Err(error) => unbracketed().ok_or_else(|| error.to_string())?,
    };
    if address.ip().is_unspecified() {
        return Err("the peers are told this address: name the one by which they reach this process".into());
    }
    Ok(address)
}

/// An address that nobody but this machine, or this pod, can reach.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error: AddrParseError| error.to_string())?;
    if !address.ip().to_canonical().is_loopback() {
        return Err("whoever reaches this address is taken for the pod: it must be on loopback, as in 127.0.0.1".into());
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_on_loopback_is_one() {
        for good in ["127.0.0.1:6270", "127.8.9.10:0", "[::1]:6270", "[::ffff:127.0.0.1]:6270"] {
            assert_eq!(loopback(good), Ok(good.parse().unwrap()));
        }
        for bad in ["0.0.0.0:6270", "[::]:6270", "10.0.0.7:6270", "[::ffff:10.0.0.7]:6270", "localhost:6270", "6270"] {
            assert!(loopback(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn peers_are_named_by_host_and_port_and_find_this_process_where_it_says() {
        for good in ["10.0.0.7:9443", "[2001:db8::1]:9443", "switchboard-peers:9443"] {
            assert_eq!(peer(good).as_deref(), Ok(good));
        }
        for bad in ["", ":9443", "10.0.0.7", "10.0.0.7:", "10.0.0.7:0", "10.0.0.7:65536", "host:port"] {
            assert!(peer(bad).is_err(), "{bad}");
        }
        for (good, address) in [
            ("10.0.0.7:9443", "10.0.0.7:9443"),
            ("[fd00::7]:9443", "[fd00::7]:9443"),
            ("fd00::7:9443", "[fd00::7]:9443"),
        ] {
            assert_eq!(peer_listen(good), Ok(address.parse().unwrap()));
        }
        for bad in ["0.0.0.0:9443", "[::]:9443", ":::9443", "switchboard:9443", "10.0.0.7", ":9443"] {
            assert!(peer_listen(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn r1_the_header_for_callers_credentials_is_none_of_the_gateways_own() {
        assert_eq!(header_name("Authorization").as_deref(), Ok("authorization"));
        assert_eq!(header_name("").as_deref(), Ok(""), "an empty variable is as good as none");
        for bad in ["x y", "Host", "X-Litellm-Api-Key", "x-mcp-servers", "content-type"] {
            assert!(header_name(bad).is_err(), "{bad}");
        }
    }
}
