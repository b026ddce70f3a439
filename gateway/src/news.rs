//! What is told to whoever watches `run`.
//!
//! In: how files and servers are now. Out: events, as fast as the watcher
//! takes them. For a slow one the states in between are left out, and nothing
//! else waits for it.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::mpsc::{Sender, error::SendError};
use tokio::sync::watch;

use crate::gateway::Gateway;
use crate::status::{self, ServerStatus};

/// What happens, for whoever watches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub enum Event {
    /// Requests are taken.
    Listening {
        /// The address for clients.
        mcp: String,
        /// The address of the admin port.
        admin: String,
        /// The address of the port for peers, if there are any.
        #[serde(skip_serializing_if = "Option::is_none")]
        peers: Option<SocketAddr>,
    },
    /// Servers were discovered, or failed, or are still silent after ten seconds; again when there are others, or one's
    /// state or number of tools changed.
    Ready {
        /// How each server is.
        servers: Vec<ServerStatus>,
    },
    /// A new state is in force.
    Reloaded {
        /// Its revision.
        revision: u64,
    },
    /// A file cannot be used; what it held before is in force.
    Refused {
        /// The file.
        file: String,
        /// Counts from 1.
        line: u32,
        /// What is wrong and what to do.
        message: String,
    },
    /// An object is not, or not wholly, in force.
    Finding {
        /// The file.
        file: String,
        /// Counts from 1.
        line: u32,
        /// What is wrong and what to do.
        message: String,
    },
}

/// What came of the last reading of the files.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The revision in force.
    pub revision: u64,
    /// What is wrong with them: [`Event::Refused`] and [`Event::Finding`].
    pub findings: Vec<Event>,
}

/// Tells what changed since it last could.
pub struct Teller {
    gateway: Arc<Gateway>,
    events: Sender<Event>,
    /// The last that was told of the files.
    files: Files,
    /// The last that was told of the servers, as far as a change of it is news.
    servers: Option<Vec<(String, &'static str, usize)>>,
}

impl Teller {
    /// Nothing is told yet. The first revision is no news.
    pub fn new(gateway: Arc<Gateway>, events: Sender<Event>) -> Self {
        let files = Files { revision: gateway.view.load().table.version.revision, findings: Vec::new() };
        Self { gateway, events, files, servers: None }
    }

    /// Tells, until nobody listens any more. `ready`: start-up is over.
    pub async fn run(mut self, listening: Event, mut files: watch::Receiver<Files>, mut ready: watch::Receiver<bool>) {
        let mut indexed = self.gateway.indexed.subscribe();
        let mut told = self.events.send(listening).await;
        while told.is_ok() {
            let now = files.borrow_and_update().clone();
            let started = *ready.borrow_and_update();
            told = self.tell(now, started).await;
            tokio::select! {
                Ok(()) = files.changed() => {}
                Ok(()) = ready.changed() => {}
                Ok(()) = indexed.changed() => {}
                else => return,
            }
        }
    }

    async fn tell(&mut self, files: Files, started: bool) -> Result<(), SendError<Event>> {
        if files.revision != self.files.revision {
            self.events.send(Event::Reloaded { revision: files.revision }).await?;
        }
        for event in files.findings.iter().filter(|event| !self.files.findings.contains(event)) {
            self.events.send(event.clone()).await?;
        }
        self.files = files;
        if started {
            self.tell_servers().await?;
        }
        Ok(())
    }

    async fn tell_servers(&mut self) -> Result<(), SendError<Event>> {
        let servers = status::servers(&self.gateway);
        let states = servers.iter().map(|server| (server.name.clone(), server.state, server.tools)).collect();
        if self.servers.as_ref() != Some(&states) {
            self.servers = Some(states);
            self.events.send(Event::Ready { servers }).await?;
        }
        Ok(())
    }
}
