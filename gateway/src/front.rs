//! The rim: where a request was sent, and from where.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use percent_encoding::percent_decode_str;

use crate::head::Head;
use crate::reject::Reject;

/// A path of ours.
pub struct Path<'r>(Option<Cow<'r, str>>);

impl<'r> Path<'r> {
    /// `/mcp`, `/mcp/`, `/mcp/{names}`, `/{names}/mcp`; nothing else is ours.
    pub fn read(path: &'r str) -> Option<Self> {
        if matches!(path, "/mcp" | "/mcp/") {
            return Some(Self(None));
        }
        let names = path.strip_prefix("/mcp/").or_else(|| path.strip_prefix('/')?.strip_suffix("/mcp"))?;
        let names = names.strip_suffix('/').unwrap_or(names);
        if names.is_empty() || names.contains('/') {
            return None;
        }
        percent_decode_str(names).decode_utf8().ok().map(|names| Self(Some(names)))
    }

    /// The servers and groups that the path names, as CSV; none on the aggregate.
    pub fn names(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// On a loopback listener Host must be loopback, or a page of the web could reach it by a name of its own (R14).
pub fn check_host(head: &Head<'_>, listener: SocketAddr) -> Result<(), Reject> {
    if !listener.ip().is_loopback() || head.host.and_then(host_of).is_some_and(is_loopback) {
        Ok(())
    } else {
        Err(Reject::Host)
    }
}

/// An Origin, if there is one, must be the gateway's own or in the settings (R14).
pub fn check_origin(head: &Head<'_>, allowed: &[String]) -> Result<(), Reject> {
    let Some(origin) = head.origin else { return Ok(()) };
    let origin = origin.to_ascii_lowercase();
    let own = head.host.is_some_and(|host| {
        let host = host.to_ascii_lowercase();
        origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://")) == Some(&host[..])
    });
    if own || allowed.iter().any(|allowed| allowed.as_bytes() == origin) { Ok(()) } else { Err(Reject::Origin) }
}

/// The host of `host[:port]`.
fn host_of(authority: &[u8]) -> Option<&str> {
    let authority = str::from_utf8(authority).ok()?;
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
