//! Where an upstream is: its URL, taken apart once.

use http::uri::{Parts, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::upstream::{Outcome, UpstreamError};

/// The parts of an upstream's URL that requests need. The URL may hold a secret, so there is no `Debug`.
pub(crate) struct Target {
    /// TLS.
    pub(crate) https: bool,
    /// A name or an address, IPv6 without brackets, lower case.
    pub(crate) host: String,
    /// The port, the scheme's if the URL names none.
    pub(crate) port: u16,
    /// The value of `Host`.
    pub(crate) authority: HeaderValue,
    /// Path and query, as the request line bears them.
    pub(crate) path: Uri,
}

impl Target {
    /// Takes a URL apart. Errors never repeat it.
    pub(crate) fn parse(url: &str) -> Result<Self, UpstreamError> {
        let uri: Uri = url.trim().parse().map_err(|_| wrong("the server's URL cannot be read"))?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("the server's URL is neither http nor https")),
        };
        let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else {
            return Err(wrong("the server's URL names no host"));
        };
        if authority.as_str().contains('@') {
            return Err(wrong("the server's URL holds a user name; credentials are declared under auth"));
        }
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self {
            https,
            host: host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase(),
            port,
            authority: HeaderValue::from_str(authority.as_str())
                .map_err(|_| wrong("the server's URL cannot be read"))?,
            path: Uri::from(path),
        })
    }

    /// The path of a URI reference that this upstream gave: it must stay on the same origin (R20).
    pub(crate) fn join(&self, reference: &str) -> Result<Uri, UpstreamError> {
        let unreadable = || wrong("the endpoint that the server gave cannot be read");
        let reference = reference.trim();
        let scheme = reference.split(['/', '?', '#']).next().is_some_and(|start| start.contains(':'));
        if scheme || reference.starts_with("//") {
            let own = if self.https { Scheme::HTTPS } else { Scheme::HTTP };
            let absolute = if scheme { reference.to_owned() } else { format!("{own}:{reference}") };
            let given = Target::parse(&absolute).map_err(|_| unreadable())?;
            let same = (given.https, &given.host, given.port) == (self.https, &self.host, self.port);
            return if same { Ok(given.path) } else { Err(wrong("the endpoint that the server gave is elsewhere")) };
        }
        let base = self.path.path();
        let path = match reference.as_bytes().first() {
            None => return Err(unreadable()),
            Some(b'/') => reference.to_owned(),
            Some(b'?') => format!("{base}{reference}"),
            Some(_) => format!("{}{reference}", &base[..=base.rfind('/').unwrap_or(0)]),
        };
        let mut parts = Parts::default();
        parts.path_and_query = Some(without_dots(&path).parse().map_err(|_| unreadable())?);
        Uri::from_parts(parts).map_err(|_| unreadable())
    }
}

/// Resolves `.` and `..` (RFC 3986, section 5.2.4), which a request line does not bear.
fn without_dots(reference: &str) -> String {
    let (path, query) = reference.find(['?', '#']).map_or((reference, ""), |end| reference.split_at(end));
    if !path.contains("/.") {
        return reference.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut directory = false;
    for segment in path.split('/').skip(1) {
        directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    format!("/{}{}{query}", kept.join("/"), if directory && !kept.is_empty() { "/" } else { "" })
}

fn wrong(what: &str) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let check = |url: &str, https: bool, host: &str, port: u16, authority: &str, path: &str| {
            let target = Target::parse(url).unwrap();
            let parts = (target.https, target.host.as_str(), target.port, target.authority.to_str().unwrap());
            assert_eq!(parts, (https, host, port, authority), "{url}");
            assert_eq!(target.path.to_string(), path, "{url}");
        };
        check("https://a.example/mcp?k=v#f", true, "a.example", 443, "a.example", "/mcp?k=v");
        check("http://A.example:8080", false, "a.example", 8080, "A.example:8080", "/");
        check("http://[::1]:80/x\n", false, "::1", 80, "[::1]:80", "/x");
        check("http://a?q", false, "a", 80, "a", "/?q");
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_repeating_it() {
        for url in ["", "secret", "/secret", "ftp://secret/", "http://user:secret@host/", "http:///secret"] {
            let error = Target::parse(url).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| !error.contains("secret")), "{url}");
        }
    }

    #[test]
    fn r20_an_endpoint_stays_on_the_same_origin() {
        let target = Target::parse("http://a.example:8080/base/sse?x=1").unwrap();
        let join = |reference: &str| target.join(reference).map(|uri| uri.to_string()).ok();
        for (reference, path) in [
            ("/messages?id=1", "/messages?id=1"),
            ("messages?id=a/../b", "/base/messages?id=a/../b"),
            ("?id=1", "/base/sse?id=1"),
            ("../m", "/m"),
            ("./m/..", "/base/"),
            ("../../..", "/"),
            ("/m?to=http://elsewhere", "/m?to=http://elsewhere"),
            ("http://a.example:8080/m", "/m"),
            ("HTTP://A.EXAMPLE:8080/m", "/m"),
            ("//a.example:8080/m", "/m"),
        ] {
            assert_eq!(join(reference).as_deref(), Some(path), "{reference}");
        }
        for elsewhere in [
            "http://b.example:8080/m",
            "http://a.example/m",
            "https://a.example:8080/m",
            "//b.example/m",
            "http://a.example:8080@b.example/m",
            "javascript:alert(1)",
            "",
            "/a b",
        ] {
            assert_eq!(join(elsewhere), None, "{elsewhere}");
        }
    }
}
