//! `requestState`: what a modern client brings back with its answers, sealed
//! to who may bring it and for what (R8; 2026-07-28, basic/patterns/mrtr).

use crds::snapshot::UnixSeconds;
use sha2::{Digest, Sha256};

use crate::canonical;
use crate::owner::Owner;
use crate::seal::{NoRandomness, Purpose, Sealer};

/// How long a state may be brought back, in seconds.
pub const LIFETIME: UnixSeconds = 15 * 60;

const UPSTREAM: u8 = 1;
const HELD: u8 = 2;
/// Expiry, binding, kind.
const HEAD: usize = 8 + 32 + 1;

/// What a request is, as far as its state holds for no other.
#[derive(Clone, Copy)]
pub struct Bound<'r> {
    /// The caller's id.
    pub caller: &'r str,
    /// The server's id.
    pub server: &'r str,
    /// The method.
    pub method: &'r str,
    /// The name or URI at the server.
    pub name: &'r str,
    /// `params.arguments`, as JSON.
    pub arguments: Option<&'r [u8]>,
}

/// How the request goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kept {
    /// By a modern server that gave this state.
    Upstream(String),
    /// A call that is held open by a process, under a number of its own.
    Held {
        /// The process.
        owner: Owner,
        /// The number.
        handle: u64,
    },
}

impl Bound<'_> {
    /// Seals how the request goes on. An error: there is no randomness.
    pub fn seal(&self, sealer: &Sealer, kept: &Kept, now: UnixSeconds) -> Result<String, NoRandomness> {
        let mut plain = (now + LIFETIME).to_be_bytes().to_vec();
        plain.extend_from_slice(&self.digest());
        match kept {
            Kept::Upstream(state) => {
                plain.push(UPSTREAM);
                plain.extend_from_slice(state.as_bytes());
            }
            Kept::Held { owner, handle } => {
                plain.push(HELD);
                plain.extend_from_slice(&handle.to_be_bytes());
                plain.extend_from_slice(&owner.to_bytes());
            }
        }
        sealer.seal(Purpose::RequestState, &plain)
    }

    /// How the request goes on, if the state was sealed for it and is not too old.
    pub fn open(&self, sealer: &Sealer, state: &str, now: UnixSeconds) -> Option<Kept> {
        let plain = sealer.open(Purpose::RequestState, state.as_bytes())?;
        let (head, rest) = plain.split_first_chunk::<HEAD>()?;
        let (expires, rest_of_head) = head.split_first_chunk::<8>()?;
        let (binding, kind) = rest_of_head.split_first_chunk::<32>()?;
        if UnixSeconds::from_be_bytes(*expires) <= now || *binding != self.digest() {
            return None;
        }
        match kind[0] {
            UPSTREAM => Some(Kept::Upstream(String::from_utf8(rest.to_vec()).ok()?)),
            HELD => {
                let (handle, owner) = rest.split_first_chunk::<8>()?;
                let owner = Owner::from_bytes(owner.try_into().ok()?);
                Some(Kept::Held { owner, handle: u64::from_be_bytes(*handle) })
            }
            _ => None,
        }
    }

    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [self.caller, self.server, self.method, self.name] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let arguments = self.arguments.map_or("{}", |arguments| str::from_utf8(arguments).unwrap_or_default());
        // Arguments were scanned, so that they are JSON; what could not be read would hold for that text alone.
        if canonical::digest(arguments, &mut hash).is_err() {
            hash.update(arguments);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seal::SealKey;

    const NOW: UnixSeconds = 1_000_000;
    const BOUND: Bound<'_> = Bound {
        caller: "caller",
        server: "tools/one",
        method: "tools/call",
        name: "ask",
        arguments: Some(br#"{"a":1,"b":2}"#),
    };

    fn sealer(id: u8, key: u8) -> Sealer {
        Sealer::new(&[SealKey { id, key: [key; 32] }])
    }

    fn kinds() -> [Kept; 3] {
        let owner = Owner::begin(Some("10.0.0.1:8081".parse().unwrap())).unwrap();
        let upstream = |state: &str| Kept::Upstream(state.to_owned());
        [upstream("what the server said \u{1F600}"), upstream(""), Kept::Held { owner, handle: 7 }]
    }

    #[test]
    fn r8_a_state_goes_on_where_it_was_and_nowhere_else() {
        let sealer = sealer(1, 1);
        for kept in kinds() {
            let state = BOUND.seal(&sealer, &kept, NOW).unwrap();
            let open = |bound: Bound<'_>, now| bound.open(&sealer, &state, now);
            assert_eq!(open(BOUND, NOW + LIFETIME - 1), Some(kept.clone()));
            assert_eq!(open(Bound { arguments: Some(br#" {"b":2, "a":1} "#), ..BOUND }, NOW), Some(kept));
            assert_eq!(open(BOUND, NOW + LIFETIME), None, "expired");
            for other in [
                Bound { caller: "another", ..BOUND },
                Bound { server: "tools/two", ..BOUND },
                Bound { method: "prompts/get", ..BOUND },
                Bound { name: "tell", ..BOUND },
                Bound { arguments: None, ..BOUND },
                Bound { arguments: Some(br#"{"a":1,"b":3}"#), ..BOUND },
            ] {
                assert_eq!(open(other, NOW), None);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn r8_a_state_that_we_did_not_seal_for_this_is_none(kind in 0..3_usize, at in any::<prop::sample::Index>(), bit in 0..6_u8, how in 0..5_u8) {
            let own = sealer(1, 1);
            let kept = &kinds()[kind];
            let state = BOUND.seal(&own, kept, NOW).unwrap();
            let at = at.index(state.len());
            let forged = match how {
                0 => flipped(&state, at, bit),
                1 => state[..at].to_owned(),
                2 => BOUND.seal(&sealer(1, 2), kept, NOW).unwrap(),
                3 => BOUND.seal(&sealer(2, 1), kept, NOW).unwrap(),
                _ => own.seal(Purpose::Session, state.as_bytes()).unwrap(),
            };
            prop_assume!(forged != state);
            prop_assert_eq!(BOUND.open(&own, &forged, NOW), None);
        }
    }

    /// The text with another character at one place.
    fn flipped(text: &str, at: usize, bit: u8) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut bytes = text.as_bytes().to_vec();
        let digit = DIGITS.iter().position(|digit| *digit == bytes[at]).unwrap();
        bytes[at] = DIGITS[digit ^ (1 << bit)];
        String::from_utf8(bytes).unwrap()
    }
}
