//! How a client without a token learns where to get one (RFC 9728; MCP, authorization): a challenge that names the
//! metadata of the resource that was asked for, and the metadata, which name the issuers whose tokens are taken. There
//! is neither while no issuer is: it would send clients into OAuth where a key is what they lack.

use http::header::{HOST, HeaderValue};
use http::uri::Authority;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use serde::Serialize;

use crate::body::Body;
use crate::front::Path;
use crate::hop::Hop;
use crate::reject::Reject;
use crate::rest;
use crate::table::RoutingTable;

/// Where metadata are: this, and then the path of the resource.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// The longest Host that is taken for ours, in bytes.
const LONGEST_HOST: usize = 255;

/// What a proxy says of how its client came.
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";

/// A resource of ours, as its client reaches it. Costs no allocation before it is asked for something.
pub(crate) struct Resource {
    scheme: &'static str,
    host: Option<HeaderValue>,
    /// Scheme and host as a trusted proxy says them.
    forwarded: [Option<HeaderValue>; 2],
    uri: Uri,
}

#[derive(Serialize)]
struct Metadata<'m> {
    resource: String,
    authorization_servers: Vec<&'m str>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: &'static str,
}

impl Resource {
    /// The resource that a request of a client is about, if there are tokens for it.
    pub(crate) fn asked(table: &RoutingTable, hop: Hop, request: &Request<Incoming>) -> Option<Self> {
        let Hop::Client { scheme, address, .. } = hop else { return None };
        let header = |name| request.headers().get(name).cloned();
        let asked = || {
            let is_trusted = table.networks.trusts(address);
            let forwarded = [FORWARDED_PROTO, FORWARDED_HOST].map(|name| header(name).filter(|_| is_trusted));
            Self { scheme, host: request.headers().get(HOST).cloned(), forwarded, uri: request.uri().clone() }
        };
        (!table.snapshot.settings.issuers.is_empty()).then(asked)
    }

    /// What a 401 says: where the metadata are, and what was wrong with a credential.
    pub(crate) fn challenge(&self, table: &RoutingTable, reject: &Reject) -> Option<HeaderValue> {
        let error = match reject {
            Reject::Unauthenticated => "",
            Reject::InvalidCredential(_) => r#"error="invalid_token", "#,
            _ => return None,
        };
        let (base, path) = (self.base(table)?, self.uri.path());
        HeaderValue::try_from(format!(r#"Bearer {error}resource_metadata="{base}{WELL_KNOWN}{path}""#)).ok()
    }

    /// The metadata, where they are asked for; the same whatever servers there are.
    pub(crate) fn metadata(&self, table: &RoutingTable) -> Option<Response<Body>> {
        let path = self.uri.path().strip_prefix(WELL_KNOWN)?;
        if !path.is_empty() && Path::read(path).is_none() {
            return None;
        }
        let metadata = Metadata {
            resource: format!("{}{path}", self.base(table)?),
            authorization_servers: table.snapshot.settings.issuers.iter().map(|issuer| &*issuer.issuer).collect(),
            bearer_methods_supported: ["header"],
            resource_name: "Switchboard",
        };
        Some(rest::written(&metadata))
    }

    /// Scheme and authority.
    fn base(&self, table: &RoutingTable) -> Option<String> {
        match &table.snapshot.settings.public_url {
            Some(url) => Some(url.clone()),
            None => Some(format!("{}://{}", self.scheme(), self.host()?)),
        }
    }

    /// By what the client came, to the proxy that is furthest from here.
    fn scheme(&self) -> &str {
        let forwarded = self.forwarded[0].as_ref().and_then(furthest);
        forwarded.filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or(self.scheme)
    }

    /// As the client calls us, if that can stand in a URL.
    fn host(&self) -> Option<&str> {
        let authority = self.uri.authority().map(Authority::as_str);
        let own = || authority.or_else(|| self.host.as_ref()?.to_str().ok());
        let host = self.forwarded[1].as_ref().and_then(furthest).or_else(own)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        (!host.is_empty() && host.len() <= LONGEST_HOST && host.bytes().all(plain)).then_some(host)
    }
}

/// What the first of several proxies says.
fn furthest(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()?.split(',').next().map(str::trim).filter(|said| !said.is_empty())
}

/// Whether a path is one of metadata.
pub(crate) fn is_metadata(path: &str) -> bool {
    path.starts_with(WELL_KNOWN)
}
