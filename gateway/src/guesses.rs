//! How many invalid credentials one address may present (R13).
//!
//! Keys are 256 random bits: nobody finds one by trying. What is limited is
//! the cost and the noise of trying: beyond the limit an invalid credential is
//! answered 429 and costs its sender a connection. A valid key is never asked
//! about here, whatever its neighbours behind the same proxy send, and touches
//! nothing of this. A request without a credential is no guess.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::bucket;
use crate::peer::Peer;

/// Invalid credentials that an address may present at once.
const BURST: u32 = 100;
/// After this long it may present one more: ten a second.
const REFILL: Duration = Duration::from_millis(100);
/// Addresses that are remembered at once. A further one takes the place of that which recovers first.
const MAX_PEERS: usize = 8192;

/// A token bucket for each address that presented an invalid credential of late.
#[derive(Default)]
pub struct Guesses(Mutex<Buckets>);

#[derive(Default)]
struct Buckets {
    /// When each bucket is full again, which says how full it is.
    full_at: HashMap<Peer, Instant>,
    /// The same, in the order in which they fill up.
    by_time: BTreeSet<(Instant, Peer)>,
}

impl Guesses {
    /// Takes one invalid credential of this address into account. False: it has presented too many.
    pub fn take(&self, peer: Peer, now: Instant) -> bool {
        let mut buckets = self.0.lock();
        buckets.forget_full(now);
        let Some(full_at) = bucket::take(buckets.full_at.get(&peer).copied(), now, (BURST, REFILL)) else {
            return false;
        };
        buckets.set(peer, full_at);
        true
    }
}

impl Buckets {
    /// A bucket that is full is as one that was never used.
    fn forget_full(&mut self, now: Instant) {
        while self.by_time.first().is_some_and(|(full_at, _)| *full_at <= now) {
            self.forget_first();
        }
    }

    fn set(&mut self, peer: Peer, full_at: Instant) {
        if let Some(before) = self.full_at.get(&peer) {
            self.by_time.remove(&(*before, peer));
        } else if self.full_at.len() >= MAX_PEERS {
            self.forget_first();
        }
        self.full_at.insert(peer, full_at);
        self.by_time.insert((full_at, peer));
    }

    fn forget_first(&mut self) {
        if let Some((_, peer)) = self.by_time.pop_first() {
            self.full_at.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests;
