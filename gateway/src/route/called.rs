//! What a call is about, as its server knows it.

use std::sync::Arc;

use bytes::Bytes;
use crds::snapshot::{Item, ServerIndex};

use crate::catalogue::{Catalogue, Entry, List};
use crate::exchange::Exchange;
use crate::json;
use crate::task::Task;

/// A tool, prompt or resource of a server.
#[derive(Clone)]
pub struct Called {
    /// The server.
    pub server: ServerIndex,
    what: What,
}

#[derive(Clone)]
enum What {
    /// An entry of one of its lists.
    Entry { catalogue: Arc<Catalogue>, list: List, position: u32 },
    /// A resource that no list shows.
    Uri { uri: Arc<str>, json: Bytes },
    /// A task that a call of a tool became.
    Task { tool: Arc<str>, id: Arc<str>, json: Bytes },
}

impl Called {
    /// An entry of a list.
    pub(super) fn entry(server: ServerIndex, catalogue: Arc<Catalogue>, list: List, position: u32) -> Self {
        Self { server, what: What::Entry { catalogue, list, position } }
    }

    /// A resource that no list shows, by the server's own URI.
    pub(super) fn uri(server: ServerIndex, uri: &str) -> Self {
        Self { server, what: What::Uri { uri: uri.into(), json: json::quoted(uri) } }
    }

    /// A task, by the server's own id.
    pub(super) fn task(server: ServerIndex, task: &Task) -> Self {
        let what = What::Task { tool: (*task.tool).into(), id: (*task.id).into(), json: json::quoted(&task.id) };
        Self { server, what }
    }

    /// Whether its server completes arguments, as its lists were read last.
    pub fn has_completions(&self, exchange: &Exchange<'_>) -> bool {
        match &self.what {
            What::Entry { catalogue, .. } => catalogue.offers.completions,
            What::Uri { .. } | What::Task { .. } => {
                exchange.view.index.servers[self.server as usize].catalogue().offers.completions
            }
        }
    }

    /// What it is to the access rule.
    pub fn item(&self) -> Item<'_> {
        match &self.what {
            What::Task { tool, .. } => Item::Tool(tool),
            What::Entry { .. } | What::Uri { .. } => self.list().item(self.name()),
        }
    }

    /// The list that shows it, or would.
    pub fn list(&self) -> List {
        match &self.what {
            What::Entry { list, .. } => *list,
            What::Uri { .. } => List::Resources,
            What::Task { .. } => List::Tools,
        }
    }

    /// Its name, URI or id at the server.
    pub fn name(&self) -> &str {
        match &self.what {
            What::Entry { catalogue, list, position } => &entry(catalogue, *list, *position).name,
            What::Uri { uri, .. } => uri,
            What::Task { id, .. } => id,
        }
    }

    /// The same as a JSON string.
    pub fn name_json(&self) -> &Bytes {
        match &self.what {
            What::Entry { catalogue, list, position } => &entry(catalogue, *list, *position).name_json,
            What::Uri { json, .. } | What::Task { json, .. } => json,
        }
    }

    /// Its entry, if a list shows it.
    pub fn listed(&self) -> Option<&Entry> {
        match &self.what {
            What::Entry { catalogue, list, position } => Some(entry(catalogue, *list, *position)),
            What::Uri { .. } | What::Task { .. } => None,
        }
    }
}

fn entry(catalogue: &Catalogue, list: List, position: u32) -> &Entry {
    &catalogue.of(list).entries[position as usize]
}
