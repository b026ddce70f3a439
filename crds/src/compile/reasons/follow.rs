//! One question, followed from the binding through its parents to the server.

use super::{Declared, Held, Parent, Place, Reasons, Step, Why};
use crate::diagnostic::{Kind, ObjectKey};
use crate::patterns::Patterns;
use crate::snapshot::{Item, PatternsIndex, ServerIndex, Snapshot, UnixSeconds};
use crate::v1alpha1::SubjectType;

/// So many of a kind are told.
const ENOUGH: usize = 8;

/// What is asked about.
pub(super) struct Question<'a> {
    pub(super) reasons: &'a Reasons,
    pub(super) snapshot: &'a Snapshot,
    pub(super) now: UnixSeconds,
    pub(super) server: ServerIndex,
    pub(super) item: Item<'a>,
}

/// Steps that lead to the item, or that are in the way.
type Path = Result<Vec<Step>, Vec<Step>>;

/// What a binding gives to those below it.
enum Reach {
    /// No ceiling at all: it declares nothing and has no parents that do.
    Any(Vec<Step>),
    /// The item.
    Item(Vec<Step>),
}

impl Question<'_> {
    pub(super) fn answer(&self, binding: &ObjectKey) -> Why {
        let path = self.caller(binding).and_then(|mut steps| {
            steps.extend(self.offered()?);
            Ok(steps)
        });
        match path {
            Ok(steps) => Why { allowed: true, steps },
            Err(steps) => Why { allowed: false, steps },
        }
    }

    /// What the caller may use, before the server's own filters.
    fn caller(&self, key: &ObjectKey) -> Path {
        let Some(held) = self.reasons.bindings.get(key) else {
            return Err(vec![step(0, key, "", "is not accepted, and holds nothing")]);
        };
        if held.type_ == SubjectType::Key && !held.keys.iter().any(|key| key.is_known(self.now)) {
            return Err(vec![step(0, key, "spec.subject.keys", "no key of it can be used, or all have expired")]);
        }
        self.live(0, key, held)?;
        let admitted = self.reasons.admitting.get(&key.namespace).is_some_and(|servers| servers.contains(&self.server));
        if held.type_ != SubjectType::Anonymous && admitted && self.reasons.open.contains(&self.server) {
            return Ok(vec![self.of_server("spec.access", "is open to all keys (AllKeys)")]);
        }
        let steps = match self.reach(0, key, held)? {
            Reach::Item(steps) => steps,
            Reach::Any(mut steps) => {
                steps.push(step(
                    0,
                    key,
                    "spec.grants",
                    "nobody above declares anything: that is nothing, not everything",
                ));
                return Err(steps);
            }
        };
        if admitted {
            return Ok(steps);
        }
        let says = format!("does not admit namespace `{}`, in which the caller's binding is", key.namespace);
        Err(vec![self.of_server("spec.allowedNamespaces", &says)])
    }

    /// A parent that is there.
    fn above<'p>(&'p self, parent: Option<&'p ObjectKey>) -> Option<(&'p ObjectKey, &'p Held)> {
        parent.and_then(|parent| Some((parent, self.reasons.bindings.get(parent)?)))
    }

    /// Whether the binding and all above it stand.
    fn live(&self, depth: usize, key: &ObjectKey, held: &Held) -> Result<(), Vec<Step>> {
        if held.suspended {
            return Err(vec![step(depth, key, "spec.suspend", "is suspended")]);
        }
        if held.expires.is_some_and(|expires| self.now >= expires) {
            return Err(vec![step(depth, key, "spec.expirationTime", "has expired")]);
        }
        for Parent { who, field, binding } in &held.parents {
            let Some((above, of_above)) = self.above(binding.as_ref()) else {
                let says = format!("there is no {who} that lets it in: it has nothing");
                return Err(vec![step(depth, key, field, &says)]);
            };
            self.live(depth + 1, above, of_above).map_err(|steps| {
                after(step(depth, key, field, &format!("with its {who}, which is dead, it has nothing")), steps)
            })?;
        }
        Ok(())
    }

    /// What a binding that lives reaches: what it declares, within what each parent reaches.
    fn reach(&self, depth: usize, key: &ObjectKey, held: &Held) -> Result<Reach, Vec<Step>> {
        let mut steps = Vec::new();
        let mut any = held.grants.is_none();
        if let Some(declared) = &held.grants {
            steps.extend(self.declared(depth, key, declared)?);
        }
        for Parent { who, field, binding } in &held.parents {
            // Those that are not there are dead, which was asked before.
            let Some((above, of_above)) = self.above(binding.as_ref()) else { continue };
            let tie = |says: &str| step(depth, key, field, &format!("its {who} {says}"));
            match self.reach(depth + 1, above, of_above) {
                Ok(Reach::Any(of_above)) => {
                    steps.push(tie("sets no limit"));
                    steps.extend(of_above);
                }
                Ok(Reach::Item(of_above)) => {
                    steps.push(tie(if any { "gives it" } else { "may use it too" }));
                    steps.extend(of_above);
                    any = false;
                }
                Err(of_above) => return Err(after(tie("may not use it"), of_above)),
            }
        }
        if any {
            steps.push(step(depth, key, "spec.grants", "it declares none of its own"));
        }
        Ok(if any { Reach::Any(steps) } else { Reach::Item(steps) })
    }

    /// The first entry that gives the item; else why none does.
    fn declared(&self, depth: usize, key: &ObjectKey, Declared { entries, void }: &Declared) -> Path {
        let server = self.of_server("", "").object;
        let mut in_the_way = Vec::new();
        for entry in entries.iter().filter(|entry| entry.server == self.server) {
            let kind = self.item.kind().plural();
            let rule = match &entry.globs.of(self.item)[..] {
                [] => format!("no {kind}"),
                [glob] if glob == "*" => format!("all {kind}"),
                globs => format!("the {kind} {}", some(globs)),
            };
            let mut steps = Vec::new();
            match &entry.through {
                None => steps.push(step(depth, key, &entry.field, &format!("gives {rule} of McpServer {server}"))),
                Some((group, Place { kind, object, field })) => {
                    steps.push(step(depth, key, &entry.field, &format!("gives McpAccessGroup {group}")));
                    let says = format!("makes McpServer {server} a member of it, with {rule}");
                    steps.push(Step { depth, kind: *kind, object: object.clone(), field: field.clone(), says });
                }
            }
            if entry.gives(self.item) {
                return Ok(steps);
            }
            in_the_way.extend(steps);
        }
        if in_the_way.is_empty() {
            let says = format!("names neither McpServer {server} nor a group that has it");
            in_the_way.push(step(depth, key, "spec.grants", &says));
        }
        // It may be what one of these was meant to give.
        in_the_way.extend(
            void.iter().take(ENOUGH).map(|void| step(depth, key, &void.field, &format!("is void: {}", void.message))),
        );
        Err(in_the_way)
    }

    /// Whether the server has the item for anybody.
    fn offered(&self) -> Path {
        let Some(server) = self.snapshot.servers.get(self.server as usize) else {
            return Err(vec![self.of_server("", "is not accepted, and serves nothing")]);
        };
        if server.off {
            return Err(vec![self.of_server("", "is off: a Secret that it needs cannot be used")]);
        }
        let field = |list: &str| format!("spec.{}.{list}", self.item.kind().plural());
        let filter = server.filters.of(self.item);
        if let Some(deny) = filter.deny
            && self.list(deny).is_none_or(|globs| self.item.is_kept_out_by(Patterns::new(globs)))
        {
            let says = format!("denies {}", self.list(deny).map(some).unwrap_or_default());
            return Err(vec![self.of_server(&field("deny"), &says)]);
        }
        let Some(allow) = filter.allow else { return Ok(Vec::new()) };
        let globs = self.list(allow).unwrap_or_default();
        let says = format!("allows {}", if globs.is_empty() { "nothing".to_owned() } else { some(globs) });
        let step = self.of_server(&field("allow"), &says);
        if self.item.is_let_in_by(Patterns::new(globs)) { Ok(vec![step]) } else { Err(vec![step]) }
    }

    fn list(&self, at: PatternsIndex) -> Option<&[String]> {
        self.snapshot.patterns.get(at as usize).map(Vec::as_slice)
    }

    fn of_server(&self, field: &str, says: &str) -> Step {
        let object = self.reasons.servers.get(self.server as usize).cloned().unwrap_or_else(|| ObjectKey::new("", ""));
        Step { depth: 0, kind: Kind::McpServer, object, field: field.to_owned(), says: says.to_owned() }
    }
}

fn step(depth: usize, binding: &ObjectKey, field: &str, says: &str) -> Step {
    Step { depth, kind: Kind::McpKeyBinding, object: binding.clone(), field: field.to_owned(), says: says.to_owned() }
}

fn after(first: Step, mut rest: Vec<Step>) -> Vec<Step> {
    rest.insert(0, first);
    rest
}

/// The globs, as many as say enough.
fn some(globs: &[String]) -> String {
    let first = globs.iter().take(ENOUGH).map(|glob| format!("`{glob}`")).collect::<Vec<_>>().join(", ");
    match globs.len().saturating_sub(ENOUGH) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
