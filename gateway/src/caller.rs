//! Who calls, as one table has them: a binding, or the several Claims bindings
//! that a token matches, united (ACCESS.md, Callers); and from where, since a
//! server may be there for internal addresses alone.

use std::borrow::Cow;
use std::sync::Arc;

use crds::snapshot::{self, AccessIndex, ByKind, Group, Item, ServerIndex, Share, Snapshot, UnixSeconds};

use crate::networks::Side;
use crate::table::RoutingTable;
use crate::token::Token;

/// A caller of one table.
#[derive(Clone)]
pub struct Caller<'t> {
    pub(crate) bindings: Bindings<'t>,
    /// Where it is.
    pub side: Side,
    /// Whether the table has anything that is not for both sides.
    pub(crate) sides_differ: bool,
}

/// Whose credential it is.
#[derive(Clone)]
pub(crate) enum Bindings<'t> {
    /// Of one binding, by whatever credential.
    One(&'t snapshot::Caller),
    /// Of the Claims bindings that a token matches; these are the table's.
    Claims(&'t Snapshot, Arc<Bearer>),
}

/// Whose something is that outlives a request: the caller's id, and what it was last known by where that is a token.
pub type KeptFor<'w> = (&'w str, Option<&'w Arc<Token>>);

/// Whose a token is, in one table.
#[derive(Debug)]
pub struct Bearer {
    /// What the token says.
    pub token: Arc<Token>,
    /// Positions of the bindings: of the exact one, or of all Claims bindings that match. Never empty.
    pub(crate) bindings: Box<[u32]>,
    /// Whether they are Claims bindings.
    pub(crate) by_claims: bool,
    /// The table's serial number.
    pub(crate) table: u64,
}

impl<'t> Caller<'t> {
    /// One of this binding, at this side of a table that has servers for one side alone.
    pub fn of(binding: &'t snapshot::Caller, side: Side) -> Self {
        Caller { bindings: Bindings::One(binding), side, sides_differ: true }
    }

    /// What sessions, pools and children are bound to: `namespace/name` of the binding, whatever its keys; of Claims
    /// bindings, which many share, the token's own subject.
    pub fn id(&self) -> &str {
        match &self.bindings {
            Bindings::One(caller) => &caller.id,
            Bindings::Claims(_, bearer) => &bearer.token.id,
        }
    }

    /// What it is known by, where that is a token alone: no binding is its own.
    pub fn token(&self) -> Option<&Arc<Token>> {
        match &self.bindings {
            Bindings::One(_) => None,
            Bindings::Claims(_, bearer) => Some(&bearer.token),
        }
    }

    /// Whether it is anybody who presents nothing.
    pub fn is_anonymous(&self) -> bool {
        matches!(self.bindings, Bindings::One(caller) if caller.is_anonymous())
    }

    /// The bindings.
    pub fn bindings(&self) -> impl Iterator<Item = &'t snapshot::Caller> {
        let (one, claims) = match &self.bindings {
            Bindings::One(caller) => (Some(*caller), None),
            Bindings::Claims(snapshot, bearer) => (None, Some((*snapshot, &bearer.bindings))),
        };
        let several = claims.into_iter().flat_map(|(snapshot, bindings)| {
            bindings.iter().filter_map(|binding| snapshot.callers.get(*binding as usize))
        });
        one.into_iter().chain(several)
    }

    /// Whether one of the bindings may use the server's item now, from where the caller is.
    pub fn allows(&self, snapshot: &Snapshot, now: UnixSeconds, server: ServerIndex, item: Item) -> bool {
        self.reaches(snapshot, server) && self.bindings().any(|caller| snapshot.allows(caller, now, server, item))
    }

    /// Whether a server is there from where the caller is, whatever it may use.
    pub fn reaches(&self, snapshot: &Snapshot, server: ServerIndex) -> bool {
        !self.is_kept_out() || snapshot.servers.get(server as usize).is_some_and(|server| !server.internal)
    }

    /// Whether there is anything that is not there from where the caller is.
    fn is_kept_out(&self) -> bool {
        self.sides_differ && self.side.is_outside()
    }

    /// Whether it goes on with what it began outside, or inside: where the sides differ, from there alone, so that nothing
    /// which was told to one side waits for the other.
    pub fn goes_on(&self, outside: bool) -> bool {
        !self.sides_differ || outside == self.side.is_outside()
    }

    /// Until when one of the bindings that count may use something; none if for ever. A binding that has ended already does
    /// not count.
    pub fn until(&self, now: UnixSeconds, counts: impl Fn(&snapshot::Caller) -> bool) -> Option<UnixSeconds> {
        let mut last = Some(now);
        for caller in self.bindings().filter(|caller| caller.access_at(now).is_some() && counts(caller)) {
            let end = caller.expires.into_iter().chain(caller.access_until).min();
            last = last.zip(end).map(|(last, end)| last.max(end));
        }
        last
    }

    /// Whether a filter header of the caller may name the group: a binding that has ended does not count.
    pub fn is_admitted_to(&self, group: &Group, now: UnixSeconds) -> bool {
        let mut live = self.bindings().filter(|caller| caller.is_known(now));
        live.any(|caller| group.admits.binary_search(&caller.namespace).is_ok())
    }

    /// The servers of which the caller may use anything now, from where it is, in rising order, each with what of it; of
    /// several bindings it says only which kinds, and whether all of one.
    pub fn access(&self, table: &'t RoutingTable, now: UnixSeconds) -> Cow<'t, [(ServerIndex, Share)]> {
        let set = |access: AccessIndex| &table.snapshot.access[access as usize][..];
        let mut sets = self.bindings().filter_map(|caller| caller.access_at(now)).map(set);
        let first = sets.next().unwrap_or_default();
        let all = sets.fold(Cow::Borrowed(first), |united, set| Cow::Owned(unite(&united, set)));
        if !self.is_kept_out() || all.iter().all(|(server, _)| self.reaches(&table.snapshot, *server)) {
            return all;
        }
        Cow::Owned(all.iter().copied().filter(|(server, _)| self.reaches(&table.snapshot, *server)).collect())
    }
}

/// Both sets, merged by server.
fn unite(one: &[(ServerIndex, Share)], other: &[(ServerIndex, Share)]) -> Vec<(ServerIndex, Share)> {
    let mut all: Vec<(ServerIndex, Share)> = [one, other].concat();
    all.sort_by_key(|(server, _)| *server);
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            let ByKind { tools, prompts, resources } = next.1;
            let of = kept.1;
            kept.1 = ByKind {
                tools: of.tools.or(tools),
                prompts: of.prompts.or(prompts),
                resources: of.resources.or(resources),
            };
        }
        same
    });
    all
}
