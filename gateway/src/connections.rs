//! How many connections a listener holds at once, in all and from one address
//! (R13). Counted when a connection is accepted and when it ends, never by a
//! request on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus::IntCounterVec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::peer::Peer;

/// Connections of clients at once.
const CLIENTS: usize = 16 * 1024;
/// What part of all connections one address may hold.
const PART_OF_PEER: usize = 4;
/// Descriptors that are left for files, upstreams and children.
const OTHER_DESCRIPTORS: usize = 2048;
/// Descriptors that the process raises its soft limit to, where it may.
const DESCRIPTORS: u64 = 64 * 1024;
/// How long something is not told again.
const TELL: Duration = Duration::from_secs(60);

/// How many connections may be open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// In all.
    pub all: usize,
    /// From one address.
    pub of_peer: usize,
}

impl Limits {
    /// Of the admin port.
    pub const ADMIN: Self = Self { all: 512, of_peer: 128 };
    /// Of the port for peers: each request that one of them passes on has a connection while it is answered.
    pub const PEERS: Self = Self { all: 8192, of_peer: 8192 };

    /// Of clients: 16,384 and 4,096, or fewer if the process may not have the descriptors for them, since without a
    /// descriptor nobody is let in and no server is reached. Raises the soft limit of the process; children have their
    /// own.
    pub fn of_clients() -> Self {
        Self::within(raise_descriptors())
    }

    fn within(descriptors: usize) -> Self {
        let spare = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(descriptors / 2);
        let all = spare.clamp(PART_OF_PEER, CLIENTS);
        Self { all, of_peer: all / PART_OF_PEER }
    }
}

fn raise_descriptors() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(DESCRIPTORS);
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < wanted && setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).is_ok() {
        current = wanted;
    }
    usize::try_from(current).unwrap_or(usize::MAX)
}

/// The connections of one listener.
pub struct Connections {
    limits: Limits,
    closed: IntCounterVec,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    /// None stands at zero, so that there are never more of them than connections.
    of_peer: HashMap<Peer, usize>,
    told: Seldom,
}

/// When something was last told that may happen often.
#[derive(Default)]
pub struct Seldom(Option<Instant>);

/// A connection's place; given back on drop.
pub struct Place {
    connections: Arc<Connections>,
    peer: Peer,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Full {
    Peer,
    All,
}

impl Connections {
    /// None open yet. `closed` counts those that are closed at once, by reason.
    pub fn new(limits: Limits, closed: IntCounterVec) -> Arc<Self> {
        Arc::new(Self { limits, closed, open: Mutex::default() })
    }

    /// A place for a connection from there. None: it has to be closed, at once, so that others get their turn. Who
    /// holds too many is told so before the listener counts as full.
    pub fn enter(self: &Arc<Self>, peer: Peer) -> Option<Place> {
        let (full, is_news) = {
            let mut open = self.open.lock();
            match open.enter(peer, self.limits) {
                Ok(()) => return Some(Place { connections: self.clone(), peer }),
                Err(full) => (full, open.told.is_due(Instant::now())),
            }
        };
        self.closed.with_label_values(&[full.as_str()]).inc();
        if is_news {
            tracing::warn!("new connections are closed at once, {peer}'s for one: {full} holds as many as it may");
        }
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open.lock().leave(self.peer);
    }
}

impl Open {
    fn enter(&mut self, peer: Peer, limits: Limits) -> Result<(), Full> {
        let held = self.of_peer.get(&peer).copied().unwrap_or_default();
        if held >= limits.of_peer {
            return Err(Full::Peer);
        }
        if self.all >= limits.all {
            return Err(Full::All);
        }
        self.all += 1;
        self.of_peer.insert(peer, held + 1);
        Ok(())
    }

    fn leave(&mut self, peer: Peer) {
        self.all -= 1;
        match self.of_peer.get_mut(&peer) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(self.of_peer.remove(&peer)),
        }
    }
}

impl Seldom {
    /// Whether to tell it again.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.0.is_none_or(|told| now.duration_since(told) >= TELL);
        if is_due {
            self.0 = Some(now);
        }
        is_due
    }
}

impl Full {
    /// The reason's label in metrics.
    fn as_str(self) -> &'static str {
        match self {
            Full::Peer => "peer",
            Full::All => "all",
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Full::Peer => "this address",
            Full::All => "the listener",
        })
    }
}

#[cfg(test)]
mod tests;
