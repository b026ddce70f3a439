//! Who is calling: settled from the headers alone, before the body is read (R1).

use std::sync::Arc;

use crds::snapshot::{KeyDigest, UnixSeconds};
use sha2::{Digest, Sha256};

use crate::caller::{Bearer, Caller};
use crate::denial::Reason;
use crate::head::Head;
use crate::networks::Side;
use crate::reject::{NotTaken, Reject};
use crate::table::RoutingTable;
use crate::token::{self, Found, Refused, Tokens};

/// A caller, and where it is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who.
    pub who: Who,
    /// At which side.
    pub side: Side,
}

/// A caller, by its place in one table's snapshot.
#[derive(Clone, Debug)]
pub enum Who {
    /// Whoever presents nothing.
    Anonymous,
    /// Whoever presented a key.
    Known {
        /// Position of the caller.
        caller: u32,
        /// The key.
        key: KeyDigest,
        /// From then on the key is unknown.
        expires: Option<UnixSeconds>,
    },
    /// Whoever presented a token.
    Token(Arc<Bearer>),
}

/// The caller of a request; none if only [`verify`] can tell. A credential that is no live caller's is refused, never tried
/// as another or as anonymous. Every call asks this, and awaiting would cost it a third more.
pub fn identify(
    tokens: &Tokens,
    table: &RoutingTable,
    head: &Head<'_>,
    now: UnixSeconds,
) -> Option<Result<Who, Reject>> {
    let Some(key) = head.key else {
        return Some(table.anonymous(now).map(|_| Who::Anonymous).ok_or(Reject::Unauthenticated));
    };
    let digest: [u8; 32] = Sha256::digest(key).into();
    if !token::looks_like_one(key) {
        let identity = table.identity_of_hashed(&digest, now);
        return Some(identity.ok_or_else(|| Reject::InvalidCredential(table.why_not(&digest, now))));
    }
    match tokens.known(&digest, table, now) {
        Found::Unknown => {}
        Found::Nobody => return Some(Err(Reject::InvalidCredential(NotTaken::new(Reason::NoBinding)))),
        Found::Bearer(bearer) => return Some(of_token(table, Some(bearer), now)),
    }
    // A key may look like a token.
    table.identity_of_hashed(&digest, now).map(Ok)
}

/// Whose a token is that was not seen before. Waits for what its issuer says.
pub async fn verify(tokens: &Tokens, table: &RoutingTable, token: &[u8], now: UnixSeconds) -> Result<Who, Reject> {
    match tokens.verify(token, &table.snapshot.settings, now).await {
        Ok(token) => of_token(table, table.bearer(&token).map(Arc::new), now),
        Err(Refused::Invalid(reason)) => Err(Reject::InvalidCredential(NotTaken::new(reason))),
        Err(Refused::Unavailable) => Err(Reject::NoKeys),
    }
}

fn of_token(table: &RoutingTable, bearer: Option<Arc<Bearer>>, now: UnixSeconds) -> Result<Who, Reject> {
    let Some(bearer) = bearer else { return Err(Reject::InvalidCredential(NotTaken::new(Reason::NoBinding))) };
    if table.is_live(&bearer, now) {
        return Ok(Who::Token(bearer));
    }
    let first = bearer.bindings.first().map(|caller| table.why_not_live(*caller, now));
    Err(Reject::InvalidCredential(first.unwrap_or_else(|| NotTaken::new(Reason::NoBinding))))
}

impl Identity {
    /// When all that it may do by itself ends, of the caller's dates and the credential's; none if never.
    pub fn until(&self, caller: &Caller<'_>, now: UnixSeconds) -> Option<UnixSeconds> {
        [caller.until(now, |_| true), self.expires()].into_iter().flatten().min()
    }

    /// When the credential ends; none if never.
    pub fn expires(&self) -> Option<UnixSeconds> {
        match &self.who {
            Who::Known { expires, .. } => *expires,
            Who::Token(bearer) => Some(bearer.token.expires),
            Who::Anonymous => None,
        }
    }
}
