//! The headers of a request, each looked at once.
//!
//! What decides who is calling is settled here, before a byte of the body is
//! read (R1): the first key header that is present decides, and a key header
//! given twice is refused rather than chosen from.

use std::sync::OnceLock;

use crds::names::KEY_HEADERS;
use http::{HeaderMap, HeaderValue};

use crate::caller_part::addressed::Brought;
use crate::reject::Reject;

/// The most bytes of header names and values (R13).
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most headers. Over HTTP/1.1 no more arrive here.
const MAX_HEADERS: usize = 100;

/// The header that names the revision of the protocol.
const VERSION: &str = "MCP-Protocol-Version";

/// What the headers of a request say.
#[derive(Default)]
pub struct Head<'r> {
    /// The gateway key that the caller presents, without `Bearer `.
    pub key: Option<&'r [u8]>,
    /// `Mcp-Session-Id`.
    pub session: Option<&'r [u8]>,
    /// `MCP-Protocol-Version`.
    pub version: Option<&'r [u8]>,
    /// `Mcp-Method`.
    pub method: Option<&'r [u8]>,
    /// `Mcp-Name`.
    pub name: Option<&'r [u8]>,
    /// Which of the three above stand twice: of each the first is kept, and which revision is spoken decides what that means.
    pub repeated: Vec<&'static str>,
    /// `Origin`.
    pub origin: Option<&'r [u8]>,
    /// `Host`.
    pub host: Option<&'r [u8]>,
    /// `Accept`, all of them.
    pub accept: Vec<&'r [u8]>,
    /// `Content-Type`.
    pub content_type: Option<&'r [u8]>,
    /// Whether there is a `Content-Encoding` other than identity.
    pub encoded: bool,
    /// `x-mcp-servers` and `x-mcp-access-groups`, as they came.
    pub filters: Vec<&'r [u8]>,
    /// The caller's credential for a server (`x-mcp-auth`, or as the settings name it).
    pub client_auth: Option<&'r HeaderValue>,
    /// Other `x-mcp-…` headers: what follows the prefix, and the value.
    pub addressed: Vec<(&'r str, &'r HeaderValue)>,
    /// What the two above come to, worked out when a server is first asked.
    pub brought: OnceLock<Brought<'r>>,
}

impl<'r> Head<'r> {
    /// Reads the headers. `client_auth_header` is the settings' name, in lower case.
    pub fn read(headers: &'r HeaderMap, client_auth_header: &str) -> Result<Self, Reject> {
        let mut head = Head::default();
        let mut best = KEY_HEADERS.len();
        let mut seen = 0_u8;
        let mut bytes = 0;
        for (name, value) in headers {
            let name = name.as_str();
            bytes += name.len() + value.len() + 4;
            if name == client_auth_header {
                if head.client_auth.replace(value).is_some() {
                    return Err(Reject::RepeatedHeader("the client-side credential header"));
                }
                continue;
            }
            if let Some(rank) = KEY_HEADERS.iter().position(|key| *key == name) {
                if seen & (1 << rank) != 0 {
                    return Err(Reject::RepeatedHeader(KEY_HEADERS[rank]));
                }
                seen |= 1 << rank;
                if rank < best {
                    best = rank;
                    head.key = Some(without_bearer(value.as_bytes()));
                }
                continue;
            }
            head.note(name, value)?;
        }
        let too_large = bytes > MAX_HEADER_BYTES || headers.len() > MAX_HEADERS;
        if too_large { Err(Reject::HeadersTooLarge) } else { Ok(head) }
    }

    fn note(&mut self, name: &'r str, value: &'r HeaderValue) -> Result<(), Reject> {
        let bytes = value.as_bytes();
        match name {
            "mcp-session-id" => once(&mut self.session, bytes, "Mcp-Session-Id"),
            "mcp-protocol-version" => first(&mut self.version, bytes, VERSION, &mut self.repeated),
            "mcp-method" => first(&mut self.method, bytes, "Mcp-Method", &mut self.repeated),
            "mcp-name" => first(&mut self.name, bytes, "Mcp-Name", &mut self.repeated),
            "origin" => once(&mut self.origin, bytes, "Origin"),
            "host" => once(&mut self.host, bytes, "Host"),
            "content-type" => once(&mut self.content_type, bytes, "Content-Type"),
            "accept" => {
                self.accept.push(bytes);
                Ok(())
            }
            "content-encoding" => {
                self.encoded |= !bytes.eq_ignore_ascii_case(b"identity");
                Ok(())
            }
            "x-mcp-servers" | "x-mcp-access-groups" => {
                self.filters.push(bytes);
                Ok(())
            }
            _ => {
                if let Some(rest) = name.strip_prefix("x-mcp-") {
                    self.addressed.push((rest, value));
                }
                Ok(())
            }
        }
    }

    /// Whether the revision is named twice.
    pub fn repeats_version(&self) -> bool {
        self.repeated.contains(&VERSION)
    }

    /// Whether a JSON reply and an event stream are both welcome. No Accept at all welcomes everything.
    pub fn accepts_both(&self) -> bool {
        self.accept.is_empty() || (self.accepts(b"application/json") && self.accepts(b"text/event-stream"))
    }

    /// Whether an event stream is welcome.
    pub fn accepts_events(&self) -> bool {
        self.accept.is_empty() || self.accepts(b"text/event-stream")
    }

    fn accepts(&self, media_type: &[u8]) -> bool {
        let family = media_type.split(|byte| *byte == b'/').next().unwrap_or_default();
        self.accept.iter().flat_map(|value| value.split(|byte| *byte == b',')).any(|range| {
            let range = range.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            range == b"*/*"
                || range.eq_ignore_ascii_case(media_type)
                || range.strip_suffix(b"/*").is_some_and(|wanted| wanted.eq_ignore_ascii_case(family))
        })
    }

    /// Whether the body says that it is JSON.
    pub fn sends_json(&self) -> bool {
        let media_type = self.content_type.and_then(|value| value.split(|byte| *byte == b';').next());
        media_type.is_some_and(|value| value.trim_ascii().eq_ignore_ascii_case(b"application/json"))
    }
}

fn once<'r>(slot: &mut Option<&'r [u8]>, value: &'r [u8], name: &'static str) -> Result<(), Reject> {
    if slot.replace(value).is_some() { Err(Reject::RepeatedHeader(name)) } else { Ok(()) }
}

/// Keeps the first value, and notes that there is another.
#[expect(clippy::unnecessary_wraps, reason = "one of many ways to take a header, of which others refuse")]
fn first<'r>(
    slot: &mut Option<&'r [u8]>,
    value: &'r [u8],
    name: &'static str,
    repeated: &mut Vec<&'static str>,
) -> Result<(), Reject> {
    match slot {
        None => *slot = Some(value),
        Some(_) => repeated.push(name),
    }
    Ok(())
}

fn without_bearer(value: &[u8]) -> &[u8] {
    match value.split_at_checked(7) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => rest.trim_ascii(),
        _ => value.trim_ascii(),
    }
}
