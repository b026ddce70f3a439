//! Whether what a request holds is still its caller's: asked again whenever a
//! snapshot comes into force, so that a lost grant ends open calls too.

use std::sync::Arc;

use crate::exchange::Exchange;
use crate::gateway::Gateway;

/// What a call under way holds.
pub struct Holding {
    gateway: Arc<Gateway>,
    revision: u64,
    caller: String,
    server: String,
    tool: String,
}

impl Holding {
    /// What a permitted call holds; `server` is the server's id, `tool` the native name.
    pub fn new(exchange: &Exchange<'_>, server: &str, tool: &str) -> Self {
        Self {
            gateway: exchange.gateway.clone(),
            revision: exchange.view.table.revision,
            caller: exchange.caller.id.clone(),
            server: server.to_owned(),
            tool: tool.to_owned(),
        }
    }

    /// Returns when the caller may no longer use the tool.
    pub async fn lost(&self) {
        let mut revision = self.gateway.revision.subscribe();
        if *revision.borrow_and_update() != self.revision && !self.is_held() {
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
        let view = self.gateway.view.load();
        let snapshot = &view.table.snapshot;
        let server = snapshot.servers.iter().position(|server| server.id == self.server);
        let caller = view.table.caller_by_id(&self.caller);
        server
            .zip(caller)
            .is_some_and(|(server, caller)| snapshot.allows(caller, crate::clock::now(), server as u32, &self.tool))
    }
}
