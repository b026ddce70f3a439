//! The one decision: may this caller use this tool, in this request.
//!
//! A list asks it for each tool, a call for its tool, with the same function.
//! What it answers yes to is a [`Permit`], and only a permit can be forwarded:
//! there is no other way to make one.

use crds::snapshot::{Caller, ServerIndex, UnixSeconds};

use crate::scope::Scope;
use crate::table::RoutingTable;

/// A caller's leave to use one tool of one server, now.
pub struct Permit {
    server: ServerIndex,
    _made_here: (),
}

/// Decides. `tool` is the native name.
pub fn permit(
    table: &RoutingTable,
    (caller, now): (&Caller, UnixSeconds),
    scope: &Scope,
    server: ServerIndex,
    tool: &str,
) -> Option<Permit> {
    let permitted = table.snapshot.allows(caller, now, server, tool) && scope.holds(table, server, tool);
    permitted.then_some(Permit { server, _made_here: () })
}

impl Permit {
    /// The server whose tool may be used.
    pub fn server(&self) -> ServerIndex {
        self.server
    }
}
