//! Who is calling: settled from the headers alone, before the body is read (R1).

use crds::snapshot::{Caller, UnixSeconds};

use crate::head::Head;
use crate::reject::Reject;
use crate::table::RoutingTable;

/// The caller of a request. A credential that is no live caller's is refused, never tried as another or as anonymous.
pub fn identify<'t>(table: &'t RoutingTable, head: &Head<'_>, now: UnixSeconds) -> Result<&'t Caller, Reject> {
    match head.key {
        Some(key) => table.caller_of(key, now).ok_or(Reject::InvalidCredential),
        None => table.anonymous(now).ok_or(Reject::Unauthenticated),
    }
}
