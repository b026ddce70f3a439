//! Who is calling: settled from the headers alone, before the body is read (R1).

use crds::snapshot::{Caller, KeyDigest, UnixSeconds};

use crate::head::Head;
use crate::reject::Reject;
use crate::table::RoutingTable;

/// A caller, by its place in one table's snapshot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Identity {
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
}

/// The caller of a request. A credential that is no live caller's is refused, never tried as another or as anonymous.
pub fn identify(table: &RoutingTable, head: &Head<'_>, now: UnixSeconds) -> Result<Identity, Reject> {
    match head.key {
        Some(key) => table.identity_of(key, now).ok_or(Reject::InvalidCredential),
        None => table.anonymous(now).map(|_| Identity::Anonymous).ok_or(Reject::Unauthenticated),
    }
}

impl Identity {
    /// Whether it rests on a token that may be shown to the token endpoint of a server (RFC 8693). An API key is sent to
    /// nobody.
    pub fn is_by_token(self) -> bool {
        match self {
            Identity::Anonymous | Identity::Known { .. } => false,
        }
    }

    /// When what it may do by itself ends, of the caller's dates and the key's; none if never.
    pub fn until(self, caller: &Caller) -> Option<UnixSeconds> {
        let of_key = match self {
            Identity::Known { expires, .. } => expires,
            Identity::Anonymous => None,
        };
        [caller.expires, caller.access_until, of_key].into_iter().flatten().min()
    }
}
