//! A snapshot made ready for requests: every look-up that a request does is
//! one hash or one index here. Built once per snapshot, never changed; callers
//! that are denied lie over it, so that a revocation needs no other.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crds::compile::Pepper;
use crds::digest::{KeyDigester, cut, to_hex};
use crds::snapshot::stored::Pointer;
use crds::snapshot::{self, Credentials, Digest128, KeyDigest, Secrets, ServerIndex, Snapshot, UnixSeconds};
use sha2::{Digest, Sha256};

use crate::caller::{Bearer, Bindings, Caller};
use crate::caller_part::CallerPlan;
use crate::denial::Reason;
use crate::identify::{Identity, Who};
use crate::networks::{Networks, Side};
use crate::reject::NotTaken;
use crate::token::{self, Token};
use crate::upstream::Endpoint;

mod denied;
mod names;
mod tokens;

pub use names::Named;

use denied::Denied;
use names::Names;
use tokens::TokenCallers;

/// What the gateway looks things up in. Immutable; pools, children and sessions live beside it.
pub struct RoutingTable {
    /// The snapshot as it was decoded.
    pub snapshot: Arc<Snapshot>,
    /// Which one it is.
    pub version: Version,
    /// Per server, in the snapshot's order.
    pub servers: Arc<[ServerRoute]>,
    key_digester: KeyDigester,
    keys: Arc<HashMap<KeyDigest, KeyEntry, BuildHasherDefault<DigestHasher>>>,
    names: Arc<Names>,
    tokens: Arc<TokenCallers>,
    /// Who is inside, for servers that are there for them alone.
    pub networks: Arc<Networks>,
    /// Whether there is such a server.
    pub has_internal: bool,
    denied: Denied,
    /// No two tables of a process have the same.
    serial: u64,
}

/// The serial number of the next table.
static NEXT: AtomicU64 = AtomicU64::new(1);

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

struct KeyEntry {
    caller: u32,
    expires: Option<UnixSeconds>,
}

/// Digests are uniform already: their first bytes are their hash.
#[derive(Default)]
struct DigestHasher(u64);

impl RoutingTable {
    /// Builds the table. A server whose secret values are missing is off (CredentialPending), nothing else waits for it.
    pub fn build(mut snapshot: Snapshot, credentials: &Credentials, pepper: &Pepper, version: Version) -> Self {
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
        let names = Names::of(&snapshot);
        let servers = snapshot.servers.iter().zip(pending).map(|(server, is_pending)| {
            let secrets = server.credential.and_then(|fingerprint| credentials.get(&fingerprint)).cloned();
            let (server, secrets) = (server.clone(), secrets.unwrap_or_default());
            let route = ServerRoute::new(server, secrets, &snapshot.settings.client_side_auth_header);
            ServerRoute { is_pending, ..route }
        });
        let (servers, keys, names) = (servers.collect(), Arc::new(keys), Arc::new(names));
        let tokens = Arc::new(TokenCallers::of(&snapshot));
        let (snapshot, denied, serial) = (Arc::new(snapshot), Denied::default(), NEXT.fetch_add(1, Ordering::Relaxed));
        let networks = Arc::new(Networks::of(&snapshot.settings));
        let has_internal = snapshot.servers.iter().any(|server| server.internal);
        let key_digester = KeyDigester::new(pepper);
        Self { snapshot, version, servers, key_digester, keys, names, tokens, networks, has_internal, denied, serial }
    }

    /// The same with these callers, by id, being nobody, and no others. Costs a search for each of them.
    pub fn denying(&self, revision: u64, callers: &[String]) -> Self {
        Self {
            snapshot: self.snapshot.clone(),
            version: Version { revision, ..self.version },
            servers: self.servers.clone(),
            key_digester: self.key_digester.clone(),
            keys: self.keys.clone(),
            names: self.names.clone(),
            tokens: self.tokens.clone(),
            networks: self.networks.clone(),
            has_internal: self.has_internal,
            denied: Denied::new(&self.snapshot, callers),
            serial: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// How many servers wait for their secret values.
    pub fn pending(&self) -> usize {
        self.servers.iter().filter(|server| server.is_pending).count()
    }

    /// Whose key it is, if it is a live caller's.
    pub fn identity_of(&self, key: &[u8], now: UnixSeconds) -> Option<Who> {
        self.identity_of_hashed(&Sha256::digest(key).into(), now)
    }

    /// The same by the key's SHA-256.
    pub fn identity_of_hashed(&self, sha256: &[u8; 32], now: UnixSeconds) -> Option<Who> {
        let key = self.key_digester.digest_of_hashed(sha256);
        let entry = self.keys.get(&key)?;
        let live = entry.expires.is_none_or(|expires| now < expires) && self.live(entry.caller, now).is_some();
        live.then_some(Who::Known { caller: entry.caller, key, expires: entry.expires })
    }

    /// Why the key with this SHA-256 is nobody's.
    pub fn why_not(&self, sha256: &[u8; 32], now: UnixSeconds) -> NotTaken {
        match self.keys.get(&self.key_digester.digest_of_hashed(sha256)) {
            None => NotTaken::new(Reason::UnknownKey),
            Some(entry) => {
                let is_old = entry.expires.is_some_and(|expires| expires <= now);
                let not_live = self.why_not_live(entry.caller, now);
                if is_old { NotTaken { reason: Reason::KeyExpired, ..not_live } } else { not_live }
            }
        }
    }

    /// Why a caller with a credential is nobody now.
    pub fn why_not_live(&self, caller: u32, now: UnixSeconds) -> NotTaken {
        let Some(binding) = self.snapshot.callers.get(caller as usize) else { return NotTaken::new(Reason::NoBinding) };
        let reason = if self.denied.has(caller) {
            Reason::Revoked
        } else if binding.suspended {
            Reason::Suspended
        } else if binding.is_known(now) {
            // Somebody by now: as when its snapshot came into force in this moment.
            Reason::UnknownKey
        } else {
            Reason::BindingExpired
        };
        NotTaken { reason, binding: Some(binding.id.as_str().into()) }
    }

    /// The caller of an identity that this table gave.
    pub fn caller(&self, identity: &Identity) -> Option<Caller<'_>> {
        Some(self.at(self.bindings(&identity.who)?, identity.side))
    }

    /// The id of that caller.
    pub fn id_of<'i>(&'i self, identity: &'i Identity) -> Option<&'i str> {
        match &identity.who {
            Who::Token(bearer) if bearer.by_claims => Some(&bearer.token.id),
            who => self.binding(who).map(|caller| &*caller.id),
        }
    }

    fn bindings(&self, who: &Who) -> Option<Bindings<'_>> {
        match who {
            Who::Token(bearer) if bearer.by_claims => Some(Bindings::Claims(&self.snapshot, bearer.clone())),
            _ => self.binding(who).map(Bindings::One),
        }
    }

    /// The binding of somebody; of several the first.
    fn binding(&self, who: &Who) -> Option<&snapshot::Caller> {
        let at = match who {
            Who::Anonymous => return self.snapshot.anonymous.as_ref(),
            Who::Known { caller, .. } => *caller,
            Who::Token(bearer) => *bearer.bindings.first()?,
        };
        self.snapshot.callers.get(at as usize)
    }

    /// Whether an identity that another table gave is still somebody here, by the same credential: the caller of that id.
    pub fn still(&self, identity: &Identity, id: &str, now: UnixSeconds) -> Option<Caller<'_>> {
        let bindings = match &identity.who {
            Who::Anonymous => Bindings::One(self.anonymous(now)?),
            Who::Known { key, .. } => {
                let entry = self.keys.get(key).filter(|entry| entry.expires.is_none_or(|expires| now < expires))?;
                Bindings::One(self.live(entry.caller, now)?)
            }
            Who::Token(bearer) => {
                let bearer = if self.is_of(bearer) { bearer.clone() } else { Arc::new(self.bearer(&bearer.token)?) };
                let live = bearer.token.is_valid(now) && self.is_live(&bearer, now);
                self.bindings(&Who::Token(bearer)).filter(|_| live)?
            }
        };
        let caller = self.at(bindings, self.networks.still(identity.side));
        (caller.id() == id).then_some(caller)
    }

    /// A caller of these bindings at this side.
    fn at<'t>(&self, bindings: Bindings<'t>, side: Side) -> Caller<'t> {
        Caller { bindings, side, sides_differ: self.has_internal }
    }

    /// Whether this is or was the key of anybody here, live or not, or a token that was made for this gateway.
    pub fn knows_key(&self, key: &[u8]) -> bool {
        self.keys.contains_key(&self.key_digester.digest(key)) || token::is_for_us(&self.snapshot.settings, key)
    }

    /// Whose a token is: of the exact binding of its user or service account, live or not; else of all Claims bindings that
    /// match. None: nobody's, or to be verified anew.
    pub fn bearer(&self, token: &Arc<Token>) -> Option<Bearer> {
        if !token.is_taken_by(&self.snapshot.settings) {
            return None;
        }
        let exact = self.tokens.exact(token);
        let bindings = if let Some(exact) = exact {
            vec![exact]
        } else {
            let matching = self.tokens.matching(&self.snapshot, token).into_iter();
            matching.filter(|caller| !self.denied.has(*caller)).collect()
        };
        let bearer = |bindings: Vec<u32>| Bearer {
            token: token.clone(),
            bindings: bindings.into(),
            by_claims: exact.is_none(),
            table: self.serial,
        };
        Some(bindings).filter(|bindings| !bindings.is_empty()).map(bearer)
    }

    /// Whether it is this table that says whose the token is.
    pub fn is_of(&self, bearer: &Bearer) -> bool {
        bearer.table == self.serial
    }

    /// Whether one of the bearer's bindings, by this table, lives.
    pub fn is_live(&self, bearer: &Bearer, now: UnixSeconds) -> bool {
        bearer.bindings.iter().any(|caller| self.live(*caller, now).is_some())
    }

    /// The caller without a credential, if there may be one.
    pub fn anonymous(&self, now: UnixSeconds) -> Option<&snapshot::Caller> {
        let anonymous = self.snapshot.anonymous.as_ref().filter(|caller| caller.is_known(now));
        anonymous.filter(|_| !self.denied.has_anonymous())
    }

    /// The caller of a binding's id, if it is still known, at this side.
    pub fn caller_by_id(&self, id: &str, side: Side) -> Option<Caller<'_>> {
        let anonymous = self.snapshot.anonymous.as_ref().filter(|caller| caller.id == id);
        let found = if anonymous.is_some() {
            anonymous.filter(|_| !self.denied.has_anonymous())
        } else {
            let found = denied::position(&self.snapshot, id)?;
            self.snapshot.callers.get(found as usize).filter(|_| !self.denied.has(found))
        };
        found.map(|caller| self.at(Bindings::One(caller), side))
    }

    /// A caller with a credential, if it is somebody now.
    fn live(&self, caller: u32, now: UnixSeconds) -> Option<&snapshot::Caller> {
        let known = self.snapshot.callers.get(caller as usize).filter(|caller| caller.is_known(now));
        known.filter(|_| !self.denied.has(caller))
    }

    /// Who holds a word as alias, prefix or group name, in any norm-equal spelling.
    pub fn held(&self, word: &str) -> Option<Named> {
        self.names.held(word)
    }

    /// The server whose object a word names that nobody holds.
    pub fn object(&self, word: &str) -> Option<ServerIndex> {
        self.names.object(word)
    }

    /// What a word names: who holds it, a server by its id, or else by its object.
    pub fn named(&self, word: &str) -> Option<Named> {
        let by_id = || self.names.id(word).map(Named::Server);
        self.held(word).or_else(by_id).or_else(|| self.object(word).map(Named::Object))
    }
}

impl ServerRoute {
    fn new(server: snapshot::Server, secrets: Secrets, client_auth_header: &str) -> Self {
        let plan = CallerPlan::new(&server, &secrets, client_auth_header);
        let parts = (
            &server.id,
            &server.transport,
            &server.auth,
            &server.credential,
            // Who was told something by a session of its own outside is told nothing more of a server that goes inside.
            (
                server.off,
                server.internal,
                server.sessions,
                server.timeouts,
                server.max_concurrent_calls,
                server.max_response_bytes,
            ),
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
