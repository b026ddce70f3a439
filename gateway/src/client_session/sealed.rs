//! What a client of a session gets to bring back: ids of servers' requests, and of events (R8). Each names the session
//! and the caller that it is for, and the process that keeps what it leads to.

use crds::snapshot::UnixSeconds;

use crate::owner::Owner;
use crate::seal::{NoRandomness, Purpose, Sealer};
use crate::session::Session;

/// Whose a sealed id is: a digest of the caller, the session's nonce, the owner.
const WHOSE: usize = 16 + 8 + Owner::BYTES;

/// Two numbers of the session's keeper behind whose they are.
type Plain = [u8; WHOSE + 16];

/// A server's request that a client is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestId {
    /// Which it is, at the session's owner.
    pub handle: u64,
    /// From then on nobody waits for the answer.
    pub expires: UnixSeconds,
}

/// The place of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventId {
    /// The stream, at the session's owner.
    pub stream: u64,
    /// Counts the stream's events.
    pub sequence: u64,
}

impl RequestId {
    /// The id for the client of a session.
    pub fn seal(self, sealer: &Sealer, session: &Session) -> Result<String, NoRandomness> {
        seal(sealer, Purpose::ServerRequest, session, (self.handle, self.expires.cast_unsigned()))
    }

    /// What was sealed, if it is for this session and still waited for.
    pub fn open(sealer: &Sealer, session: &Session, text: &[u8], now: UnixSeconds) -> Option<Self> {
        let (handle, expires) = open(sealer, Purpose::ServerRequest, session, text)?;
        let expires = expires.cast_signed();
        (expires > now).then_some(Self { handle, expires })
    }
}

impl EventId {
    /// The id for the client of a session.
    pub fn seal(self, sealer: &Sealer, session: &Session) -> Result<String, NoRandomness> {
        seal(sealer, Purpose::Event, session, (self.stream, self.sequence))
    }

    /// What was sealed, if it is for this session.
    pub fn open(sealer: &Sealer, session: &Session, text: &[u8]) -> Option<Self> {
        open(sealer, Purpose::Event, session, text).map(|(stream, sequence)| Self { stream, sequence })
    }
}

fn whose(session: &Session) -> [u8; WHOSE] {
    let mut bytes = [0; WHOSE];
    bytes[..16].copy_from_slice(&session.caller);
    bytes[16..24].copy_from_slice(&session.nonce);
    bytes[24..].copy_from_slice(&session.owner.to_bytes());
    bytes
}

fn seal(sealer: &Sealer, purpose: Purpose, session: &Session, (one, two): (u64, u64)) -> Result<String, NoRandomness> {
    let mut plain: Plain = [0; WHOSE + 16];
    plain[..WHOSE].copy_from_slice(&whose(session));
    plain[WHOSE..WHOSE + 8].copy_from_slice(&one.to_be_bytes());
    plain[WHOSE + 8..].copy_from_slice(&two.to_be_bytes());
    sealer.seal(purpose, &plain)
}

fn open(sealer: &Sealer, purpose: Purpose, session: &Session, text: &[u8]) -> Option<(u64, u64)> {
    let plain: Plain = sealer.open(purpose, text)?.try_into().ok()?;
    let (of, numbers) = plain.split_at(WHOSE);
    let (one, two) = numbers.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
    (*of == whose(session)).then_some((number(one)?, number(two)?))
}

#[cfg(test)]
mod tests;
