//! All upstream sessions of one server, beside the table: they survive a new
//! snapshot as long as nothing that they depend on changed.
//!
//! A session is keyed by the caller and everything that they put into it
//! (R23). Where callers share and put nothing in, it is the gateway's own, which
//! is also that of discovery. A PerClient server has one for each session of a
//! client besides; what it lists is read for all clients that can be asked the same.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::caller::{Caller, KeptFor};
use arc_swap::ArcSwap;
use crds::snapshot::{Digest128, SessionMode};
use futures_util::future::join_all;
use hashbrown::{Equivalent, HashMap};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

use crate::catalogue::Catalogue;
use crate::client_session::{ClientSession, stray};
use crate::metrics::ServerMetrics;
use crate::own_list::OwnList;
use crate::session::Nonce;
use crate::token::Token;
use crate::upstream::tokens::Tokens;
use crate::upstream::{CallerPart, Connectors, Endpoint, Outcome, Strays, Upstream, UpstreamError};

/// A session that nobody used for so long is ended.
const IDLE: Duration = Duration::from_secs(600);
/// The most sessions of one caller to one server; a caller that varies its headers ends its own oldest.
const MAX_PER_CALLER: usize = 4;
/// The same of all callers without a key together: they are one caller to the gateway.
const MAX_ANONYMOUS: usize = 64;

/// The most clients of one caller that have a session of their own with one server.
const MAX_CLIENTS_PER_CALLER: usize = 64;
/// The same of all callers together.
const MAX_CLIENTS: usize = 1024;

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
    /// The server's, if its credential is fetched.
    tokens: Option<Arc<Tokens>>,
    own: Arc<Upstream>,
    sessions: Mutex<HashMap<SessionKey, Entry>>,
    /// Turns true when the server is stopped: nothing begins after that.
    ended: watch::Sender<bool>,
}

/// Whose session it is. The caller's id stands whole: no digest of it can collide.
#[derive(Clone, Eq, PartialEq)]
struct SessionKey {
    caller: Arc<str>,
    part: Option<Digest128>,
    /// The client's session, where each has its own.
    client: Option<Nonce>,
}

/// The same, borrowed: what a request looks for.
#[derive(Clone, Copy, Hash)]
struct Sought<'r> {
    caller: &'r str,
    part: Option<Digest128>,
    client: Option<Nonce>,
}

#[derive(Clone)]
struct Entry {
    upstream: Arc<Upstream>,
    /// What a caller whose values differ sees listed.
    list: Arc<OwnList>,
    /// The client that it is for, where each has its own.
    client: Option<Weak<ClientSession>>,
    /// When it was opened last, or seen in use.
    used: Instant,
    /// What its caller was last known by, where that is a token.
    token: Option<Arc<Token>>,
}

/// A session as a request uses it.
pub struct Opened {
    /// The session.
    pub upstream: Arc<Upstream>,
    /// What the server lists in it, if the caller's own values may change that.
    pub list: Option<Arc<OwnList>>,
}

impl ServerUpstreams {
    /// No sessions yet.
    pub fn new(endpoint: Arc<Endpoint>, connectors: Arc<Connectors>, metrics: ServerMetrics) -> Self {
        let tokens = Tokens::of(&endpoint, &connectors.egress);
        let own = Upstream::new(endpoint.clone(), CallerPart::default(), None, &connectors, tokens.as_deref());
        let own = Arc::new(own);
        let calls = Arc::new(Semaphore::new(endpoint.server.max_concurrent_calls as usize));
        let catalogue = ArcSwap::from_pointee(Catalogue::default());
        let (sessions, ended) = (Mutex::default(), watch::Sender::new(false));
        Self { endpoint, catalogue, calls, metrics, connectors, tokens, own, sessions, ended }
    }

    /// The gateway's own session, which carries nothing of any caller.
    pub fn own(&self) -> &Arc<Upstream> {
        &self.own
    }

    /// Turns true when the server is stopped. [`Self::stop`] waits until all of these are dropped, so that nothing that
    /// runs in the background begins a session anew behind it.
    pub fn ended(&self) -> watch::Receiver<bool> {
        self.ended.subscribe()
    }

    /// The session for a caller who adds `part`, opened on first use; an error once the server is stopped. `client`: whose
    /// alone it is, where each client has its own.
    pub fn open(
        self: &Arc<Self>,
        caller: &Caller<'_>,
        part: CallerPart,
        client: Option<&Arc<ClientSession>>,
    ) -> Result<Opened, UpstreamError> {
        let digest = part.digest();
        if client.is_none() && digest.is_none() && self.endpoint.server.sessions == SessionMode::Shared {
            self.refuse_if_ended()?;
            return Ok(Opened { upstream: self.own.clone(), list: None });
        }
        let nonce = client.map(|client| client.session.nonce);
        let mut sessions = self.sessions.lock();
        // Asked under the lock: what is put in before the server ends is taken out by its end. The same of the client's end.
        self.refuse_if_ended()?;
        if client.is_some_and(|client| client.has_ended()) {
            return Err(UpstreamError::ended());
        }
        let own_list = digest.is_some() && client.is_none();
        if let Some(entry) = sessions.get_mut(&Sought { caller: caller.id(), part: digest, client: nonce }) {
            entry.used = Instant::now();
            entry.token = caller.token().cloned();
            return Ok(entry.opened(own_list));
        }
        match client {
            None => end_oldest(&mut sessions, caller),
            Some(_) => make_room(&mut sessions, caller)?,
        }
        let upstream = match client {
            None => Arc::new(self.begin(part, None)),
            Some(client) => self.begin_for(client, part, digest),
        };
        let client = client.map(Arc::downgrade);
        let token = caller.token().cloned();
        let entry = Entry { upstream, list: Arc::default(), client, used: Instant::now(), token };
        let session = entry.opened(own_list);
        sessions.insert(SessionKey { caller: Arc::from(caller.id()), part: digest, client: nonce }, entry);
        Ok(session)
    }

    fn begin(&self, part: CallerPart, strays: Option<Strays>) -> Upstream {
        Upstream::new(self.endpoint.clone(), part, strays, &self.connectors, self.tokens.as_deref())
    }

    /// A session for one client, whom the server may ask.
    fn begin_for(
        self: &Arc<Self>,
        client: &Arc<ClientSession>,
        part: CallerPart,
        digest: Option<Digest128>,
    ) -> Arc<Upstream> {
        let (sender, strays) = mpsc::channel(stray::QUEUE);
        let upstream = Arc::new(self.begin(part, Some(sender)));
        client.add_upstream(&upstream);
        let between = (Arc::downgrade(&upstream), Arc::downgrade(client));
        let (server, caller) = (Arc::downgrade(self), client.caller.clone());
        let outdate = move || {
            if let Some(server) = server.upgrade() {
                server.outdate_list(&caller, digest);
            }
        };
        tokio::spawn(stray::keep(strays, between, self.endpoint.server.id.clone(), outdate));
        upstream
    }

    /// Has what the server lists to a caller who adds this read again when it is next asked for.
    fn outdate_list(&self, caller: &str, part: Option<Digest128>) {
        match self.sessions.lock().get(&Sought { caller, part, client: None }) {
            Some(entry) => entry.list.outdate(),
            None => self.own.suspect(),
        }
    }

    /// Has all that the server lists to callers with values of their own read again when it is next asked for.
    pub fn outdate_lists(&self) {
        for entry in self.sessions.lock().values() {
            entry.list.outdate();
        }
    }

    /// Ends the sessions of one client.
    pub fn end_client(&self, client: &Nonce) {
        let mut sessions = self.sessions.lock();
        let ended: Vec<_> = sessions.extract_if(|key, _| key.client.as_ref() == Some(client)).collect();
        drop(sessions);
        for (_, entry) in ended {
            tokio::spawn(entry.stop());
        }
    }

    /// Counts a call that failed. One that found the server gone has it listed again, so that its state soon says so.
    pub fn failed(&self, error: &UpstreamError) {
        self.metrics.failed(error.outcome.as_str());
        if error.outcome == Outcome::Unreachable {
            self.own.suspect();
        }
    }

    fn refuse_if_ended(&self) -> Result<(), UpstreamError> {
        if *self.ended.borrow() {
            return Err(UpstreamError::ended());
        }
        Ok(())
    }

    /// Ends sessions that are idle, and those of callers that `keeps` says no to, in use or not.
    pub fn sweep(&self, keeps: impl Fn(KeptFor<'_>) -> bool) {
        let now = Instant::now();
        let mut ended = Vec::new();
        self.sessions.lock().retain(|key, entry| {
            if entry.in_use() || entry.is_heard() {
                entry.used = now;
            }
            let keep = now.duration_since(entry.used) < IDLE && keeps((&key.caller, entry.token.as_ref()));
            if !keep {
                ended.push(entry.clone());
            }
            keep
        });
        for entry in ended {
            tokio::spawn(entry.stop());
        }
    }

    /// Every session with its process, if it has one, for status pages.
    pub fn upstreams(&self) -> Vec<Arc<Upstream>> {
        let sessions = self.sessions.lock();
        std::iter::once(&self.own).chain(sessions.values().map(|entry| &entry.upstream)).cloned().collect()
    }

    /// Ends discovery, all sessions and children, at once; returns when they are gone. Nothing is opened after that.
    pub async fn stop(&self) {
        self.ended.send_replace(true);
        let sessions: Vec<_> = self.sessions.lock().drain().map(|(_, entry)| entry.stop()).collect();
        let own = async {
            self.ended.closed().await;
            self.own.stop().await;
        };
        tokio::join!(own, join_all(sessions));
    }
}

/// Makes room for one more session of one client: of its caller's, or of all, the one that was used least lately ends,
/// unless all are used.
fn make_room(sessions: &mut HashMap<SessionKey, Entry>, caller: &Caller<'_>) -> Result<(), UpstreamError> {
    let of_clients = || sessions.iter().filter(|(key, _)| key.client.is_some());
    let is_own = |key: &SessionKey| *key.caller == *caller.id();
    let own_full = of_clients().filter(|(key, _)| is_own(key)).count() >= MAX_CLIENTS_PER_CALLER;
    if !own_full && of_clients().count() < MAX_CLIENTS {
        return Ok(());
    }
    let idle = of_clients().filter(|(key, entry)| !entry.in_use() && (!own_full || is_own(key)));
    let oldest = idle.min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
    let oldest = oldest.and_then(|key| sessions.remove(&key));
    let full = || UpstreamError::new(Outcome::RateLimited, "as many clients as may have a session with it have one");
    tokio::spawn(oldest.ok_or_else(full)?.stop());
    Ok(())
}

/// Makes room for one more session of a caller: those that were used least lately end, unless a call uses them.
fn end_oldest(sessions: &mut HashMap<SessionKey, Entry>, caller: &Caller<'_>) {
    let most = if caller.is_anonymous() { MAX_ANONYMOUS } else { MAX_PER_CALLER };
    let own = sessions.iter().filter(|(key, _)| *key.caller == *caller.id() && key.client.is_none());
    let over = (own.clone().count() + 1).saturating_sub(most);
    let mut idle: Vec<_> = own.filter(|(_, entry)| !entry.in_use()).map(|(key, entry)| (entry.used, key)).collect();
    idle.sort_unstable_by_key(|(used, _)| *used);
    let ended: Vec<_> = idle.into_iter().take(over).map(|(_, key)| key.clone()).collect();
    for entry in ended.iter().filter_map(|key| sessions.remove(key)) {
        tokio::spawn(entry.stop());
    }
}

impl Entry {
    /// `own_list`: the caller's own values may change what the server lists.
    fn opened(&self, own_list: bool) -> Opened {
        Opened { upstream: self.upstream.clone(), list: own_list.then(|| self.list.clone()) }
    }

    /// Whether its client hears what the server says by itself.
    fn is_heard(&self) -> bool {
        self.client.as_ref().and_then(Weak::upgrade).is_some_and(|client| client.has_reader())
    }

    /// Whether a call or a list holds it.
    fn in_use(&self) -> bool {
        Arc::strong_count(&self.upstream) > 1
    }

    /// Ends its list, then the session.
    async fn stop(self) {
        self.list.stop().await;
        self.upstream.stop().await;
    }
}

impl SessionKey {
    fn sought(&self) -> Sought<'_> {
        Sought { caller: &self.caller, part: self.part, client: self.client }
    }
}

impl Hash for SessionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sought().hash(state);
    }
}

impl Equivalent<SessionKey> for Sought<'_> {
    fn equivalent(&self, key: &SessionKey) -> bool {
        *self.caller == *key.caller && self.part == key.part && self.client == key.client
    }
}

#[cfg(test)]
mod tests;
