//! The published tools of all servers: names settled once for all callers,
//! descriptions ready to be copied into a list.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use crds::names::published_name;
use crds::snapshot::{Server, ServerIndex, WireSettings};

use crate::catalogue::{Catalogue, NativeTool};
use crate::json;

/// Where a published name leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ToolAt {
    /// The server.
    pub server: ServerIndex,
    /// Its tool, in the server's order.
    pub tool: u32,
}

/// The tools of all servers.
#[derive(Default)]
pub struct Index {
    /// Per server, in the snapshot's order.
    pub servers: Vec<ServerTools>,
    by_name: HashMap<String, ToolAt>,
}

/// The tools of one server, as they are published.
pub struct ServerTools {
    /// What they were made from; the same catalogue and naming need no new ones.
    catalogue: Arc<Catalogue>,
    naming: (Option<String>, String, u32),
    /// In the server's order.
    pub tools: Arc<Vec<PublishedTool>>,
}

/// A tool as callers see it.
pub struct PublishedTool {
    /// Its published name.
    pub name: String,
    /// The description with the published name, the rest byte for byte.
    pub json: Bytes,
}

impl Index {
    /// The index over these catalogues, in the snapshot's order of servers: a name that two tools share stays with the
    /// earlier server. `before` saves work where nothing changed.
    pub fn build<'s>(
        settings: &WireSettings,
        servers: impl Iterator<Item = (&'s Server, Arc<Catalogue>)>,
        before: &Index,
    ) -> Self {
        let servers: Vec<ServerTools> = servers
            .map(|(server, catalogue)| {
                let naming = (server.prefix.clone(), settings.separator.clone(), settings.max_tool_name_length);
                let same = |tools: &&ServerTools| Arc::ptr_eq(&tools.catalogue, &catalogue) && tools.naming == naming;
                let tools = if let Some(known) = before.servers.iter().find(same) {
                    known.tools.clone()
                } else {
                    catalogue.warn(&server.id);
                    Arc::new(publish(&catalogue.tools, server, settings))
                };
                ServerTools { catalogue, naming, tools }
            })
            .collect();
        let mut by_name = HashMap::new();
        for (server, of_server) in servers.iter().enumerate() {
            for (tool, published) in of_server.tools.iter().enumerate() {
                let at = ToolAt { server: server as ServerIndex, tool: tool as u32 };
                by_name.entry(published.name.clone()).or_insert(at);
            }
        }
        Self { servers, by_name }
    }

    /// Where a published name leads.
    pub fn find(&self, name: &str) -> Option<ToolAt> {
        self.by_name.get(name).copied()
    }

    /// Whether a tool goes by its published name, or an earlier server's tool does.
    pub fn is_visible(&self, at: ToolAt) -> bool {
        self.by_name.get(&self.servers[at.server as usize].tools[at.tool as usize].name) == Some(&at)
    }

    /// Whether `name` is free for a tool of this server that only one caller sees: no other server's tool has it.
    pub fn leaves_name(&self, name: &str, server: ServerIndex) -> bool {
        self.by_name.get(name).is_none_or(|at| at.server == server)
    }
}

impl ServerTools {
    /// The catalogue that these tools are of.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// A tool as its server knows it.
    pub fn native(&self, tool: u32) -> &NativeTool {
        &self.catalogue.tools[tool as usize]
    }
}

/// The tools of a catalogue under their published names.
pub fn publish(tools: &[NativeTool], server: &Server, settings: &WireSettings) -> Vec<PublishedTool> {
    let prefix = server.prefix.as_deref();
    tools
        .iter()
        .map(|tool| {
            let name = published_name(prefix, &settings.separator, &tool.name, settings.max_tool_name_length);
            let mut json = Vec::with_capacity(tool.json.len() + name.len());
            json.extend_from_slice(&tool.json[..tool.name_at.start]);
            json::string(&name, &mut json);
            json.extend_from_slice(&tool.json[tool.name_at.end..]);
            PublishedTool { name, json: json.into() }
        })
        .collect()
}
