//! Tokens that were verified, by their SHA-256, until they expire or something
//! changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use crds::snapshot::UnixSeconds;
use parking_lot::RwLock;

use super::Token;
use crate::caller::Bearer;
use crate::table::RoutingTable;

/// So many are known at once, of each shard: 64 Ki of all.
const MOST: usize = 1024;
const SHARDS: usize = 64;

/// What is known of a token.
pub enum Found {
    /// Nothing, that it has expired, or what it was under other settings: it has to be verified.
    Unknown,
    /// It was verified, and is nobody's here.
    Nobody,
    /// It was verified.
    Bearer(Arc<Bearer>),
}

/// Verified tokens.
pub(super) struct Known {
    shards: Vec<RwLock<HashMap<[u8; 32], Arc<Entry>>>>,
    /// The token of each id that lasts longest.
    /// How often all was forgotten.
    cleared: AtomicU64,
    by_id: RwLock<HashMap<Arc<str>, Arc<Token>>>,
}

struct Entry {
    token: Arc<Token>,
    /// Whose it is in the table that was last asked.
    bearer: ArcSwapOption<Bearer>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            cleared: AtomicU64::default(),
            by_id: RwLock::default(),
        }
    }

    /// Whose token it is in a table.
    pub(super) fn bearer(&self, digest: &[u8; 32], table: &RoutingTable, now: UnixSeconds) -> Found {
        let entry = self.shard(digest).read().get(digest).cloned();
        let Some(entry) = entry.filter(|entry| now < entry.token.expires) else { return Found::Unknown };
        if let Some(bearer) = &*entry.bearer.load()
            && table.is_of(bearer)
        {
            return Found::Bearer(bearer.clone());
        }
        if !entry.token.is_taken_by(&table.snapshot.settings) {
            return Found::Unknown;
        }
        let bearer = table.bearer(&entry.token).map(Arc::new);
        entry.bearer.store(bearer.clone());
        bearer.map_or(Found::Nobody, Found::Bearer)
    }

    /// For [`Known::insert`], before a token is verified.
    pub(super) fn since(&self) -> u64 {
        self.cleared.load(Ordering::Acquire)
    }

    /// Knows a token, unless all was forgotten since its verification began: that may be why.
    pub(super) fn insert(&self, digest: [u8; 32], token: &Arc<Token>, since: u64, now: UnixSeconds) {
        let mut shard = self.shard(&digest).write();
        if self.since() != since {
            return;
        }
        make_room(&mut shard, MOST, now, |entry| entry.token.expires);
        shard.insert(digest, Arc::new(Entry { token: token.clone(), bearer: ArcSwapOption::empty() }));
        let mut by_id = self.by_id.write();
        make_room(&mut by_id, MOST * SHARDS, now, |token| token.expires);
        let longer = by_id.get(&token.id).is_none_or(|known| known.expires <= token.expires);
        if longer {
            by_id.insert(token.id.clone(), token.clone());
        }
    }

    /// The token of this id that is valid longest, if one still is.
    pub(super) fn of_id(&self, id: &str, now: UnixSeconds) -> Option<Arc<Token>> {
        self.by_id.read().get(id).filter(|token| now < token.expires).cloned()
    }

    /// Forgets all: each is verified anew.
    pub(super) fn clear(&self) {
        self.cleared.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            shard.write().clear();
        }
        self.by_id.write().clear();
    }

    fn shard(&self, digest: &[u8; 32]) -> &RwLock<HashMap<[u8; 32], Arc<Entry>>> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }
}

/// In a full map takes out what has expired, and if that is nothing, whatever comes first: it is verified anew.
fn make_room<K: Clone + Eq + std::hash::Hash, V>(
    map: &mut HashMap<K, V>,
    most: usize,
    now: UnixSeconds,
    expires: impl Fn(&V) -> UnixSeconds,
) {
    if map.len() < most {
        return;
    }
    map.retain(|_, value| now < expires(value));
    if map.len() >= most
        && let Some(first) = map.keys().next().cloned()
    {
        map.remove(&first);
    }
}
