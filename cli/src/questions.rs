//! Who may use what: questions to the snapshot that a gateway would run, each
//! answered by the evaluator that answers calls, with the path that led there.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crds::compile::{Pepper, Reasons, Step, Why, explain};
use crds::diagnostic::{Diagnostic, Kind, ObjectKey};
use crds::names::norm;
use crds::resources::{Positions, Resources};
use crds::snapshot::{Caller, Item, ServerIndex, Snapshot, UnixSeconds};
use serde_json::{Value, json};

use crate::output;
use crate::random::random;
use crate::source::{Objects, Source};

pub(crate) mod can_i;
pub(crate) mod explain;
pub(crate) mod matrix;
pub(crate) mod plan;
pub(crate) mod policy;
mod subject;
pub(crate) mod who_can;

/// Everything that answers follow from.
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) now: UnixSeconds,
    /// None: of a snapshot nobody knows why.
    origin: Option<Origin>,
}

/// What a snapshot was made of.
struct Origin {
    reasons: Reasons,
    diagnostics: Vec<Diagnostic>,
    resources: Resources,
    positions: Positions,
}

/// A server that somebody names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Named {
    pub(crate) id: ObjectKey,
    /// None: it is not accepted.
    pub(crate) at: Option<ServerIndex>,
}

/// Exit code of a question: 0 yes, 1 no, 2 it cannot be answered.
pub(crate) fn exit(answered: Result<bool, String>) -> ExitCode {
    match answered {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}

impl World {
    /// Compiles the objects; what expires is looked at as of `now`.
    pub(crate) fn new(source: Source, now: UnixSeconds) -> Result<Self, String> {
        let Objects { resources, scope, positions, .. } = match source {
            Source::Objects(objects) => *objects,
            Source::Snapshot(snapshot) => return Ok(Self { snapshot: *snapshot, now, origin: None }),
        };
        let (compiled, reasons) = explain(&resources, &scope, &Pepper(random()?));
        let origin = Origin { reasons, diagnostics: compiled.diagnostics, resources, positions };
        Ok(Self { snapshot: compiled.snapshot, now, origin: Some(origin) })
    }

    /// The server and the rest of `SERVER/ITEM`. The server goes by any name that it has on the wire, by its
    /// `metadata.name`, or by `NAMESPACE/NAME`.
    pub(crate) fn server_and_rest<'t>(&self, text: &'t str) -> Result<(Named, &'t str), String> {
        let expected = || format!("`{text}`: write it as SERVER/NAME, as in time/get_current_time");
        let (first, rest) = text.split_once('/').filter(|(_, rest)| !rest.is_empty()).ok_or_else(expected)?;
        let mut found = self.servers(|id, names| id.name == first || names.contains(&norm(first)));
        let mut rest_of = rest;
        if let Some((second, last)) = rest.split_once('/').filter(|(_, last)| !last.is_empty()) {
            let in_namespace = self.servers(|id, _| id.namespace == first && id.name == second);
            if !in_namespace.is_empty() && (found.is_empty() || found == in_namespace) {
                (found, rest_of) = (in_namespace, last);
            } else {
                found.extend(in_namespace);
            }
        }
        match &found[..] {
            [one] => Ok((one.clone(), rest_of)),
            [] => Err(format!("`{text}`: no server is called `{first}`")),
            several => {
                let several: Vec<String> = several.iter().map(|one| one.id.to_string()).collect();
                Err(format!("`{text}` may be of {}: write it as NAMESPACE/NAME/…", several.join(" or of ")))
            }
        }
    }

    /// The server of this object.
    pub(crate) fn server(&self, id: &ObjectKey) -> Option<Named> {
        self.servers(|known, _| known == id).pop()
    }

    /// Servers, accepted or not, of which this holds: by id, and the names on the wire of those that are accepted.
    fn servers(&self, holds: impl Fn(&ObjectKey, &[String]) -> bool) -> Vec<Named> {
        let accepted = (0..).zip(&self.snapshot.servers).map(|(at, server)| (object(&server.id), Some(at)));
        let mut all: BTreeMap<ObjectKey, Option<ServerIndex>> = BTreeMap::new();
        if let Some(Origin { resources, .. }) = &self.origin {
            let refused = resources.refused.keys().filter(|(kind, _)| *kind == Kind::McpServer).map(|(_, id)| id);
            all.extend(resources.servers.keys().chain(refused).map(|id| (id.clone(), None)));
        }
        all.extend(accepted);
        let names = |at: Option<ServerIndex>| at.map_or(&[][..], |at| &self.snapshot.servers[at as usize].names);
        let found = all.into_iter().filter(|(id, at)| holds(id, names(*at)));
        found.map(|(id, at)| Named { id, at }).collect()
    }

    /// Whether the binding's holder may use the item, and why. The answer is the evaluator's.
    pub(crate) fn may(&self, binding: &ObjectKey, server: &Named, item: Item) -> Why {
        let allowed = self.caller(binding).is_some_and(|caller| self.allows(caller, server, item));
        let Some(Origin { reasons, .. }) = &self.origin else { return Why { allowed, steps: Vec::new() } };
        let refused = match server.at {
            None => self.not_accepted(Kind::McpServer, &server.id),
            Some(_) => self.not_accepted(Kind::McpKeyBinding, binding),
        };
        let steps = match server.at {
            Some(at) if refused.is_empty() => reasons.why(&self.snapshot, binding, self.now, (at, item)).steps,
            _ => refused,
        };
        Why { allowed, steps }
    }

    /// The evaluator's answer.
    pub(crate) fn allows(&self, caller: &Caller, server: &Named, item: Item) -> bool {
        let allows = |at| self.snapshot.allows(caller, self.now, at, item);
        caller.is_presentable(self.now) && server.at.is_some_and(allows)
    }

    /// Everybody who is somebody, those without a credential last.
    pub(crate) fn callers(&self) -> impl Iterator<Item = (ObjectKey, &Caller)> {
        let all = self.snapshot.callers.iter().chain(&self.snapshot.anonymous);
        let live = all.filter(|caller| caller.is_presentable(self.now));
        live.map(|caller| (object(&caller.id), caller))
    }

    fn caller(&self, binding: &ObjectKey) -> Option<&Caller> {
        let (id, callers) = (binding.to_string(), &self.snapshot.callers);
        let keyed = callers.binary_search_by(|caller| caller.id.cmp(&id)).ok().map(|at| &callers[at]);
        keyed.or(self.snapshot.anonymous.as_ref().filter(|caller| caller.id == id))
    }

    fn not_accepted(&self, kind: Kind, object: &ObjectKey) -> Vec<Step> {
        let diagnostics = self.origin.iter().flat_map(|origin| &origin.diagnostics);
        let of_object = diagnostics.filter(|it| it.kind == kind && it.object == *object);
        let refusals = of_object.filter(|it| it.condition == crds::diagnostic::ConditionType::Accepted);
        refusals
            .map(|it| Step {
                depth: 0,
                kind,
                object: object.clone(),
                field: it.field.clone(),
                says: format!("is not accepted ({}): {}", it.reason.as_str(), it.message),
            })
            .collect()
    }

    /// File and line that a step is about.
    fn place(&self, step: &Step) -> Option<(String, u32)> {
        self.origin.as_ref()?.positions.locate(step.kind, &step.object, &step.field)
    }

    /// A step, for a person.
    pub(crate) fn sentence(&self, step: &Step) -> String {
        let Step { depth, kind, object, field, says } = step;
        let field = if field.is_empty() { String::new() } else { format!(" {field}:") };
        let place = self.place(step);
        let place = place.map(|(file, line)| format!("  ({file}:{line})")).unwrap_or_default();
        format!("{}{} {object}{field} {says}{place}", "  ".repeat(depth + 1), kind.as_str())
    }

    /// The same, for a machine.
    pub(crate) fn json(&self, step: &Step) -> Value {
        let Step { depth, kind, object, field, says } = step;
        let mut json =
            json!({ "depth": depth, "kind": kind, "object": object.to_string(), "field": field, "says": says });
        if let Some((file, line)) = self.place(step) {
            json["file"] = json!(file);
            json["line"] = json!(line);
        }
        json
    }
}

fn object(id: &str) -> ObjectKey {
    let (namespace, name) = id.split_once('/').unwrap_or(("", id));
    ObjectKey::new(namespace, name)
}
