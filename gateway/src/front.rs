//! The rim: where a request was sent, and from where.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::head::Head;
use crate::reject::Reject;

/// What an origin's scheme is written as, and the port that it implies.
const DEFAULT_PORTS: [(&str, u16); 2] = [("http://", 80), ("https://", 443)];

/// A path of ours.
pub struct Path<'r> {
    names: Option<Cow<'r, str>>,
    /// The transport that is spoken at it.
    pub door: Door,
}

/// What is spoken at a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Door {
    /// Streamable HTTP.
    Mcp,
    /// HTTP+SSE: where a client gets its stream.
    Sse,
    /// HTTP+SSE: where it posts its messages.
    Messages,
}

impl Door {
    /// Whether this may be done at it.
    pub fn takes(self, method: &Method) -> bool {
        match self {
            Door::Mcp => [Method::POST, Method::GET, Method::DELETE].contains(method),
            Door::Sse => method == Method::GET,
            Door::Messages => method == Method::POST,
        }
    }

    /// The same, in words.
    pub const fn methods(self) -> &'static str {
        match self {
            Door::Mcp => "POST, GET, DELETE",
            Door::Sse => "GET",
            Door::Messages => "POST",
        }
    }
}

/// What a path of [`Door::Messages`] has more than that of its stream.
pub const MESSAGES: &str = "/messages";

impl<'r> Path<'r> {
    /// `/mcp`, `/mcp/`, `/mcp/{names}`, `/{names}/mcp`; for old clients `/mcp/sse`, `/sse`, `/{names}/sse`, and each of
    /// these with `/messages`; nothing else is MCP. No server is named `mcp` or `sse`.
    pub fn read(path: &'r str) -> Option<Self> {
        if let Some(door) = path.strip_suffix(MESSAGES).filter(|stream| stream.ends_with("/sse")) {
            return Self::of_sse(door, Door::Messages);
        }
        let stream = path.strip_suffix('/').unwrap_or(path);
        if stream.ends_with("/sse") {
            return Self::of_sse(stream, Door::Sse);
        }
        if matches!(path, "/mcp" | "/mcp/") {
            return Some(Self { names: None, door: Door::Mcp });
        }
        let names = path.strip_prefix("/mcp/").or_else(|| path.strip_prefix('/')?.strip_suffix("/mcp"))?;
        Self::of_names(names.strip_suffix('/').unwrap_or(names), Door::Mcp)
    }

    fn of_sse(path: &'r str, door: Door) -> Option<Self> {
        match path.strip_suffix("/sse")? {
            "" | "/mcp" => Some(Self { names: None, door }),
            names => Self::of_names(names.strip_prefix('/')?, door),
        }
    }

    fn of_names(names: &'r str, door: Door) -> Option<Self> {
        if names.is_empty() || names.contains('/') {
            return None;
        }
        percent_decode_str(names).decode_utf8().ok().map(|names| Self { names: Some(names), door })
    }

    /// The servers and groups that the path names, as CSV; none on the aggregate.
    pub fn names(&self) -> Option<&str> {
        self.names.as_deref()
    }
}

/// Whether a request names this gateway and comes from where it may (R14). `listener`: the address that is listened on;
/// `allowed`: origins beside the gateway's own, in lower case.
pub fn check(target: &Uri, head: &Head<'_>, listener: SocketAddr, allowed: &[String]) -> Result<(), Reject> {
    // A target that names a host of its own overrides Host (RFC 9112, 3.2.2).
    let host = target.authority().map(|authority| authority.as_str().as_bytes()).or(head.host);
    let host = host.and_then(Host::read);
    check_host(host.as_ref(), listener)?;
    check_origin(head.origin, host.as_ref(), allowed)
}

/// On a loopback listener Host must be loopback, or a page of the web could reach it by a name of its own. It is the
/// listener that counts, not the address that a connection came in by: a proxy or a mesh's sidecar on the same machine
/// comes by loopback too and names the gateway as its clients do. Who listens on all addresses can be reached by such a
/// page at any of them; it has no key, and gets what an Anonymous binding gives.
fn check_host(host: Option<&Host<'_>>, listener: SocketAddr) -> Result<(), Reject> {
    let is_open = !listener.ip().to_canonical().is_loopback();
    if is_open || host.is_some_and(Host::is_loopback) { Ok(()) } else { Err(Reject::Host) }
}

/// An Origin, if there is one, must be the gateway's own or in the settings. Its scheme does not count: what ends TLS
/// before the gateway is not known here.
fn check_origin(origin: Option<&[u8]>, host: Option<&Host<'_>>, allowed: &[String]) -> Result<(), Reject> {
    let Some(origin) = origin else { return Ok(()) };
    let origin = origin.to_ascii_lowercase();
    let own = host.is_some_and(|host| host.has_origin(&origin));
    if own || allowed.iter().any(|allowed| allowed.as_bytes() == origin) { Ok(()) } else { Err(Reject::Origin) }
}

/// A host as Host and origins name it: `name`, `127.0.0.1` or `[::1]`, each with `:port` or without.
struct Host<'r> {
    /// Without brackets.
    name: &'r str,
    port: Option<u16>,
}

impl<'r> Host<'r> {
    fn read(text: &'r [u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once(']').filter(|(name, _)| name.parse::<Ipv6Addr>().is_ok())?,
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let port = match port {
            "" | ":" => None,
            port => Some(port.strip_prefix(':').filter(|port| !port.starts_with('+'))?.parse().ok()?),
        };
        Some(Self { name, port })
    }

    /// By name or by address, written in full: `localhost`, all of 127.0.0.0/8, `::1`, and IPv4-mapped ones.
    fn is_loopback(&self) -> bool {
        let address = self.name.parse::<IpAddr>();
        self.name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Whether an origin, in lower case, is of this host. A port that goes without saying may be said.
    fn has_origin(&self, origin: &[u8]) -> bool {
        DEFAULT_PORTS.iter().any(|(scheme, default)| {
            let origin = origin.strip_prefix(scheme.as_bytes()).and_then(Host::read);
            origin.is_some_and(|origin| {
                origin.name.eq_ignore_ascii_case(self.name)
                    && origin.port.unwrap_or(*default) == self.port.unwrap_or(*default)
            })
        })
    }
}

#[cfg(test)]
mod tests;
