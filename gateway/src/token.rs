//! Tokens (JWT) as credentials (R27).
//!
//! ```text
//! text ─► known by its SHA-256? ──────────────────────────────► Bearer of the table in force
//!           └► jose: parts ─► its issuer ─► key ─► signature ─► claims ─► Token ─► known until it expires
//! ```
//!
//! A token is verified once; then its caller costs one hash and one look-up.
//! What a token says of keys (`jku`, `x5u`, `jwk`) is not read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::snapshot::{Issuer, UnixSeconds, WireSettings};

use crate::denial::Reason;

mod claims;
mod feed;
mod issuer;
mod jose;
mod keys;
mod known;
mod source;

pub use issuer::Tokens;
pub use keys::TakenBack;
pub use known::Found;

/// The longest token, in bytes.
pub(crate) const LONGEST: usize = 16 << 10;
/// The audience that tokens of service accounts are for, if the settings name no other.
pub const SERVICE_ACCOUNT_AUDIENCE: &str = "switchboard";

/// What a verified token says of who presents it.
#[derive(Debug)]
pub struct Token {
    /// By what settings that is so. Under others it has to be verified anew.
    pub authority: Authority,
    /// Whether what signed it was taken back since.
    pub taken_back: Arc<TakenBack>,
    /// Whose it is, of all issuers: a digest of `iss` and `sub`, the same for each token of theirs.
    pub id: Arc<str>,
    /// From then on it is no longer valid.
    pub expires: UnixSeconds,
    /// The user, by the issuer's mapping.
    pub user: Option<String>,
    /// The service account, as `namespace/name`, of a token of the cluster's own.
    pub account: Option<String>,
    /// What Claims bindings look at: texts, and lists of texts.
    pub claims: BTreeMap<String, Vec<String>>,
}

/// By whose word, and for whom, a token counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Authority {
    /// An issuer of the settings, as they have it.
    Issuer(Arc<Issuer>),
    /// The cluster, which made it for this audience.
    Cluster(String),
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// It is none of ours, or not valid, for this reason.
    Invalid(Reason),
    /// The keys of its issuer have never been had: nobody can say.
    Unavailable,
}

impl Token {
    /// Whether it has not expired, and what signed it still counts.
    pub fn is_valid(&self, now: UnixSeconds) -> bool {
        now < self.expires && !self.taken_back.is()
    }

    /// Whether these settings take it.
    pub fn is_taken_by(&self, settings: &WireSettings) -> bool {
        match &self.authority {
            Authority::Issuer(issuer) => settings.issuers.contains(issuer),
            Authority::Cluster(audience) => *audience == service_account_audience(settings),
        }
    }

    /// Whether one of these values is the claim's, or among the claim's.
    pub fn has(&self, claim: &str, values: &[String]) -> bool {
        self.claims.get(claim).is_some_and(|said| said.iter().any(|value| values.contains(value)))
    }
}

/// Whether a credential looks like a token: three words of base64url between dots, of which the first begins as `{"` does.
pub fn looks_like_one(credential: &[u8]) -> bool {
    let mut words = credential.split(|byte| *byte == b'.');
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    credential.starts_with(b"ey")
        && words.clone().count() == 3
        && words.all(|word| !word.is_empty() && word.iter().all(of_word))
}

/// Whether a value is a token that was made for this gateway, by what it says itself: no server is to see it (R22).
pub fn is_for_us(settings: &WireSettings, value: &[u8]) -> bool {
    if value.len() > LONGEST || !looks_like_one(value) {
        return false;
    }
    let Some(parts) = jose::Parts::read(value) else { return false };
    let ours = settings
        .issuers
        .iter()
        .any(|issuer| parts.payload.issuer() == Some(&issuer.issuer) && parts.payload.is_for(&issuer.audiences));
    ours || parts.payload.is_for(&[service_account_audience(settings)])
}

/// When a token says that it expires. Whether that is true is not asked.
pub(crate) fn expiry(token: &[u8]) -> Option<UnixSeconds> {
    jose::Parts::read(token)?.payload.moment("exp")
}

fn service_account_audience(settings: &WireSettings) -> String {
    settings.service_account_audience.clone().unwrap_or_else(|| SERVICE_ACCOUNT_AUDIENCE.to_owned())
}
