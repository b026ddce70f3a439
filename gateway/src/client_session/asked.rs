//! The requests of servers that wait for one client's answers: each is taken once, by its answer, or forgotten with the
//! call that it was part of.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use crds::snapshot::UnixSeconds;
use tokio::sync::oneshot;

use crate::upstream::Upstream;

/// The most requests that a client is asked at once.
const MAX_WAITING: usize = 64;

/// A server's request that a client was asked.
pub struct Asked {
    /// Who waits for the answer.
    pub by: Asker,
    /// The call that it is part of, if it is known.
    pub call: Option<u64>,
    /// From then on nobody waits for the answer.
    pub expires: UnixSeconds,
}

/// Who asked a client.
pub enum Asker {
    /// A legacy server.
    Server {
        /// The session in which it asked.
        upstream: Weak<Upstream>,
        /// The request's id, as the server wrote it.
        id: Bytes,
    },
    /// The call of a modern server, which takes the result, as JSON; nothing where there is an error instead.
    Call(oneshot::Sender<Option<Bytes>>),
}

impl Asker {
    fn is_there(&self) -> bool {
        match self {
            Asker::Server { upstream, .. } => upstream.strong_count() > 0,
            Asker::Call(call) => !call.is_closed(),
        }
    }
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
            self.asked.retain(|_, (asked, _)| asked.expires > now && asked.by.is_there());
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
        let session = Arc::downgrade(upstream);
        let is_it = |asked: &Asked| match &asked.by {
            Asker::Server { upstream, id: of } => upstream.ptr_eq(&session) && of == id,
            Asker::Call(_) => false,
        };
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
