//! A snapshot made ready for requests: every look-up that a request does is
//! one hash or one index here. Built once per snapshot, never changed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crds::compile::Pepper;
use crds::digest::{cut, key_digest};
use crds::names::norm;
use crds::snapshot::{Caller, Credentials, Digest128, KeyDigest, Secrets, ServerIndex, Share, Snapshot, UnixSeconds};
use sha2::{Digest, Sha256};

use crate::caller_part::CallerPlan;
use crate::identify::Identity;
use crate::upstream::Endpoint;

/// What the gateway looks things up in. Immutable; pools, children and sessions live beside it.
pub struct RoutingTable {
    /// The snapshot as it was decoded.
    pub snapshot: Snapshot,
    /// Which one it is; rises.
    pub revision: u64,
    /// Per server, in the snapshot's order.
    pub servers: Vec<ServerRoute>,
    pepper: Pepper,
    keys: HashMap<KeyDigest, KeyEntry, BuildHasherDefault<DigestHasher>>,
    names: HashMap<String, Named>,
}

/// A server, ready to be reached.
pub struct ServerRoute {
    /// The server and its secret values.
    pub endpoint: Arc<Endpoint>,
    /// Changes when anything changes that its upstream sessions depend on.
    pub identity: Digest128,
    /// What callers may add to its requests.
    pub plan: CallerPlan,
}

/// What a word of a filter header or a path names.
#[derive(Clone, Copy)]
pub enum Named {
    /// A server.
    Server(ServerIndex),
    /// An access group, by position in the snapshot.
    Group(u32),
}

struct KeyEntry {
    caller: u32,
    expires: Option<UnixSeconds>,
}

/// Digests are uniform already: their first bytes are their hash.
#[derive(Default)]
struct DigestHasher(u64);

impl RoutingTable {
    /// Builds the table. A server whose secret values are missing is off (CredentialPending), nothing else waits for it.
    pub fn build(mut snapshot: Snapshot, credentials: &Credentials, pepper: Pepper, revision: u64) -> Self {
        for server in &mut snapshot.servers {
            server.off |= server.credential.is_some_and(|fingerprint| !credentials.contains_key(&fingerprint));
        }
        let mut keys = HashMap::with_capacity_and_hasher(snapshot.callers.len(), BuildHasherDefault::default());
        for (index, caller) in snapshot.callers.iter().enumerate() {
            for key in &caller.keys {
                keys.insert(key.digest, KeyEntry { caller: index as u32, expires: key.expires });
            }
        }
        let mut names = HashMap::new();
        for (index, group) in snapshot.groups.iter().enumerate() {
            names.insert(group.norm.clone(), Named::Group(index as u32));
        }
        for (index, server) in snapshot.servers.iter().enumerate() {
            for name in &server.names {
                names.insert(name.clone(), Named::Server(index as ServerIndex));
            }
        }
        let servers = snapshot.servers.iter().map(|server| {
            let secrets = server.credential.and_then(|fingerprint| credentials.get(&fingerprint)).cloned();
            ServerRoute::new(server.clone(), secrets.unwrap_or_default(), &snapshot.settings.client_side_auth_header)
        });
        let servers = servers.collect();
        Self { snapshot, revision, servers, pepper, keys, names }
    }

    /// The live caller that a key belongs to.
    pub fn caller_of(&self, key: &[u8], now: UnixSeconds) -> Option<&Caller> {
        self.identity_of(key, now).and_then(|identity| self.caller(identity))
    }

    /// Whose key it is, if it is a live caller's.
    pub fn identity_of(&self, key: &[u8], now: UnixSeconds) -> Option<Identity> {
        let key = key_digest(&self.pepper, key);
        let entry = self.keys.get(&key)?;
        let live = entry.expires.is_none_or(|expires| now < expires)
            && self.snapshot.callers[entry.caller as usize].is_known(now);
        live.then_some(Identity::Known { caller: entry.caller, key, expires: entry.expires })
    }

    /// The caller of an identity that this table gave.
    pub fn caller(&self, identity: Identity) -> Option<&Caller> {
        match identity {
            Identity::Anonymous => self.snapshot.anonymous.as_ref(),
            Identity::Known { caller, .. } => self.snapshot.callers.get(caller as usize),
        }
    }

    /// Whether an identity that another table gave is still somebody here, by the same key: the caller of that id.
    pub fn still(&self, identity: Identity, id: &str, now: UnixSeconds) -> Option<&Caller> {
        let caller = match identity {
            Identity::Anonymous => self.anonymous(now)?,
            Identity::Known { key, .. } => {
                let entry = self.keys.get(&key).filter(|entry| entry.expires.is_none_or(|expires| now < expires))?;
                self.snapshot.callers.get(entry.caller as usize).filter(|caller| caller.is_known(now))?
            }
        };
        (caller.id == id).then_some(caller)
    }

    /// Whether this is or was the key of anybody here, live or not.
    pub fn knows_key(&self, key: &[u8]) -> bool {
        self.keys.contains_key(&key_digest(&self.pepper, key))
    }

    /// The caller without a credential, if there may be one.
    pub fn anonymous(&self, now: UnixSeconds) -> Option<&Caller> {
        self.snapshot.anonymous.as_ref().filter(|caller| caller.is_known(now))
    }

    /// The caller of an id, if it is still known.
    pub fn caller_by_id(&self, id: &str) -> Option<&Caller> {
        let anonymous = self.snapshot.anonymous.as_ref().filter(|caller| caller.id == id);
        anonymous.or_else(|| {
            let found = self.snapshot.callers.binary_search_by(|caller| caller.id.as_str().cmp(id)).ok()?;
            self.snapshot.callers.get(found)
        })
    }

    /// What a word names, in any norm-equal spelling.
    pub fn named(&self, word: &str) -> Option<Named> {
        self.names.get(&norm(word)).copied()
    }

    /// The servers of an access set, each with what of it, unless the caller's parents have expired.
    pub fn access(&self, caller: &Caller, now: UnixSeconds) -> &[(ServerIndex, Share)] {
        caller.access_at(now).map_or(&[], |access| &self.snapshot.access[access as usize])
    }
}

impl ServerRoute {
    fn new(server: crds::snapshot::Server, secrets: Secrets, client_auth_header: &str) -> Self {
        let plan = CallerPlan::new(&server, &secrets, client_auth_header);
        let parts = (
            &server.id,
            &server.transport,
            &server.auth,
            &server.credential,
            (server.off, server.sessions, server.timeouts, server.max_concurrent_calls, server.max_response_bytes),
        );
        // Plain data with string keys: writing it as JSON into memory cannot fail, and an empty text is still an identity.
        let text = serde_json::to_vec(&parts).unwrap_or_default();
        Self { endpoint: Arc::new(Endpoint { server, secrets }), identity: cut(Sha256::digest(text)), plan }
    }
}

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(5) ^ u64::from_ne_bytes(word);
        }
    }
}
