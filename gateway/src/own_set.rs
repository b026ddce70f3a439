//! What one client sees of each kind of list, so that it is told when its own
//! set changed, and not when somebody else's did (R10).
//!
//! In: who opened a stream, and the views as they come. Out: a digest of what
//! they see, and the end of their time.

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use crds::snapshot::{Digest128, Item, ServerIndex, UnixSeconds};
use http::HeaderMap;
use tokio::sync::watch;

use crate::capabilities::Capabilities;
use crate::catalogue::List;
use crate::exchange::Exchange;
use crate::front::Path;
use crate::gateway::{Gateway, View};
use crate::head::Head;
use crate::identify::Identity;
use crate::list;
use crate::permit::permit;
use crate::revision::Revision;
use crate::scope::Scope;
use crate::serve::GoesOn;
use crate::session::Session;

/// How long changes gather before lists are looked at again.
const GATHER: Duration = Duration::from_millis(50);

/// The kinds of lists that clients are told of: by which notification, and the lists.
pub const KINDS: [(&str, &[List]); 3] = [
    ("notifications/tools/list_changed", &[List::Tools]),
    ("notifications/prompts/list_changed", &[List::Prompts]),
    ("notifications/resources/list_changed", &[List::Resources, List::Templates]),
];

/// A digest of what a client sees of each kind; of one that it does not watch always the same.
pub type Seen = [Digest128; KINDS.len()];

/// Who opened a stream: what it takes to see what they see, later.
pub struct Watcher {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Who opened it.
    pub identity: Identity,
    /// The same: the caller's id.
    pub caller: Arc<str>,
    /// The headers that they sent.
    pub headers: HeaderMap,
    /// The path that they asked for.
    pub path: String,
    /// The revision that they speak.
    pub revision: Revision,
    /// Their legacy session, if they have one.
    pub session: Option<Session>,
    /// What they can be asked for.
    pub capabilities: Capabilities,
    /// Which of [`KINDS`] they watch.
    pub kinds: [bool; KINDS.len()],
}

/// The notifications of the kinds that are other ones now.
pub fn changed(before: &Seen, now: &Seen) -> impl Iterator<Item = &'static str> {
    let both = KINDS.iter().zip(before.iter().zip(now));
    both.filter(|(_, (before, now))| before != now).map(|((method, _), _)| *method)
}

impl Watcher {
    /// Marks the views that come after this one.
    pub fn views(&self, view: &Arc<View>) -> watch::Receiver<u64> {
        let mut views = self.gateway.indexed.subscribe();
        if !Arc::ptr_eq(view, &self.gateway.view.load()) {
            views.mark_changed();
        }
        views
    }

    /// Waits until they may see something else, by another view or because `other` returns; gives the view then. None
    /// once they have lost everything, or their time is over.
    pub async fn next(
        &self,
        view: &View,
        views: &mut watch::Receiver<u64>,
        other: impl Future<Output = ()>,
    ) -> Option<Arc<View>> {
        let left = self.left(view)?;
        tokio::select! {
            changed = views.changed() => {
                changed.ok()?;
                // Whoever has lost everything is cut off at once; lists have a moment.
                self.left(&self.gateway.view.load_full())?;
                tokio::time::sleep(GATHER).await;
                views.mark_unchanged();
            }
            () = other => {}
            () = tokio::time::sleep(left) => return None,
        }
        let view = self.gateway.view.load_full();
        self.left(&view).map(|_| view)
    }

    /// How long they are still somebody; none if they are nobody now, or may use nothing.
    fn left(&self, view: &View) -> Option<Duration> {
        let now = crate::clock::now();
        let caller = view.table.still(&self.identity, &self.caller, now)?;
        let goes_on = self.session.is_none_or(|session| caller.goes_on(session.outside));
        if !goes_on || caller.access(&view.table, now).is_empty() {
            return None;
        }
        let of_session = self.session.map(|session| session.expires);
        let first = [self.identity.until(&caller, now), of_session].into_iter().flatten().min();
        match first {
            Some(first) => seconds(first - now),
            None => Some(Duration::MAX),
        }
    }

    /// Whether they may read a resource of a server, by its id and its own URI.
    pub fn may_read(&self, view: &View, server: &str, native: &str) -> bool {
        let now = crate::clock::now();
        let table = &view.table;
        let server = table.snapshot.servers.iter().position(|known| known.id == server);
        let Some((caller, _, scope)) = self.now(view, now) else { return false };
        server.is_some_and(|server| {
            permit(table, (&caller, now), &scope, server as ServerIndex, Item::Resource(native)).is_some()
        })
    }

    /// Who they are now, and what their request is narrowed to.
    fn now<'v>(&'v self, view: &'v View, now: UnixSeconds) -> Option<(Caller<'v>, Head<'v>, Scope)> {
        let table = &view.table;
        let caller = table.still(&self.identity, &self.caller, now)?;
        let head = Head::read(&self.headers, &table.snapshot.settings.client_side_auth_header).ok()?;
        let path = Path::read(&self.path)?;
        let scope = Scope::read(table, &caller, now, path.names(), &head.filters);
        Some((caller, head, scope))
    }

    /// What they see of the kinds that they watch; none if they are nobody any more.
    pub async fn seen(&self, view: &Arc<View>) -> Option<Seen> {
        let now = crate::clock::now();
        let (caller, head, scope) = self.now(view, now)?;
        let exchange = Exchange {
            gateway: &self.gateway,
            view,
            caller: &caller,
            identity: &self.identity,
            scope: &scope,
            head: &head,
            headers: &self.headers,
            path: &self.path,
            revision: self.revision,
            session: self.session,
            capabilities: self.capabilities,
            goes_on: &GoesOn::default(),
            now,
        };
        let mut seen = [Digest128([0; 16]); KINDS.len()];
        for ((kind, (_, lists)), _) in seen.iter_mut().zip(KINDS).zip(self.kinds).filter(|(_, wanted)| *wanted) {
            *kind = list::digest(&exchange, lists).await;
        }
        Some(seen)
    }
}

/// None of a time that has passed.
fn seconds(left: UnixSeconds) -> Option<Duration> {
    u64::try_from(left).ok().map(Duration::from_secs)
}
