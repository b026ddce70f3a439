//! What processes tell one another of sessions: that one has ended, and how
//! much of servers' logs one wants. On the wire 17 bytes each: expiry, nonce,
//! and what.

use crds::snapshot::UnixSeconds;

use super::SessionKey;
use crate::log_level::LogLevel;

/// What came of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Told {
    /// Which.
    pub session: SessionKey,
    /// What.
    pub what: What,
}

/// What there is to tell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    /// Its client ended it.
    Ended,
    /// Its client wants this much of servers' logs.
    LogLevel(LogLevel),
}

/// How long it is on the wire.
const BYTES: usize = 17;
/// What stands for an end; other numbers are levels.
const ENDED: u8 = u8::MAX;

impl Told {
    /// Several, as they are sent.
    pub fn write_all(all: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(all.len() * BYTES);
        for told in all {
            out.extend_from_slice(&told.session.0.to_be_bytes());
            out.extend_from_slice(&told.session.1);
            out.push(match told.what {
                What::Ended => ENDED,
                What::LogLevel(level) => level.number(),
            });
        }
        out
    }

    /// What was sent; what a newer process tells and this one does not know is left out.
    pub fn read_all(bytes: &[u8]) -> impl Iterator<Item = Self> {
        let (all, _) = bytes.as_chunks::<BYTES>();
        all.iter().filter_map(|[e0, e1, e2, e3, e4, e5, e6, e7, nonce @ .., what]| {
            let what = match *what {
                ENDED => What::Ended,
                number => What::LogLevel(LogLevel::from_number(number)?),
            };
            Some(Self { session: (UnixSeconds::from_be_bytes([*e0, *e1, *e2, *e3, *e4, *e5, *e6, *e7]), *nonce), what })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was_written_and_what_is_not_known_is_left_out() {
        let of = |what| Told { session: (1_900_000_000, *b"a-nonce!"), what };
        let all = [of(What::Ended), of(What::LogLevel(LogLevel::Debug)), of(What::LogLevel(LogLevel::Emergency))];
        let mut bytes = Told::write_all(&all);
        assert!(Told::read_all(&bytes).eq(all));
        bytes[BYTES - 1] = 200;
        bytes.truncate(bytes.len() - 1);
        assert!(Told::read_all(&bytes).eq([all[1]]));
        assert_eq!(Told::read_all(&[]).count(), 0);
    }
}
