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

use crate::capabilities::Capabilities;
use crate::log_level::LogLevel;
use crate::owner::Owner;
use crate::revision::Revision;
use crate::seal::{NoRandomness, Purpose, Sealer};

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
    /// Whether its client has one stream for all that it is told, and cannot come back to it (HTTP+SSE).
    pub has_one_stream: bool,
}

/// Tells sessions apart: random.
pub type Nonce = [u8; 8];

/// What is sealed in an id: nonce, expiry, caller, revision, capabilities, owner.
type Plain = [u8; 34 + Owner::BYTES];

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

/// A session by its expiry, for an order in which to forget, and its nonce.
type SessionKey = (UnixSeconds, Nonce);

impl Sessions {
    /// Sessions sealed by `sealer`, which `own` begins.
    pub fn new(sealer: Arc<Sealer>, own: Owner) -> Self {
        Self { sealer, own, opened: RwLock::default(), ended: RwLock::default(), log_levels: RwLock::default() }
    }

    /// A new session id for a caller, whose client speaks a revision and can be asked for something.
    pub fn start(
        &self,
        caller: &str,
        (revision, capabilities): (Revision, Capabilities),
        now: UnixSeconds,
    ) -> Result<String, NoRandomness> {
        let mut plain: Plain = [0; 34 + Owner::BYTES];
        getrandom::fill(&mut plain[..8]).map_err(|_| NoRandomness)?;
        plain[8..16].copy_from_slice(&(now + LIFETIME).to_be_bytes());
        plain[16..32].copy_from_slice(&caller_digest(caller));
        plain[32] = revision.number();
        plain[33] = capabilities.bits();
        plain[34..].copy_from_slice(&self.own.to_bytes());
        self.sealer.seal(Purpose::Session, &plain)
    }

    /// The session of an id, if it is ours, the caller's own, not expired and not ended.
    pub fn read(&self, id: &[u8], caller: &str, now: UnixSeconds) -> Option<Session> {
        let plain = self.open(id)?;
        let session = Session {
            nonce: plain[..8].try_into().ok()?,
            expires: UnixSeconds::from_be_bytes(plain[8..16].try_into().ok()?),
            caller: plain[16..32].try_into().ok()?,
            revision: Revision::from_number(plain[32])?,
            capabilities: Capabilities::from_bits(plain[33]),
            owner: Owner::from_bytes(plain[34..].try_into().ok()?),
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

    /// Sets how much of servers' logs a session wants.
    pub fn set_log_level(&self, session: &Session, level: LogLevel) {
        let mut levels = self.log_levels.write();
        levels.insert((session.expires, session.nonce), level);
        if levels.len() > MAX_LOG_LEVELS {
            levels.pop_first();
        }
    }

    /// How much of servers' logs a session wants; everything that they send until it says so.
    pub fn log_level(&self, session: &Session) -> LogLevel {
        self.set_level(session).unwrap_or(LogLevel::Debug)
    }

    /// The same, if it said so.
    pub fn set_level(&self, session: &Session) -> Option<LogLevel> {
        self.log_levels.read().get(&(session.expires, session.nonce)).copied()
    }

    /// Whether a session was ended before its time.
    pub fn has_ended(&self, session: &Session) -> bool {
        self.ended.read().contains(&(session.expires, session.nonce))
    }

    /// Ends a session: its id is unknown from now on.
    pub fn end(&self, session: &Session, now: UnixSeconds) {
        let mut ended = self.ended.write();
        self.log_levels.write().remove(&(session.expires, session.nonce));
        ended.insert((session.expires, session.nonce));
        // Of the expired ones two at a time: more than come in, and no request waits for all of them.
        for _ in 0..2 {
            if ended.len() > MAX_ENDED || ended.first().is_some_and(|(expires, _)| *expires <= now) {
                ended.pop_first();
            }
        }
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
        let id = sessions.start("caller", (Revision::from_number(1).unwrap(), Capabilities::default()), now).unwrap();
        let session = sessions.read(id.as_bytes(), "caller", now).unwrap();
        (id, session)
    }

    #[test]
    fn r9_an_ended_session_stays_unknown_until_it_expires_and_is_forgotten_then() {
        let sessions = sessions();
        let (id, session) = begun(&sessions, 1000);
        sessions.end(&session, 1000);
        assert_eq!(sessions.read(id.as_bytes(), "caller", 1000), None);
        let later = 1000 + LIFETIME;
        let (_, other) = begun(&sessions, later);
        sessions.end(&other, later);
        assert_eq!(sessions.ended.read().len(), 1);
    }

    #[test]
    fn ended_sessions_are_remembered_up_to_a_bound() {
        let sessions = sessions();
        let (id, last) = begun(&sessions, 1000);
        for expires in 0..UnixSeconds::try_from(MAX_ENDED).unwrap() + 100 {
            sessions.end(&Session { expires: 500 + expires, ..last }, 0);
        }
        sessions.end(&Session { expires: last.expires + 1_000_000, ..last }, 0);
        assert_eq!(sessions.ended.read().len(), MAX_ENDED);
        sessions.end(&last, 0);
        assert_eq!(sessions.read(id.as_bytes(), "caller", 1000), None);
        assert_eq!(sessions.ended.read().len(), MAX_ENDED);
    }
}
