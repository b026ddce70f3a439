//! Whether what a request holds is still its caller's: asked again whenever a
//! snapshot comes into force, so that a lost grant ends open calls too.

use std::sync::Arc;

use crate::exchange::Exchange;
use crate::gateway::{Gateway, View};
use crate::route::Called;

/// What a call under way holds: who and what, as the view says that it was permitted by.
pub struct Holding {
    gateway: Arc<Gateway>,
    view: Arc<View>,
    caller: CallerAt,
    tool: Called,
}

/// Where in the view's snapshot the caller stands.
enum CallerAt {
    Anonymous,
    Known(usize),
}

impl Holding {
    /// What a permitted call holds.
    pub fn new(exchange: &Exchange<'_>, tool: Called) -> Self {
        let snapshot = &exchange.view.table.snapshot;
        let position = snapshot.callers.element_offset(exchange.caller);
        let caller = position.map_or(CallerAt::Anonymous, CallerAt::Known);
        Self { gateway: exchange.gateway.clone(), view: exchange.view.clone(), caller, tool }
    }

    /// Returns when the caller may no longer use the tool.
    pub async fn lost(&self) {
        let mut revision = self.gateway.revision.subscribe();
        if *revision.borrow_and_update() != self.view.table.revision && !self.is_held() {
            return;
        }
        while revision.changed().await.is_ok() {
            if !self.is_held() {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn is_held(&self) -> bool {
        let before = &self.view.table.snapshot;
        let caller = match self.caller {
            CallerAt::Anonymous => before.anonymous.as_ref(),
            CallerAt::Known(position) => before.callers.get(position),
        };
        let server = &before.servers[self.tool.server as usize].id;
        let view = self.gateway.view.load();
        let snapshot = &view.table.snapshot;
        let server = snapshot.servers.iter().position(|now| now.id == *server);
        let caller = caller.and_then(|caller| view.table.caller_by_id(&caller.id));
        server.zip(caller).is_some_and(|(server, caller)| {
            snapshot.allows(caller, crate::clock::now(), server as u32, &self.tool.native().name)
        })
    }
}
