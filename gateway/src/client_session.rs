//! What a legacy client's session keeps at the process that began it: its
//! streams, the servers' requests that wait for its answers, its sessions with
//! servers that are there for one client each, what it subscribed to.
//!
//! Made when something is first to be kept, ended with the session or when it
//! is idle. Nothing of one session is ever found by way of another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::caller::{Caller, KeptFor};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::asked::{Asked, Waiting};
use self::calls::Calls;
use self::outbox::{Kept, Outbox};
use self::sealed::{EventId, RequestId};
use self::subscriptions::Subscriptions;
use crate::event;
use crate::gateway::Gateway;
use crate::json;
use crate::own_set::Seen;
use crate::reject::Reject;
use crate::revision::Revision;
use crate::seal::Sealer;
use crate::session::{Nonce, Session};
use crate::token::Token;
use crate::upstream::Upstream;

pub mod answer;
pub mod asked;
pub mod calls;
pub mod get;
pub mod log_level;
pub mod outbox;
pub mod sealed;
pub mod stray;
pub mod stream;
pub mod subscribe;
pub mod subscriptions;

/// The most sessions of which anything is kept.
const MAX_SESSIONS: usize = 16_384;
/// The most of one caller: many agents share a key.
const MAX_PER_CALLER: usize = 1024;
/// The most streams of a session, beside its own, of which events are kept.
const MAX_STREAMS: usize = 16;
/// A session that nobody used for so long, and whose stream nobody reads, keeps nothing any more.
const IDLE: Duration = Duration::from_secs(600);
/// The number of a session's own stream; those of calls count from 1.
const OWN_STREAM: u64 = 0;

/// The sessions of which anything is kept.
#[derive(Default)]
pub struct ClientSessions {
    known: Mutex<HashMap<Nonce, Arc<ClientSession>>>,
    kept: Kept,
    /// The process drains: no stream begins any more.
    closed: AtomicBool,
}

/// What is kept of one session.
pub struct ClientSession {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub caller: Arc<str>,
    gateway: Weak<Gateway>,
    sealer: Arc<Sealer>,
    kept: Kept,
    /// Messages that belong to no call.
    own: Arc<Outbox>,
    /// The server's requests that wait for the client.
    waiting: Mutex<Waiting>,
    /// The calls that can carry a message of their server.
    calls: Mutex<Calls>,
    /// What the client subscribed to.
    subscriptions: Mutex<Subscriptions>,
    /// What its lists showed when it was last told of them.
    seen: Mutex<Option<Seen>>,
    /// Rung when a server that is there for it alone says that a list is another now.
    lists_changed: Notify,
    state: Mutex<State>,
}

struct State {
    streams: HashMap<u64, Arc<Outbox>>,
    last_stream: u64,
    upstreams: Vec<Weak<Upstream>>,
    used: Instant,
    /// What the caller was last known by, where that is a token.
    token: Option<Arc<Token>>,
    ended: bool,
}

impl ClientSessions {
    /// Whether this process keeps the session: it began it.
    pub fn check_owner(gateway: &Gateway, session: &Session) -> Result<(), Reject> {
        if session.owner == gateway.own { Ok(()) } else { Err(Reject::Elsewhere(session.owner, None)) }
    }

    /// What is kept of a session, from now on if nothing was. Err if the process that began the session is another, if
    /// the session has ended, or if too many are kept.
    pub fn of(gateway: &Arc<Gateway>, session: &Session, caller: &Caller<'_>) -> Result<Arc<ClientSession>, Reject> {
        Self::check_owner(gateway, session)?;
        Self::adopt(gateway, session, caller)
    }

    /// The same of a session whose owner is no more.
    pub fn adopt(gateway: &Arc<Gateway>, session: &Session, caller: &Caller<'_>) -> Result<Arc<ClientSession>, Reject> {
        let this = &gateway.clients;
        let mut known = this.known.lock();
        if let Some(client) = known.get(&session.nonce) {
            client.state.lock().use_by(caller);
            return Ok(client.clone());
        }
        // Asked under the lock: what is put in before the session ends is taken out by its end.
        if gateway.sessions.has_ended(session) {
            return Err(Reject::NoSuchSession);
        }
        if this.closed.load(Ordering::Acquire) {
            return Err(Reject::Busy);
        }
        let of_caller = known.values().filter(|client| *client.caller == *caller.id()).count();
        if of_caller >= MAX_PER_CALLER || known.len() >= MAX_SESSIONS {
            let only = (of_caller >= MAX_PER_CALLER).then_some(caller.id());
            let oldest = oldest_idle(&known, only).ok_or(Reject::Busy)?;
            known.remove(&oldest.session.nonce);
            oldest.end();
        }
        let client = Arc::new(ClientSession::new(gateway, *session, caller));
        known.insert(session.nonce, client.clone());
        Ok(client)
    }

    /// What is kept of a session, if anything is.
    pub fn get(&self, session: &Session) -> Option<Arc<ClientSession>> {
        self.known.lock().get(&session.nonce).filter(|client| client.session == *session).cloned()
    }

    /// Ends all that is kept of a session.
    pub fn end(&self, nonce: &Nonce) {
        let client = self.known.lock().remove(nonce);
        if let Some(client) = client {
            client.end();
        }
    }

    /// Forgets streams that nobody comes back for, and ends sessions that are idle or whose caller `keeps` says no to.
    pub fn sweep(&self, keeps: impl Fn(KeptFor<'_>) -> bool) {
        let now = crate::clock::now();
        let mut ended = Vec::new();
        self.known.lock().retain(|_, client| {
            let keep =
                client.session.expires > now && keeps((&client.caller, client.token().as_ref())) && !client.is_idle();
            if !keep {
                ended.push(client.clone());
            }
            keep
        });
        for client in ended {
            client.end();
        }
    }

    /// Ends the sessions' own streams, and lets none begin.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for client in self.known.lock().values() {
            client.own.end();
        }
    }
}

/// The session that was used least lately of those that nobody uses, of this caller alone if one is named.
fn oldest_idle(known: &HashMap<Nonce, Arc<ClientSession>>, caller: Option<&str>) -> Option<Arc<ClientSession>> {
    let those = known.values().filter(|client| caller.is_none_or(|caller| *client.caller == *caller));
    let unused = those.filter(|client| Arc::strong_count(client) == 1 && !client.own.has_reader());
    unused.min_by_key(|client| client.state.lock().used).cloned()
}

impl State {
    fn use_by(&mut self, caller: &Caller<'_>) {
        self.used = Instant::now();
        self.token = caller.token().cloned();
    }
}

impl ClientSession {
    fn new(gateway: &Arc<Gateway>, session: Session, caller: &Caller<'_>) -> Self {
        let kept = gateway.clients.kept.clone();
        let state = State {
            streams: HashMap::new(),
            last_stream: OWN_STREAM,
            upstreams: Vec::new(),
            used: Instant::now(),
            token: caller.token().cloned(),
            ended: false,
        };
        Self {
            session,
            caller: caller.id().into(),
            gateway: Arc::downgrade(gateway),
            sealer: gateway.sealer.clone(),
            own: Outbox::new(kept.clone()),
            kept,
            waiting: Mutex::default(),
            calls: Mutex::default(),
            subscriptions: Mutex::default(),
            seen: Mutex::default(),
            lists_changed: Notify::new(),
            state: Mutex::new(state),
        }
    }

    /// Whether the session has ended.
    pub fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// What the caller was last known by, where that is a token.
    fn token(&self) -> Option<Arc<Token>> {
        self.state.lock().token.clone()
    }

    /// Notes a session with a server that is there for this client alone, and tells it of the level of logs that the client
    /// wants, if it said so.
    pub fn add_upstream(&self, upstream: &Arc<Upstream>) {
        let level = self.gateway.upgrade().and_then(|gateway| gateway.sessions.named_log_level(&self.session));
        if let Some(level) = level {
            log_level::tell(upstream, level);
        }
        let mut state = self.state.lock();
        state.upstreams.retain(|known| known.strong_count() > 0);
        state.upstreams.push(Arc::downgrade(upstream));
    }

    /// The sessions with servers that are there for this client alone.
    pub fn upstreams(&self) -> Vec<Arc<Upstream>> {
        self.state.lock().upstreams.iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether somebody reads the session's own stream.
    pub fn has_reader(&self) -> bool {
        self.own.has_reader()
    }

    /// Puts a message on the session's own stream, where it waits for the client if need be.
    pub fn tell(&self, message: &[u8]) {
        self.own.put(|sequence| self.event(OWN_STREAM, sequence, message));
    }

    /// The sealed id of a server's request, as JSON, under which the client's answer finds home; none if the client
    /// has too many to answer already.
    pub fn ask(&self, asked: Asked) -> Option<Bytes> {
        let mut waiting = self.waiting.lock();
        let handle = waiting.next_handle()?;
        let id = RequestId { handle, expires: asked.expires }.seal(&self.sealer, &self.session).ok()?;
        let id = json::quoted(&id);
        waiting.add(handle, asked, id.clone());
        Some(id)
    }

    /// What a sealed id is the answer to, once.
    pub fn take(&self, id: &str) -> Option<Asked> {
        let now = crate::clock::now();
        let RequestId { handle, .. } = RequestId::open(&self.sealer, &self.session, id.as_bytes(), now)?;
        self.waiting.lock().take(handle)
    }

    /// The id, as JSON, by which the client knows a request that its server does not want answered any more.
    pub fn withdraw(&self, upstream: &Arc<Upstream>, id: &[u8]) -> Option<Bytes> {
        self.waiting.lock().withdraw(upstream, id)
    }

    /// Forgets what was asked in a call that is over.
    fn forget_asked_in(&self, call: u64) {
        self.waiting.lock().forget_of(call);
    }

    /// A stream for the answer to a call, of which events are kept.
    fn begin_stream(&self) -> (u64, Arc<Outbox>) {
        let mut state = self.state.lock();
        state.streams.retain(|_, outbox| !outbox.is_left());
        if state.streams.len() >= MAX_STREAMS {
            let unread = state.streams.iter().filter(|(_, outbox)| !outbox.has_reader()).map(|(number, _)| *number);
            if let Some(oldest) = unread.min() {
                state.streams.remove(&oldest);
            }
        }
        state.last_stream += 1;
        let (number, outbox) = (state.last_stream, Outbox::new(self.kept.clone()));
        if state.streams.len() < MAX_STREAMS {
            state.streams.insert(number, outbox.clone());
        }
        (number, outbox)
    }

    /// The stream of this number, if anything is kept of it.
    fn stream(&self, number: u64) -> Option<Arc<Outbox>> {
        if number == OWN_STREAM {
            return Some(self.own.clone());
        }
        self.state.lock().streams.get(&number).cloned()
    }

    /// A message as an event of a stream. Without an id there is no coming back to it, and nothing else is lost.
    fn event(&self, stream: u64, sequence: u64, message: &[u8]) -> Bytes {
        if self.session.has_one_stream {
            return event::message(message);
        }
        match (EventId { stream, sequence }).seal(&self.sealer, &self.session) {
            Ok(id) => event::message_with(&id, message),
            Err(_) => event::message(message),
        }
    }

    /// What a stream begins with after this event, if the client's revision has that: one of before takes every event
    /// for a message.
    fn beginning(&self, stream: u64, after: u64) -> Option<Bytes> {
        let id = EventId { stream, sequence: after };
        let has_it = self.session.revision >= Revision::V2025_11_25 && !self.session.has_one_stream;
        let id = has_it.then(|| id.seal(&self.sealer, &self.session));
        id.and_then(Result::ok).map(|id| event::beginning(&id))
    }

    fn is_idle(&self) -> bool {
        let mut state = self.state.lock();
        state.streams.retain(|_, outbox| !outbox.is_left());
        let is_used = self.own.has_reader() || !state.streams.is_empty() || !self.calls.lock().is_empty();
        if is_used {
            state.used = Instant::now();
        }
        state.used.elapsed() > IDLE
    }

    /// Ends the session's own stream and its sessions with servers.
    fn end(&self) {
        self.own.end();
        self.waiting.lock().clear();
        self.state.lock().ended = true;
        if let Some(gateway) = self.gateway.upgrade() {
            gateway.end_client(&self.session.nonce);
        }
    }
}
