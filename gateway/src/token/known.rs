//! Tokens that were verified, by their SHA-256, until they expire or their issuer
//! takes back the key that signed them.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

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
    /// Nothing, that it is no longer valid, or what it was under other settings: it has to be verified.
    Unknown,
    /// It was verified, and is nobody's here.
    Nobody,
    /// It was verified.
    Bearer(Arc<Bearer>),
}

/// Verified tokens.
pub(super) struct Known {
    shards: Vec<Shard<[u8; 32], Arc<Entry>>>,
    /// The valid token of each id that lasts longest.
    by_id: Vec<Shard<Arc<str>, Arc<Token>>>,
    /// Spreads ids over their shards.
    hasher: RandomState,
}

type Shard<K, V> = RwLock<HashMap<K, V>>;

struct Entry {
    token: Arc<Token>,
    /// Whose it is in the table that was last asked.
    bearer: ArcSwapOption<Bearer>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            by_id: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Whose token it is in a table.
    pub(super) fn bearer(&self, digest: &[u8; 32], table: &RoutingTable, now: UnixSeconds) -> Found {
        let entry = self.shard(digest).read().get(digest).cloned();
        let Some(entry) = entry.filter(|entry| entry.token.is_valid(now)) else { return Found::Unknown };
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

    /// Knows a token.
    pub(super) fn insert(&self, digest: [u8; 32], token: &Arc<Token>, now: UnixSeconds) {
        let mut shard = self.shard(&digest).write();
        make_room(&mut shard, |entry| entry.token.is_valid(now));
        shard.insert(digest, Arc::new(Entry { token: token.clone(), bearer: ArcSwapOption::empty() }));
        drop(shard);
        let mut by_id = self.shard_of_id(&token.id).write();
        make_room(&mut by_id, |token| token.is_valid(now));
        let known = by_id.get(&token.id).filter(|known| known.is_valid(now));
        if known.is_none_or(|known| known.expires <= token.expires) {
            by_id.insert(token.id.clone(), token.clone());
        }
    }

    /// The token of this id that is valid longest, if one still is.
    pub(super) fn of_id(&self, id: &str, now: UnixSeconds) -> Option<Arc<Token>> {
        self.shard_of_id(id).read().get(id).filter(|token| token.is_valid(now)).cloned()
    }

    fn shard(&self, digest: &[u8; 32]) -> &Shard<[u8; 32], Arc<Entry>> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }

    fn shard_of_id(&self, id: &str) -> &Shard<Arc<str>, Arc<Token>> {
        &self.by_id[self.hasher.hash_one(id) as usize % SHARDS]
    }
}

/// In a full map takes out what is not valid, and if that is nothing, whatever comes first: it is verified anew.
fn make_room<K: Clone + Eq + Hash, V>(map: &mut HashMap<K, V>, is_valid: impl Fn(&V) -> bool) {
    if map.len() < MOST {
        return;
    }
    map.retain(|_, value| is_valid(value));
    if map.len() >= MOST
        && let Some(first) = map.keys().next().cloned()
    {
        map.remove(&first);
    }
}
