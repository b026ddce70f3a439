//! The requests of servers that wait for one client's answers: each is taken once, by its answer, or forgotten with the
//! call that it was part of.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use crds::snapshot::UnixSeconds;

use crate::upstream::Upstream;

/// The most requests that a client is asked at once.
const MAX_WAITING: usize = 64;

/// A server's request that a client was asked.
pub struct Asked {
    /// The session in which the server asked.
    pub upstream: Weak<Upstream>,
    /// The request's id, as the server wrote it.
    pub id: Bytes,
    /// The call that it is part of, if it is known.
    pub call: Option<u64>,
    /// From then on nobody waits for the answer.
    pub expires: UnixSeconds,
}

/// What one client has to answer.
#[derive(Default)]
pub struct Waiting {
    last: u64,
    /// Each with the id that the client knows it by, as JSON.
    asked: HashMap<u64, (Asked, Bytes)>,
}

impl Waiting {
    /// A handle that was never given; none if too many wait.
    pub(super) fn next_handle(&mut self) -> Option<u64> {
        if self.asked.len() >= MAX_WAITING {
            let now = crate::clock::now();
            self.asked.retain(|_, (asked, _)| asked.expires > now && asked.upstream.strong_count() > 0);
        }
        self.last += 1;
        (self.asked.len() < MAX_WAITING).then_some(self.last)
    }

    /// Waits for the answer.
    pub(super) fn add(&mut self, handle: u64, asked: Asked, given: Bytes) {
        self.asked.insert(handle, (asked, given));
    }

    /// The request of a handle, once.
    pub(super) fn take(&mut self, handle: u64) -> Option<Asked> {
        self.asked.remove(&handle).map(|(asked, _)| asked)
    }

    /// Forgets the request of this session with this id; gives the id that the client knows it by.
    pub(super) fn withdraw(&mut self, upstream: &Arc<Upstream>, id: &[u8]) -> Option<Bytes> {
        let is_it = |asked: &Asked| asked.upstream.ptr_eq(&Arc::downgrade(upstream)) && asked.id == id;
        let handle = self.asked.iter().find(|(_, (asked, _))| is_it(asked)).map(|(handle, _)| *handle)?;
        self.asked.remove(&handle).map(|(_, given)| given)
    }

    /// Forgets what is part of a call.
    pub(super) fn forget_of(&mut self, call: u64) {
        self.asked.retain(|_, (asked, _)| asked.call != Some(call));
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.asked.clear();
    }
}
