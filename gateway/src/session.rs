//! Legacy sessions without a store: everything that a request needs to know of
//! its session is sealed in the id (R9), bound to the caller and not to the
//! key, so that a key can be rotated under an open session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::digest::cut;
use crds::snapshot::UnixSeconds;
use hashbrown::HashMap;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::caller::Caller;
use crate::capabilities::Capabilities;
use crate::log_level::LogLevel;
use crate::networks::Side;
use crate::owner::Owner;
use crate::revision::Revision;
use crate::seal::{NoRandomness, Purpose, Sealer};

mod told;

pub use told::{Told, What};

/// How long a session id is valid.
const LIFETIME: UnixSeconds = 24 * 60 * 60;

/// A legacy session, as read from its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// The revision that was negotiated.
    pub revision: Revision,
    /// What the client can be asked for.
    pub capabilities: Capabilities,
    /// The process that keeps what of it is kept.
    pub owner: Owner,
    /// Tells sessions apart.
    pub nonce: Nonce,
    /// From then on its id is unknown.
    pub expires: UnixSeconds,
    /// A digest of whose it is.
    pub caller: [u8; 16],
    /// Whether it began outside of the internal networks.
    pub outside: bool,
    /// Whether its client has one stream for all that it is told, and cannot come back to it (HTTP+SSE).
    pub has_one_stream: bool,
}

/// Tells sessions apart: random.
pub type Nonce = [u8; 8];

/// A session by its expiry, for an order in which to forget, and its nonce.
pub type SessionKey = (UnixSeconds, Nonce);

/// What is sealed in an id: nonce, expiry, caller, revision, capabilities and side, owner.
type Plain = [u8; 34 + Owner::BYTES];

/// The bit of a session that began outside; the others are its capabilities.
const OUTSIDE: u8 = 1 << 7;

/// The most ids that are remembered as opened.
const MAX_OPENED: usize = 8192;
/// The most ended sessions that are remembered; past it, those that would expire first are forgotten.
const MAX_ENDED: usize = 65_536;

/// The most sessions whose log level is remembered; past it, those that would expire first are forgotten.
const MAX_LOG_LEVELS: usize = 65_536;

/// Makes, reads and ends sessions.
pub struct Sessions {
    sealer: Arc<Sealer>,
    /// This process, which keeps what is kept of the sessions that it begins.
    own: Owner,
    /// Ids that were opened lately: most requests bring one of these, and opening costs more than all else of a head.
    opened: RwLock<HashMap<Box<[u8]>, Plain>>,
    /// Ended before their expiry, until then: in the order of expiry, told apart by the nonce.
    ended: RwLock<BTreeSet<SessionKey>>,
    /// How much of servers' logs sessions want that said so; forgotten as ended ones are.
    log_levels: RwLock<BTreeMap<SessionKey, LogLevel>>,
}

impl Sessions {
    /// Sessions sealed by `sealer`, which `own` begins.
    pub fn new(sealer: Arc<Sealer>, own: Owner) -> Self {
        Self { sealer, own, opened: RwLock::default(), ended: RwLock::default(), log_levels: RwLock::default() }
    }

    /// A new session id for a caller at a side, whose client speaks a revision and can be asked for something.
    pub fn start(
        &self,
        (caller, side): (&str, Side),
        (revision, capabilities): (Revision, Capabilities),
        now: UnixSeconds,
    ) -> Result<String, NoRandomness> {
        let mut plain: Plain = [0; 34 + Owner::BYTES];
        getrandom::fill(&mut plain[..8]).map_err(|_| NoRandomness)?;
        plain[8..16].copy_from_slice(&(now + LIFETIME).to_be_bytes());
        plain[16..32].copy_from_slice(&caller_digest(caller));
        plain[32] = revision.number();
        plain[33] = capabilities.bits() | if side.is_outside() { OUTSIDE } else { 0 };
        plain[34..].copy_from_slice(&self.own.to_bytes());
        self.sealer.seal(Purpose::Session, &plain)
    }

    /// The session of an id, if it is ours, the caller's own, begun at the caller's side if that matters, not expired and not
    /// ended.
    pub fn of(&self, caller: &Caller<'_>, id: &[u8], now: UnixSeconds) -> Option<Session> {
        self.read(id, caller.id(), now).filter(|session| caller.goes_on(session.outside))
    }

    fn read(&self, id: &[u8], caller: &str, now: UnixSeconds) -> Option<Session> {
        let plain = self.open(id)?;
        let session = Session {
            nonce: plain[..8].try_into().ok()?,
            expires: UnixSeconds::from_be_bytes(plain[8..16].try_into().ok()?),
            caller: plain[16..32].try_into().ok()?,
            revision: Revision::from_number(plain[32])?,
            capabilities: Capabilities::from_bits(plain[33]),
            owner: Owner::from_bytes(plain[34..].try_into().ok()?),
            outside: plain[33] & OUTSIDE != 0,
            has_one_stream: false,
        };
        let own = session.caller == caller_digest(caller) && session.expires > now;
        (own && !self.ended.read().contains(&(session.expires, session.nonce))).then_some(session)
    }

    fn open(&self, id: &[u8]) -> Option<Plain> {
        if let Some(plain) = self.opened.read().get(id) {
            return Some(*plain);
        }
        let plain: Plain = self.sealer.open(Purpose::Session, id)?.try_into().ok()?;
        let mut opened = self.opened.write();
        if opened.len() >= MAX_OPENED {
            opened.clear();
        }
        opened.insert(id.into(), plain);
        Some(plain)
    }

    /// How much of servers' logs a session wants; everything that they send until it says so.
    pub fn log_level(&self, session: &Session) -> LogLevel {
        self.named_log_level(session).unwrap_or(LogLevel::Debug)
    }

    /// Takes to mind what came of a session, here or at another process. One that has ended stays so.
    pub fn note(&self, told: Told, now: UnixSeconds) {
        match told.what {
            What::Ended => self.end(told.session, now),
            What::LogLevel(level) => self.set_log_level(told.session, level),
        }
    }

    /// All that was noted and is still remembered, for a process that just begins.
    pub fn told(&self) -> Vec<Told> {
        let mut all: Vec<_> = self.ended.read().iter().map(|key| Told { session: *key, what: What::Ended }).collect();
        let levels = self.log_levels.read();
        all.extend(levels.iter().map(|(key, level)| Told { session: *key, what: What::LogLevel(*level) }));
        all
    }

    fn set_log_level(&self, session: SessionKey, level: LogLevel) {
        if self.ended.read().contains(&session) {
            return;
        }
        let mut levels = self.log_levels.write();
        levels.insert(session, level);
        if levels.len() > MAX_LOG_LEVELS {
            levels.pop_first();
        }
    }

    /// The log level that a session named, if it did.
    pub fn named_log_level(&self, session: &Session) -> Option<LogLevel> {
        self.log_levels.read().get(&session.key()).copied()
    }

    /// Whether a session was ended before its time.
    pub fn has_ended(&self, session: &Session) -> bool {
        self.ended.read().contains(&session.key())
    }

    fn end(&self, session: SessionKey, now: UnixSeconds) {
        let mut ended = self.ended.write();
        self.log_levels.write().remove(&session);
        ended.insert(session);
        // Of the expired ones two at a time: more than come in, and no request waits for all of them.
        for _ in 0..2 {
            if ended.len() > MAX_ENDED || ended.first().is_some_and(|(expires, _)| *expires <= now) {
                ended.pop_first();
            }
        }
    }
}

impl Session {
    /// Tells it from all others.
    pub fn key(&self) -> SessionKey {
        (self.expires, self.nonce)
    }
}

/// What tells a caller in what is sealed for them.
pub fn caller_digest(caller: &str) -> [u8; 16] {
    cut(Sha256::digest(caller)).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SealKey;

    fn sessions() -> Sessions {
        let sealer = Arc::new(Sealer::new(&[SealKey { id: 1, key: [1; 32] }]));
        Sessions::new(sealer, Owner::begin(None).unwrap())
    }

    fn begun(sessions: &Sessions, now: UnixSeconds) -> (String, Session) {
        let client = (Revision::from_number(1).unwrap(), Capabilities::default());
        let id = sessions.start(("caller", Side::Outside), client, now).unwrap();
        let session = sessions.read(id.as_bytes(), "caller", now).unwrap();
        (id, session)
    }

    #[test]
    fn r9_an_ended_session_stays_unknown_until_it_expires_and_is_forgotten_then() {
        let sessions = sessions();
        let (id, session) = begun(&sessions, 1000);
        sessions.end(session.key(), 1000);
        assert_eq!(sessions.read(id.as_bytes(), "caller", 1000), None);
        let later = 1000 + LIFETIME;
        let (_, other) = begun(&sessions, later);
        sessions.end(other.key(), later);
        assert_eq!(sessions.ended.read().len(), 1);
    }

    #[test]
    fn what_one_process_knows_of_sessions_another_can_be_told() {
        let (ours, theirs) = (sessions(), sessions());
        let (quiet, quiet_session) = begun(&ours, 1000);
        let (ended, ended_session) = begun(&ours, 1000);
        let level = |level| Told { session: quiet_session.key(), what: What::LogLevel(level) };
        ours.note(level(LogLevel::Error), 1000);
        ours.note(Told { session: ended_session.key(), what: What::Ended }, 1000);
        for told in Told::read_all(&Told::write_all(&ours.told())) {
            theirs.note(told, 1000);
        }
        assert_eq!(theirs.log_level(&theirs.read(quiet.as_bytes(), "caller", 1000).unwrap()), LogLevel::Error);
        assert_eq!(theirs.read(ended.as_bytes(), "caller", 1000), None);
        theirs.note(Told { session: ended_session.key(), what: What::LogLevel(LogLevel::Info) }, 1000);
        assert_eq!(theirs.told().len(), 2, "what came late of a session that has ended is not kept");
    }

    #[test]
    fn ended_sessions_are_remembered_up_to_a_bound() {
        let sessions = sessions();
        let (id, last) = begun(&sessions, 1000);
        for expires in 0..UnixSeconds::try_from(MAX_ENDED).unwrap() + 100 {
            sessions.end((500 + expires, last.nonce), 0);
        }
        sessions.end((last.expires + 1_000_000, last.nonce), 0);
        assert_eq!(sessions.ended.read().len(), MAX_ENDED);
        sessions.end(last.key(), 0);
        assert_eq!(sessions.read(id.as_bytes(), "caller", 1000), None);
        assert_eq!(sessions.ended.read().len(), MAX_ENDED);
    }
}
