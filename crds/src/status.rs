//! The whole `.status` of an object, from all that was compiled and from what
//! the pods run. Whoever keeps it in a cluster compares and writes:
//!
//! ```text
//! Resources, Compiled ─► Statuses::new ─► Statuses::of(Observed, Facts) ─► Status, to be written if it is not Observed.status
//! ```
//!
//! Nothing in a status is about other objects, no digest and no list is in it
//! (R40), and the same facts give the same bytes.

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;
use serde_json::{Value, json};

use crate::compile::Compiled;
use crate::conditions::{Facts, Health, TYPES, conditions};
use crate::diagnostic::{ConditionType, Diagnostic, Kind, ObjectKey};
use crate::resources::{Observed, Resources};
use crate::snapshot::{Group, HttpWire, Server, Transport};
use crate::v1alpha1::{McpAccessGroupStatus, McpKeyBindingStatus, McpServerStatus, SubjectType};

/// The status of an object of any kind. As JSON it is what stands under `status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Status {
    /// Of a server.
    Server(McpServerStatus),
    /// Of a group.
    Group(McpAccessGroupStatus),
    /// Of a binding.
    Binding(McpKeyBindingStatus),
}

/// Makes the statuses of all objects that were compiled together.
pub struct Statuses<'a> {
    resources: &'a Resources,
    compiled: &'a Compiled,
    servers: HashMap<&'a str, &'a Server>,
    groups: HashMap<&'a str, &'a Group>,
}

// === impl Status ===

impl Status {
    /// Reads the status of an object. What is not ours, such as a condition of another controller, is left out, so that
    /// it makes no difference; what cannot be read is no status, and will be written anew.
    pub(crate) fn read(kind: Kind, raw: Value) -> Self {
        let raw = if raw.is_null() { json!({}) } else { raw };
        let mut status = match kind {
            Kind::McpServer => Self::Server(serde_json::from_value(raw).unwrap_or_default()),
            Kind::McpAccessGroup => Self::Group(serde_json::from_value(raw).unwrap_or_default()),
            Kind::McpKeyBinding => Self::Binding(serde_json::from_value(raw).unwrap_or_default()),
        };
        let conditions = match &mut status {
            Self::Server(status) => &mut status.conditions,
            Self::Group(status) => &mut status.conditions,
            Self::Binding(status) => &mut status.conditions,
        };
        let place = |condition: &Condition| TYPES.iter().position(|type_| *type_ == condition.type_);
        conditions.retain(|condition| place(condition).is_some());
        conditions.sort_by_key(place);
        status
    }

    /// Its conditions.
    pub fn conditions(&self) -> &[Condition] {
        match self {
            Self::Server(status) => &status.conditions,
            Self::Group(status) => &status.conditions,
            Self::Binding(status) => &status.conditions,
        }
    }

    /// The generation that it is about.
    pub fn observed_generation(&self) -> Option<i64> {
        match self {
            Self::Server(status) => status.observed_generation,
            Self::Group(status) => status.observed_generation,
            Self::Binding(status) => status.observed_generation,
        }
    }
}

// === impl Statuses ===

impl<'a> Statuses<'a> {
    /// For the objects, and what they were compiled to.
    pub fn new(resources: &'a Resources, compiled: &'a Compiled) -> Self {
        let servers = compiled.snapshot.servers.iter().map(|server| (server.id.as_str(), server)).collect();
        let groups = compiled.snapshot.groups.iter().map(|group| (group.id.as_str(), group)).collect();
        Self { resources, compiled, servers, groups }
    }

    /// The status that the object should have.
    pub fn of(&self, object: &Observed, facts: &Facts) -> Status {
        let conditions = conditions(object, &self.compiled.diagnostics, facts);
        let observed_generation = Some(object.generation);
        let id = object.key.to_string();
        match &object.status {
            Status::Server(before) => {
                let server = self.servers.get(id.as_str());
                Status::Server(McpServerStatus {
                    observed_generation,
                    conditions,
                    alias: server.map(|server| server.alias.clone()),
                    transport: server.map(|server| transport(&server.transport).to_owned()),
                    ..server.map(|_| told(object.generation, before, facts.health)).unwrap_or_default()
                })
            }
            Status::Group(_) => {
                let group = self.groups.get(id.as_str());
                let members = group.and_then(|group| self.compiled.snapshot.access.get(group.members as usize));
                Status::Group(McpAccessGroupStatus {
                    observed_generation,
                    conditions,
                    group_name: group.map(|group| group.name.clone()),
                    servers: members.map(|members| members.len() as u32),
                })
            }
            Status::Binding(_) => {
                Status::Binding(McpKeyBindingStatus { observed_generation, conditions, keys: self.keys(object, &id) })
            }
        }
    }

    /// Whether the object is accepted. What follows from an object is another thing once this, or its generation,
    /// changes: from then on it waits for a revision that has it.
    pub fn is_accepted(&self, kind: Kind, key: &ObjectKey) -> bool {
        let wanted = (kind, key, ConditionType::Accepted);
        let diagnostics = &self.compiled.diagnostics;
        let of = |it: &'a Diagnostic| (it.kind, &it.object, it.condition);
        diagnostics.binary_search_by(|it| of(it).cmp(&wanted)).is_err()
    }

    /// How many of a binding's keys are known; none where its subject has none.
    fn keys(&self, object: &Observed, id: &str) -> Option<u32> {
        let binding = self.resources.bindings.get(&object.key)?;
        if binding.spec.subject.type_ != SubjectType::Key {
            return None;
        }
        let callers = &self.compiled.snapshot.callers;
        let caller = callers.binary_search_by(|caller| caller.id.as_str().cmp(id));
        Some(caller.map_or(0, |at| callers[at].keys.len() as u32))
    }
}

/// What the pods have told of a server; it stays until they tell anew.
fn told(generation: i64, before: &McpServerStatus, health: Option<&Health>) -> McpServerStatus {
    let failure = health.and_then(|it| it.failure).map(|failure| failure.as_str().to_owned());
    let same_spec = before.observed_generation == Some(generation);
    McpServerStatus {
        protocol: health.and_then(|it| it.protocol.clone()).or_else(|| before.protocol.clone()),
        tools: health.and_then(|it| it.tools).or(before.tools),
        last_error: failure.or_else(|| before.last_error.clone().filter(|_| same_spec)),
        ..McpServerStatus::default()
    }
}

/// How a server is reached, in the words of its spec.
fn transport(transport: &Transport) -> &'static str {
    match transport {
        Transport::Http { wire: HttpWire::Auto, .. } => "Auto",
        Transport::Http { wire: HttpWire::Streamable, .. } => "StreamableHTTP",
        Transport::Http { wire: HttpWire::Sse, .. } => "SSE",
        Transport::Stdio { .. } => "Stdio",
    }
}

#[cfg(test)]
mod tests;
