//! Who is calling: settled from the headers alone, before the body is read (R1).

use std::sync::Arc;

use crds::snapshot::{KeyDigest, UnixSeconds};
use sha2::{Digest, Sha256};

use crate::caller::{Bearer, Caller};
use crate::head::Head;
use crate::networks::Side;
use crate::reject::Reject;
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

/// The caller of a request. A credential that is no live caller's is refused, never tried as another or as anonymous.
/// Waits only where a token has not been seen before.
pub async fn identify(tokens: &Tokens, table: &RoutingTable, head: &Head<'_>, now: UnixSeconds) -> Result<Who, Reject> {
    let Some(key) = head.key else {
        return table.anonymous(now).map(|_| Who::Anonymous).ok_or(Reject::Unauthenticated);
    };
    let digest: [u8; 32] = Sha256::digest(key).into();
    if !token::looks_like_one(key) {
        return table.identity_of_hashed(&digest, now).ok_or(Reject::InvalidCredential);
    }
    match tokens.known(&digest, table, now) {
        Found::Unknown => {}
        Found::Nobody => return Err(Reject::InvalidCredential),
        Found::Bearer(bearer) => return of_token(table, Some(bearer), now),
    }
    // A key may look like a token.
    if let Some(identity) = table.identity_of_hashed(&digest, now) {
        return Ok(identity);
    }
    match Box::pin(tokens.verify(key, &table.snapshot.settings, now)).await {
        Ok(token) => of_token(table, table.bearer(&token).map(Arc::new), now),
        Err(Refused::Invalid) => Err(Reject::InvalidCredential),
        Err(Refused::Unavailable) => Err(Reject::NoKeys),
    }
}

fn of_token(table: &RoutingTable, bearer: Option<Arc<Bearer>>, now: UnixSeconds) -> Result<Who, Reject> {
    let live = bearer.filter(|bearer| table.is_live(bearer, now));
    live.map(Who::Token).ok_or(Reject::InvalidCredential)
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
