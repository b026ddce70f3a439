//! A snapshot made ready for requests: every look-up that a request does is
//! one hash or one index here. Built once per snapshot, never changed; callers
//! that are denied lie over it, so that a revocation needs no other.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crds::compile::Pepper;
use crds::digest::{cut, key_digest, to_hex};
use crds::names::norm;
use crds::snapshot::stored::Pointer;
use crds::snapshot::{Caller, Credentials, Digest128, KeyDigest, Secrets, ServerIndex, Share, Snapshot, UnixSeconds};
use sha2::{Digest, Sha256};

use crate::caller_part::CallerPlan;
use crate::identify::Identity;
use crate::upstream::Endpoint;

mod denied;

use denied::Denied;

/// What the gateway looks things up in. Immutable; pools, children and sessions live beside it.
pub struct RoutingTable {
    /// The snapshot as it was decoded.
    pub snapshot: Arc<Snapshot>,
    /// Which one it is.
    pub version: Version,
    /// Per server, in the snapshot's order.
    pub servers: Arc<[ServerRoute]>,
    pepper: Pepper,
    keys: Arc<HashMap<KeyDigest, KeyEntry, BuildHasherDefault<DigestHasher>>>,
    names: Arc<HashMap<String, Named>>,
    denied: Denied,
}

/// Which snapshot it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Version {
    /// Rises with each change.
    pub revision: u64,
    /// SHA-256 of the snapshot: equal digests are equal snapshots.
    pub digest: [u8; 32],
    /// The schema that it was written in.
    pub schema: u32,
}

/// A server, ready to be reached.
pub struct ServerRoute {
    /// The server and its secret values.
    pub endpoint: Arc<Endpoint>,
    /// Changes when anything changes that its upstream sessions depend on.
    pub identity: Digest128,
    /// What callers may add to its requests.
    pub plan: CallerPlan,
    /// It is off because its secret values have not arrived (CredentialPending).
    pub is_pending: bool,
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
    pub fn build(mut snapshot: Snapshot, credentials: &Credentials, pepper: Pepper, version: Version) -> Self {
        let mut pending = vec![false; snapshot.servers.len()];
        for (server, is_pending) in snapshot.servers.iter_mut().zip(&mut pending) {
            let lacks = |fingerprint| !credentials.contains_key(&fingerprint);
            *is_pending = !server.off && server.credential.is_some_and(lacks);
            server.off |= *is_pending;
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
        let servers = snapshot.servers.iter().zip(pending).map(|(server, is_pending)| {
            let secrets = server.credential.and_then(|fingerprint| credentials.get(&fingerprint)).cloned();
            let (server, secrets) = (server.clone(), secrets.unwrap_or_default());
            let route = ServerRoute::new(server, secrets, &snapshot.settings.client_side_auth_header);
            ServerRoute { is_pending, ..route }
        });
        let (servers, keys, names) = (servers.collect(), Arc::new(keys), Arc::new(names));
        Self { snapshot: Arc::new(snapshot), version, servers, pepper, keys, names, denied: Denied::default() }
    }

    /// The same with these callers, by id, being nobody, and no others. Costs a search for each of them.
    pub fn denying(&self, revision: u64, callers: &[String]) -> Self {
        Self {
            snapshot: self.snapshot.clone(),
            version: Version { revision, ..self.version },
            servers: self.servers.clone(),
            pepper: self.pepper.clone(),
            keys: self.keys.clone(),
            names: self.names.clone(),
            denied: Denied::new(&self.snapshot, callers),
        }
    }

    /// How many servers wait for their secret values.
    pub fn pending(&self) -> usize {
        self.servers.iter().filter(|server| server.is_pending).count()
    }

    /// The live caller that a key belongs to.
    pub fn caller_of(&self, key: &[u8], now: UnixSeconds) -> Option<&Caller> {
        self.identity_of(key, now).and_then(|identity| self.caller(identity))
    }

    /// Whose key it is, if it is a live caller's.
    pub fn identity_of(&self, key: &[u8], now: UnixSeconds) -> Option<Identity> {
        let key = key_digest(&self.pepper, key);
        let entry = self.keys.get(&key)?;
        let live = entry.expires.is_none_or(|expires| now < expires) && self.live(entry.caller, now).is_some();
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
                self.live(entry.caller, now)?
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
        let anonymous = self.snapshot.anonymous.as_ref().filter(|caller| caller.is_known(now));
        anonymous.filter(|_| !self.denied.has_anonymous())
    }

    /// The caller of an id, if it is still known.
    pub fn caller_by_id(&self, id: &str) -> Option<&Caller> {
        let anonymous = self.snapshot.anonymous.as_ref().filter(|caller| caller.id == id);
        if let Some(anonymous) = anonymous {
            return (!self.denied.has_anonymous()).then_some(anonymous);
        }
        let found = denied::position(&self.snapshot, id)?;
        self.snapshot.callers.get(found as usize).filter(|_| !self.denied.has(found))
    }

    /// A caller with keys, if it is somebody now.
    fn live(&self, caller: u32, now: UnixSeconds) -> Option<&Caller> {
        let known = self.snapshot.callers.get(caller as usize).filter(|caller| caller.is_known(now));
        known.filter(|_| !self.denied.has(caller))
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
        Self {
            endpoint: Arc::new(Endpoint { server, secrets }),
            identity: cut(Sha256::digest(text)),
            plan,
            is_pending: false,
        }
    }
}

impl Version {
    /// That which a pointer names.
    pub fn of(pointer: &Pointer) -> Self {
        Self { revision: pointer.revision, digest: pointer.digest, schema: pointer.schema }
    }

    /// The digest in 64 hexadecimal digits.
    pub fn digest_in_hex(&self) -> String {
        to_hex(&self.digest)
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
