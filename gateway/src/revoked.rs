//! Whether what a request holds is still its caller's: asked again whenever a
//! snapshot comes into force, so that a lost grant ends open calls too; and
//! whether the process still waits for calls.

use std::sync::Arc;

use crds::snapshot::Server;

use crate::client_session::{ClientSession, ClientSessions};
use crate::exchange::Exchange;
use crate::gateway::{Gateway, View};
use crate::identify::Identity;
use crate::route::Called;
use crate::session::Session;

/// What a call under way holds: who and what, as the view says that it was permitted by.
#[derive(Clone)]
pub struct Holding {
    gateway: Arc<Gateway>,
    view: Arc<View>,
    identity: Identity,
    called: Called,
}

/// Why a call ends before its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The caller may no longer use what is called.
    Lost,
    /// The process ends, and has waited for as long as it may.
    Process,
}

impl Holding {
    /// What a permitted call holds.
    pub fn new(exchange: &Exchange<'_>, called: Called) -> Self {
        let (gateway, view) = (exchange.gateway.clone(), exchange.view.clone());
        Self { gateway, view, identity: exchange.identity.clone(), called }
    }

    /// The server, as the request sees it: its name may be another now, its session the same.
    pub fn server(&self) -> &Server {
        &self.view.table.snapshot.servers[self.called.server as usize]
    }

    /// What prices are in.
    pub fn currency(&self) -> &str {
        self.view.table.snapshot.settings.currency.as_deref().unwrap_or("USD")
    }

    /// Who holds it.
    pub fn caller_id(&self) -> Option<&str> {
        self.view.table.id_of(&self.identity)
    }

    /// What is called.
    pub fn called(&self) -> &Called {
        &self.called
    }

    /// The gateway that it is held of.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// What is kept of the caller's session; none if it is kept elsewhere, or cannot be.
    pub fn client(&self, session: &Session) -> Option<Arc<ClientSession>> {
        let caller = self.view.table.caller(&self.identity)?;
        ClientSessions::of(&self.gateway, session, &caller).ok()
    }

    /// Returns when the call is to end before its answer.
    pub async fn ended(&self) -> Ending {
        let mut revision = self.gateway.revision.subscribe();
        let mut is_held = *revision.borrow_and_update() == self.view.table.version.revision || self.is_held();
        loop {
            if self.gateway.drain.is_over() {
                return Ending::Process;
            }
            if !is_held {
                return Ending::Lost;
            }
            // Its sender is the gateway's.
            let _ = revision.changed().await;
            is_held = self.is_held();
        }
    }

    /// Whether the caller may use what is called by now.
    pub fn is_held(&self) -> bool {
        let now = crate::clock::now();
        let before = &self.view.table;
        let server = &self.server().id;
        let view = self.gateway.view.load();
        let snapshot = &view.table.snapshot;
        let server = snapshot.servers.iter().position(|other| other.id == *server);
        let caller = before.id_of(&self.identity).and_then(|id| view.table.still(&self.identity, id, now));
        server
            .zip(caller)
            .is_some_and(|(server, caller)| caller.allows(snapshot, now, server as u32, self.called.item()))
    }
}
