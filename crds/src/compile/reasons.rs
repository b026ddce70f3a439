//! Why somebody may use something, or may not: the references that `compile`
//! resolved, kept with the places where they stand, and followed for one
//! question. The answer itself is the snapshot's (`Snapshot::allows`); what is
//! told here has to come to the same, which `tests/access` holds on random worlds.

use std::collections::{BTreeMap, BTreeSet};

use super::access::{Granted, Scene, granted};
use super::faults::Faults;
use super::groups::{Joined, Member};
use super::parents::ties;
use super::subjects::Binding;
use super::tables::Tables;
use super::tenancy::Tenancy;
use crate::diagnostic::{Diagnostic, Kind, ObjectKey};
use crate::patterns::Patterns;
use crate::snapshot::{ByKind, CallerKey, Item, ServerIndex, Snapshot, UnixSeconds};
use crate::v1alpha1::{Access, SubjectType};

mod follow;

/// Who has what from where.
pub struct Reasons {
    bindings: BTreeMap<ObjectKey, Held>,
    /// By position in the snapshot.
    servers: Vec<ObjectKey>,
    /// Servers that are open to all keys.
    open: BTreeSet<ServerIndex>,
    /// Of each namespace with a binding, the servers that admit it.
    admitting: BTreeMap<String, BTreeSet<ServerIndex>>,
}

/// An answer with its path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Why {
    /// Whether it may.
    pub allowed: bool,
    /// What the answer follows from, in order. Of an answer no: what is in the way.
    pub steps: Vec<Step>,
}

/// One thing that an answer follows from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// How many parents it is away from who is asked about.
    pub depth: usize,
    /// The kind of object that says it.
    pub kind: Kind,
    /// The object that says it.
    pub object: ObjectKey,
    /// Where it says so, as a path from its root; empty for the object as a whole.
    pub field: String,
    /// What that comes to.
    pub says: String,
}

/// An accepted binding.
struct Held {
    type_: SubjectType,
    suspended: bool,
    expires: Option<UnixSeconds>,
    keys: Vec<CallerKey>,
    parents: Vec<Parent>,
    /// None: it declares none.
    grants: Option<Declared>,
}

/// What a binding's grants come to.
struct Declared {
    entries: Vec<Entry>,
    /// Entries that are void, and why.
    void: Vec<Diagnostic>,
}

/// A parent that a binding names or is tied to.
struct Parent {
    /// As in: team `blue`.
    who: String,
    field: &'static str,
    /// None: missing, or without consent.
    binding: Option<ObjectKey>,
}

/// A way to a server that an entry of `grants` gives.
struct Entry {
    /// The entry.
    field: String,
    /// The group that it names, and where that says that the server is a member.
    through: Option<(ObjectKey, Place)>,
    server: ServerIndex,
    globs: ByKind<Vec<String>>,
}

/// A field of an object.
struct Place {
    kind: Kind,
    object: ObjectKey,
    field: String,
}

/// Takes down everything that access follows from.
pub(super) fn gather(scene: Scene, tenancy: &Tenancy, tables: &mut Tables) -> Reasons {
    let Scene { named, subjects, consent, .. } = scene;
    let servers: Vec<ObjectKey> = named.servers.iter().map(|server| server.key.clone()).collect();
    let all = || (0..).zip(&named.servers);
    let open = all().filter(|(_, server)| server.object.spec.access == Access::AllKeys).map(|(at, _)| at).collect();
    let mut admitting = BTreeMap::new();
    let mut bindings = BTreeMap::new();
    for binding in &subjects.bindings {
        let namespace = &binding.key.namespace;
        admitting.entry(namespace.clone()).or_insert_with(|| {
            all().filter(|(_, server)| server.admits(consent, namespace)).map(|(at, _)| at).collect::<BTreeSet<_>>()
        });
        let parents = ties(binding, subjects, tenancy, consent).into_iter().map(|tie| Parent {
            who: format!("{} `{}`", tie.type_.word(), tie.name),
            field: tie.field,
            binding: tie.parent.map(|parent| subjects.bindings[parent].key.clone()),
        });
        let held = Held {
            type_: binding.spec.subject.type_,
            suspended: binding.spec.suspend.unwrap_or(false),
            expires: binding.spec.expiration_time.as_ref().map(super::seconds),
            keys: binding.keys.clone(),
            parents: parents.collect(),
            grants: declared(scene, binding, tables),
        };
        bindings.insert(binding.key.clone(), held);
    }
    Reasons { bindings, servers, open, admitting }
}

fn declared(scene: Scene, binding: &Binding, tables: &mut Tables) -> Option<Declared> {
    let grants = binding.spec.grants.as_ref()?;
    let mut faults = Faults::default();
    let granted = granted(scene, binding, grants, tables, &mut faults);
    let mut entries = Vec::new();
    for (granted, index) in granted {
        match granted {
            Granted::Server(way) => {
                let (server, globs) = tables.given(way);
                let field = format!("spec.grants.servers[{index}]");
                entries.push(Entry { field, through: None, server, globs });
            }
            Granted::Group(group) => {
                let key = scene.named.groups[group as usize].key;
                for Member { way, by } in &scene.members[group as usize] {
                    let (server, globs) = tables.given(*way);
                    let of_group = |field: String| Place { kind: Kind::McpAccessGroup, object: key.clone(), field };
                    let place = match by {
                        Joined::Listed(index) => of_group(format!("spec.servers[{index}]")),
                        Joined::Selected => of_group("spec.selector".to_owned()),
                        Joined::Named(index) => Place {
                            kind: Kind::McpServer,
                            object: scene.named.servers[server as usize].key.clone(),
                            field: format!("spec.accessGroups[{index}]"),
                        },
                    };
                    let field = format!("spec.grants.accessGroups[{index}]");
                    entries.push(Entry { field, through: Some((key.clone(), place)), server, globs });
                }
            }
        }
    }
    let mut void = faults.into_sorted();
    void.sort_by(|one, next| one.field.cmp(&next.field));
    Some(Declared { entries, void })
}

// === impl Entry ===

impl Entry {
    fn gives(&self, item: Item) -> bool {
        item.is_let_in_by(Patterns::new(self.globs.of(item)))
    }
}

// === impl Reasons ===

impl Reasons {
    /// Why the holder of the accepted binding may use the server's item at `now`, or why not. Of a team, user or
    /// organization: as its parents and its own words have it, for who inherits it all.
    pub fn why(&self, snapshot: &Snapshot, binding: &ObjectKey, now: UnixSeconds, asked: (ServerIndex, Item)) -> Why {
        follow::Question { reasons: self, snapshot, now, server: asked.0, item: asked.1 }.answer(binding)
    }
}
