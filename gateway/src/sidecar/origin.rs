//! Where the fleet is: a scheme, a host and a port, of which nothing changes
//! while the process runs.

use std::fmt;
use std::str::FromStr;

use http::uri::Scheme;
use http::{HeaderValue, Uri};

/// An origin. Shown, it is a URL without a path.
pub(super) struct Origin {
    /// TLS.
    pub(super) tls: bool,
    /// A name or an address, IPv6 without brackets.
    pub(super) host: String,
    /// The port, the scheme's if the URL names none.
    pub(super) port: u16,
    /// The value of `Host`.
    pub(super) authority: HeaderValue,
    shown: String,
}

impl FromStr for Origin {
    /// What is wrong. It never repeats the text.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "this is no URL of a gateway, as in http://switchboard-gateway.switchboard.svc";
        let url: Uri = text.trim().parse().map_err(|_| SHAPE)?;
        let tls = match url.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(SHAPE),
        };
        let authority = url.authority().filter(|authority| !authority.host().is_empty()).ok_or(SHAPE)?;
        if authority.as_str().contains('@') {
            return Err("a URL with a user name in it: the gateway knows the pod by its token alone");
        }
        if url.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err("a URL with a path: name the gateway without it, agents add /mcp by themselves");
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") if tls => 443,
            Some("") => 80,
            Some(port) => port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(SHAPE)?,
            None => return Err(SHAPE),
        };
        Ok(Self {
            tls,
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase(),
            port,
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| SHAPE)?,
            shown: format!("{}://{authority}", if tls { Scheme::HTTPS } else { Scheme::HTTP }),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_a_gateway_is_taken_apart() {
        for (url, tls, host, port, shown) in [
            ("http://gateway.svc", false, "gateway.svc", 80, "http://gateway.svc"),
            ("https://Gateway.svc/", true, "gateway.svc", 443, "https://Gateway.svc"),
            ("HTTP://10.0.0.7:8080", false, "10.0.0.7", 8080, "http://10.0.0.7:8080"),
            ("https://[fd00::7]:8443/\n", true, "fd00::7", 8443, "https://[fd00::7]:8443"),
        ] {
            let origin: Origin = url.parse().unwrap();
            let parts = (origin.tls, origin.host.as_str(), origin.port, origin.to_string());
            assert_eq!(parts, (tls, host, port, shown.to_owned()), "{url}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_without_repeating_it() {
        for bad in [
            "",
            "secret",
            "secret.svc:80",
            "ftp://secret.svc",
            "http://",
            "http://user:secret@gateway.svc",
            "http://gateway.svc/secret",
            "http://gateway.svc?secret",
            "http://secret.svc:port",
            "http://secret.svc:",
            "http://secret.svc:99999",
        ] {
            let error = bad.parse::<Origin>().err();
            assert!(error.is_some_and(|error| !error.contains("secret")), "{bad}");
        }
    }
}
