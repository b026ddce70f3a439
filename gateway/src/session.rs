//! Legacy sessions without a store: everything that a request needs to know of
//! its session is sealed in the id (R9), bound to the caller and not to the
//! key, so that a key can be rotated under an open session.

use crds::snapshot::UnixSeconds;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};

use crate::revision::Revision;
use crate::seal::{NoRandomness, Purpose, Sealer};

/// How long a session id is valid.
const LIFETIME: UnixSeconds = 24 * 60 * 60;

/// A legacy session, as read from its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// The revision that was negotiated.
    pub revision: Revision,
    /// Tells sessions apart.
    nonce: [u8; 8],
    expires: UnixSeconds,
    caller: [u8; 16],
}

/// What is sealed in an id.
type Plain = [u8; 33];

/// The most ids that are remembered as opened.
const MAX_OPENED: usize = 8192;

/// Makes, reads and ends sessions.
pub struct Sessions {
    sealer: Sealer,
    /// Ids that were opened lately: most requests bring one of these, and opening costs more than all else of a head.
    opened: RwLock<HashMap<Box<[u8]>, Plain>>,
    /// Ended before their expiry, until then.
    ended: Mutex<HashMap<[u8; 8], UnixSeconds>>,
}

impl Sessions {
    /// Sessions sealed by `sealer`.
    pub fn new(sealer: Sealer) -> Self {
        Self { sealer, opened: RwLock::default(), ended: Mutex::default() }
    }

    /// A new session id for a caller.
    pub fn start(&self, caller: &str, revision: Revision, now: UnixSeconds) -> Result<String, NoRandomness> {
        let mut plain: Plain = [0; 33];
        getrandom::fill(&mut plain[..8]).map_err(|_| NoRandomness)?;
        plain[8..16].copy_from_slice(&(now + LIFETIME).to_be_bytes());
        plain[16..32].copy_from_slice(&caller_digest(caller));
        plain[32] = revision.number();
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
        };
        let own = session.caller == caller_digest(caller) && session.expires > now;
        (own && !self.ended.lock().contains_key(&session.nonce)).then_some(session)
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

    /// Ends a session: its id is unknown from now on.
    pub fn end(&self, session: &Session, now: UnixSeconds) {
        let mut ended = self.ended.lock();
        ended.retain(|_, expires| *expires > now);
        ended.insert(session.nonce, session.expires);
    }
}

fn caller_digest(caller: &str) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(caller).into();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}
