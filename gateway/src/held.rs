//! Calls that are held open while their modern clients look for the answer to
//! what a legacy server asked: to the server the call goes on as ever.
//!
//! A server asks in the middle of a call, and waits. A modern client is asked
//! by the result of its request, and comes again with the answer and the
//! `requestState` that names the held call (2026-07-28, basic/patterns/mrtr).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::relay::{Relay, Source};
use crate::request_state;

/// The most held calls of one caller, and of all.
const MAX_PER_CALLER: usize = 64;
const MAX: usize = 1024;

/// The held calls of this process.
#[derive(Default)]
pub struct HeldCalls {
    next: AtomicU64,
    held: Mutex<HashMap<u64, (HeldCall, Instant)>>,
}

/// A call whose server waits for an answer.
pub struct HeldCall {
    /// The call, with everything but its slot.
    pub relay: Relay,
    /// What the server says next.
    pub source: Source,
    /// What the server asked.
    pub question: Question,
}

/// What a server asked a client.
#[derive(Clone)]
pub struct Question {
    /// The server's id of it, as JSON.
    pub id: Bytes,
    /// `inputRequests` for a modern client, as JSON.
    pub input_requests: Bytes,
}

impl HeldCalls {
    /// A number that no call has or had.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Holds a call, to be found by its number again. Given back where the caller, or all together, hold too many.
    pub fn hold(&self, number: u64, call: HeldCall) -> Result<(), Box<HeldCall>> {
        let mut held = self.held.lock();
        let caller = call.relay.holding.caller_id();
        let own = held.values().filter(|(held, _)| held.relay.holding.caller_id() == caller).count();
        if own >= MAX_PER_CALLER || held.len() >= MAX {
            return Err(Box::new(call));
        }
        let until = Instant::now() + Duration::from_secs(request_state::LIFETIME.unsigned_abs());
        held.insert(number, (call, until));
        Ok(())
    }

    /// The held call of a number, once.
    pub fn take(&self, number: u64) -> Option<HeldCall> {
        self.held.lock().remove(&number).map(|(call, _)| call)
    }

    /// Ends what nobody may or will come back for.
    pub fn sweep(&self) {
        let now = Instant::now();
        let is_over = |_: &u64, (call, until): &mut (HeldCall, Instant)| *until <= now || !call.relay.holding.is_held();
        let ended: Vec<_> = self.held.lock().extract_if(is_over).collect();
        // Dropped outside of the lock: each tells its server.
        drop(ended);
    }
}
