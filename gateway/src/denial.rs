//! Denials. Whoever is denied something gets a code that says no more than that,
//! and an id; a line of the log has, under the same id, by which rule.
//!
//! `switchboard explain` reads these lines ([`Line`]). Their fields are stable:
//! alerts and other people's tools read them too.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::header::HeaderName;
use http::{HeaderValue, Response};
use parking_lot::Mutex;

use crate::body::Body;
use crate::bucket;

mod line;
mod named;
mod reason;

pub use line::Line;
pub use named::{of_item, of_lost, of_scope, of_server};
pub use reason::Reason;

/// Where a response says the id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("switchboard-request-id");
/// Where a JSON-RPC message says it, which may be one of several in a response.
pub const REQUEST_ID_KEY: &str = "switchboard.dev/requestId";

/// Denials that are told of at once.
const BURST: u32 = 1000;
/// After this long one more: a hundred a second, so that no caller fills a disk. What is beyond has no id either: an id
/// that somebody has is one that the log has.
const REFILL: Duration = Duration::from_millis(10);
/// The longest name that is told of whole, in bytes.
const LONGEST_NAME: usize = 256;

/// What a denial is found again by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestId(u64);

/// One denial. Nothing in it is a secret: no key, no token, no argument.
#[derive(Clone, Copy, Debug)]
pub struct Denial<'d> {
    /// Why.
    pub reason: Reason,
    /// Who was let in, by id.
    pub caller: Option<&'d str>,
    /// The caller's binding, of several one; of a credential that is not taken the one that it was of.
    pub binding: Option<&'d str>,
    /// What was asked for: `call`, `get`, `read`.
    pub verb: Option<&'static str>,
    /// By which name, as it was said; none if it means nothing.
    pub name: Option<&'d str>,
    /// `namespace/name` of the server that the name means, as far as it means one.
    pub server: Option<&'d str>,
    /// What of it, by its native name.
    pub item: Option<&'d str>,
    /// Where it came from, if nobody was let in.
    pub address: Option<IpAddr>,
    /// By which revision of the snapshot.
    pub revision: u64,
}

/// Tells of denials, within its bound.
#[derive(Default)]
pub struct Denials {
    /// When as many may be told of at once as ever.
    full_at: Mutex<Option<Instant>>,
}

impl Denial<'_> {
    /// A denial of which nothing is known but why.
    pub fn new(reason: Reason, revision: u64) -> Self {
        Self {
            reason,
            caller: None,
            binding: None,
            verb: None,
            name: None,
            server: None,
            item: None,
            address: None,
            revision,
        }
    }
}

impl Denials {
    /// Tells the log of a denial; none if it does not take it, or there were too many of late.
    pub fn note(&self, denial: &Denial<'_>) -> Option<RequestId> {
        if !tracing::enabled!(tracing::Level::INFO) || !self.may_tell(Instant::now()) {
            return None;
        }
        let mut id = [0; 8];
        getrandom::fill(&mut id).ok()?;
        let id = RequestId(u64::from_be_bytes(id));
        let Denial { reason, caller, binding, verb, name, server, item, address, revision } = *denial;
        let (name, item) = (name.map(shortened), item.map(shortened));
        tracing::info!(
            request = id.to_string(),
            reason = reason.as_str(),
            caller,
            binding,
            verb,
            name = name.as_deref(),
            server,
            item = item.as_deref(),
            address = address.map(|address| address.to_string()),
            revision,
            "denied"
        );
        Some(id)
    }

    fn may_tell(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock();
        let taken = bucket::take(*full_at, now, (BURST, REFILL));
        *full_at = taken.or(*full_at);
        taken.is_some()
    }
}

/// A name as the log has it: a URI without its user and its query, which may be credentials, and nothing endless.
fn shortened(name: &str) -> Cow<'_, str> {
    let told = without_user(name);
    let end = told.find(['?', '#']).filter(|_| told.contains(':')).unwrap_or(told.len());
    let end = told.floor_char_boundary(end.min(LONGEST_NAME));
    if end == told.len() { told } else { format!("{}…", &told[..end]).into() }
}

fn without_user(uri: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.into() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://…{}", &rest[at..]).into(),
        None => uri.into(),
    }
}

impl RequestId {
    /// The response with the id in its header.
    pub fn on(id: Option<Self>, mut response: Response<Body>) -> Response<Body> {
        // Hexadecimal digits: always a header value.
        if let Some(value) = id.and_then(|id| HeaderValue::from_str(&id.to_string()).ok()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests;
