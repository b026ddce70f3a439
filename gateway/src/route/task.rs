//! From the id of a task to its server: what it is about is the tool whose call
//! became it, and who may not call that any more has lost the task too.

use crds::snapshot::{Item, ServerIndex};

use super::{Called, Found, Target};
use crate::exchange::Exchange;
use crate::task::Task;

/// Finds the task of an id that was sealed for the caller.
pub fn task(exchange: &Exchange<'_>, id: &str) -> Target {
    let found = Task::open(&exchange.gateway.sealer, id, exchange.caller.id(), exchange.now).and_then(|task| {
        let servers = &exchange.view.table.snapshot.servers;
        let server = servers.iter().position(|server| server.id == task.server)? as ServerIndex;
        let permit = exchange.permit(server, Item::Tool(&task.tool))?;
        Some(Found { permit, part: exchange.caller_part(server), called: Called::task(server, &task) })
    });
    found.map_or(Target::Unknown, Target::Found)
}
