//! The one decision: may this caller use this tool, prompt or resource, in this
//! request.
//!
//! A list asks it for each item, a call for its item, with the same function.
//! What it answers yes to is a [`Permit`], and only a permit can be forwarded:
//! there is no other way to make one.

use crate::caller::Caller;
use crds::snapshot::{Item, ServerIndex, UnixSeconds};

use crate::scope::Scope;
use crate::table::RoutingTable;

/// A caller's leave to use one item of one server, now.
pub struct Permit {
    server: ServerIndex,
    _made_here: (),
}

/// Decides.
pub fn permit(
    table: &RoutingTable,
    (caller, now): (&Caller<'_>, UnixSeconds),
    scope: &Scope,
    server: ServerIndex,
    item: Item,
) -> Option<Permit> {
    let permitted = caller.allows(&table.snapshot, now, server, item) && scope.holds(table, server, item);
    permitted.then_some(Permit { server, _made_here: () })
}

impl Permit {
    /// The server whose item may be used.
    pub fn server(&self) -> ServerIndex {
        self.server
    }
}
