//! All upstream sessions of one server, beside the table: they survive a new
//! snapshot as long as nothing that they depend on changed.
//!
//! A session is keyed by everything that a caller put into it and, where the
//! server does not share, by the caller (R23). One more belongs to the gateway
//! itself, for discovery.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use crds::snapshot::Digest128;
use hashbrown::{Equivalent, HashMap};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::catalogue::Catalogue;
use crate::metrics::ServerMetrics;
use crate::upstream::{CallerPart, Connectors, Endpoint, Upstream};

/// A session that nobody used for so long is ended.
const IDLE: Duration = Duration::from_secs(600);
/// The most sessions of one caller to one server; a caller that varies its headers ends its own oldest.
const MAX_PER_CALLER: usize = 4;

/// The sessions, the catalogue and the limits of one server.
pub struct ServerUpstreams {
    /// The server.
    pub endpoint: Arc<Endpoint>,
    /// What it lists to the gateway itself.
    pub catalogue: ArcSwap<Catalogue>,
    /// Calls under way, at most `maxConcurrentCalls`.
    pub calls: Arc<Semaphore>,
    /// Its counters.
    pub metrics: ServerMetrics,
    connectors: Arc<Connectors>,
    own: Arc<Upstream>,
    sessions: Mutex<HashMap<SessionKey, Entry>>,
}

/// Whose session it is. The caller's id stands whole: no digest of it can collide.
#[derive(Clone, Eq, PartialEq)]
struct SessionKey {
    caller: Option<Arc<str>>,
    part: Option<Digest128>,
}

/// The same, borrowed: what a request looks for.
#[derive(Clone, Copy, Hash)]
struct Sought<'r> {
    caller: Option<&'r str>,
    part: Option<Digest128>,
}

struct Entry {
    upstream: Arc<Upstream>,
    /// What a caller whose values differ sees listed.
    catalogue: Arc<ArcSwap<Catalogue>>,
    /// Who opened it, also where callers share: it ends when they lose the server.
    opener: Arc<str>,
    used: Instant,
}

/// A session as a request uses it.
pub struct Opened {
    /// The session.
    pub upstream: Arc<Upstream>,
    /// What the server lists in it, if the caller's own values may change that.
    pub catalogue: Option<Arc<ArcSwap<Catalogue>>>,
}

impl ServerUpstreams {
    /// No sessions yet.
    pub fn new(endpoint: Arc<Endpoint>, connectors: Arc<Connectors>, metrics: ServerMetrics) -> Self {
        let own = Arc::new(Upstream::new(endpoint.clone(), CallerPart::default(), &connectors));
        let calls = Arc::new(Semaphore::new(endpoint.server.max_concurrent_calls as usize));
        let catalogue = ArcSwap::from_pointee(Catalogue::default());
        Self { endpoint, catalogue, calls, metrics, connectors, own, sessions: Mutex::default() }
    }

    /// The gateway's own session, which carries nothing of any caller.
    pub fn own(&self) -> &Arc<Upstream> {
        &self.own
    }

    /// The session for a caller who adds `part`, opened on first use.
    pub fn open(&self, caller: &str, part: CallerPart) -> Opened {
        let digest = part.digest();
        if digest.is_none() && self.endpoint.server.shared {
            return Opened { upstream: self.own.clone(), catalogue: None };
        }
        let sought = Sought { caller: (!self.endpoint.server.shared).then_some(caller), part: digest };
        let mut sessions = self.sessions.lock();
        if let Some(entry) = sessions.get_mut(&sought) {
            entry.used = Instant::now();
            return entry.opened(digest.is_some());
        }
        let caller: Arc<str> = Arc::from(caller);
        end_oldest(&mut sessions, &caller);
        let entry = Entry {
            upstream: Arc::new(Upstream::new(self.endpoint.clone(), part, &self.connectors)),
            catalogue: Arc::new(ArcSwap::from_pointee(Catalogue::default())),
            opener: caller.clone(),
            used: Instant::now(),
        };
        let session = entry.opened(digest.is_some());
        let key_caller = (!self.endpoint.server.shared).then_some(caller);
        sessions.insert(SessionKey { caller: key_caller, part: digest }, entry);
        session
    }

    /// Ends sessions that are idle, and those of callers that `keeps` says no to.
    pub fn sweep(&self, keeps: impl Fn(&str) -> bool) {
        let mut ended = Vec::new();
        self.sessions.lock().retain(|_, entry| {
            let keep = entry.used.elapsed() < IDLE && keeps(&entry.opener);
            if !keep {
                ended.push(entry.upstream.clone());
            }
            keep
        });
        stop(ended);
    }

    /// Every session with its process, if it has one, for status pages.
    pub fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let sessions = self.sessions.lock();
        std::iter::once(&self.own).chain(sessions.values().map(|entry| &entry.upstream)).cloned().collect()
    }

    /// Ends all sessions and children; returns when they are gone.
    pub async fn stop(&self) {
        let sessions: Vec<_> = self.sessions.lock().drain().map(|(_, entry)| entry.upstream).collect();
        for upstream in sessions {
            upstream.stop().await;
        }
        self.own.stop().await;
    }
}

fn end_oldest(sessions: &mut HashMap<SessionKey, Entry>, caller: &Arc<str>) {
    let own = sessions.iter().filter(|(_, entry)| entry.opener == *caller);
    if own.clone().count() < MAX_PER_CALLER {
        return;
    }
    let oldest = own.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
    if let Some(entry) = oldest.and_then(|key| sessions.remove(&key)) {
        stop(vec![entry.upstream]);
    }
}

fn stop(ended: Vec<Arc<Upstream>>) {
    for upstream in ended {
        tokio::spawn(async move { upstream.stop().await });
    }
}

impl Entry {
    /// `own_list`: the caller's own values may change what the server lists.
    fn opened(&self, own_list: bool) -> Opened {
        Opened { upstream: self.upstream.clone(), catalogue: own_list.then(|| self.catalogue.clone()) }
    }
}

impl SessionKey {
    fn sought(&self) -> Sought<'_> {
        Sought { caller: self.caller.as_deref(), part: self.part }
    }
}

impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sought().hash(state);
    }
}

impl Equivalent<SessionKey> for Sought<'_> {
    fn equivalent(&self, key: &SessionKey) -> bool {
        self.caller == key.caller.as_deref() && self.part == key.part
    }
}
