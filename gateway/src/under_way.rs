//! The calls under way, found by their clients' ids, so that a client can cancel one.
//!
//! Entries are made and dropped with each call, without an allocation once the maps have grown: a map holds as many as
//! there are calls at once.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::task::{Poll, Waker};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;

use crate::gateway::Gateway;
use crate::session::Session;

/// So that calls do not wait for each other.
const SHARDS: usize = 16;

/// The calls under way.
pub struct UnderWay {
    /// Unknown to callers, so that nobody can make two ids meet.
    hasher: RandomState,
    shards: [Mutex<HashMap<Key, State>>; SHARDS],
}

/// Whose call it is, and its id. Of a call in a session the first is the session's nonce, of others a keyed hash of the
/// caller.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Key {
    of: u64,
    in_session: bool,
    /// A keyed hash.
    id: u64,
}

#[derive(Default)]
struct State {
    /// Calls of this id at once. With more than one nothing says which is meant.
    calls: u32,
    cancelled: bool,
    waker: Option<Waker>,
}

/// One call, until it is dropped.
pub struct Call {
    gateway: Arc<Gateway>,
    key: Key,
}

impl Default for UnderWay {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: Default::default() }
    }
}

impl UnderWay {
    fn key(&self, caller: &str, session: Option<&Session>, id: &[u8]) -> Key {
        let (of, in_session) = match session {
            Some(session) => (u64::from_be_bytes(session.nonce), true),
            None => (self.hasher.hash_one(caller), false),
        };
        Key { of, in_session, id: self.hasher.hash_one(id) }
    }

    fn shard(&self, key: &Key) -> &Mutex<HashMap<Key, State>> {
        &self.shards[key.id as usize % SHARDS]
    }

    /// Cancels the call of this id, as JSON, in this session, or else of this caller.
    pub fn cancel(&self, caller: &str, session: Option<&Session>, id: &[u8]) {
        let key = self.key(caller, session, id);
        let mut shard = self.shard(&key).lock();
        let Some(entry) = shard.get_mut(&key).filter(|entry| entry.calls == 1) else { return };
        entry.cancelled = true;
        let waker = entry.waker.take();
        drop(shard);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Call {
    /// A call that begins.
    pub fn begin(gateway: &Arc<Gateway>, caller: &str, session: Option<&Session>, id: &[u8]) -> Self {
        let key = gateway.under_way.key(caller, session, id);
        gateway.under_way.shard(&key).lock().entry(key).or_default().calls += 1;
        Self { gateway: gateway.clone(), key }
    }

    /// Returns when the client cancels it. One at a time waits.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + use<> {
        let (gateway, key) = (self.gateway.clone(), self.key);
        std::future::poll_fn(move |context| {
            let mut shard = gateway.under_way.shard(&key).lock();
            match shard.get_mut(&key) {
                Some(entry) if entry.cancelled => Poll::Ready(()),
                Some(entry) => {
                    let waker = context.waker();
                    if !entry.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
                        entry.waker = Some(waker.clone());
                    }
                    Poll::Pending
                }
                None => Poll::Pending,
            }
        })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut shard = self.gateway.under_way.shard(&self.key).lock();
        if let Entry::Occupied(mut call) = shard.entry(self.key) {
            call.get_mut().calls -= 1;
            if call.get().calls == 0 {
                call.remove();
            }
        }
    }
}
