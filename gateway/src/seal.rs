//! Sealed texts: what we give to a client to bring back, readable and
//! writable by gateways only (R8, R9).
//!
//! XChaCha20-Poly1305 with the purpose as associated data, so that a text
//! sealed for one purpose is nothing for another. Layout, base64url without
//! padding: key id (1 byte), nonce (24), ciphertext and tag.

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

const NONCE: usize = 24;

/// What a sealed text is for. Part of the seal.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// A legacy `Mcp-Session-Id`.
    Session,
    /// A modern `requestState`.
    RequestState,
    /// The id of a server's request to a client.
    ServerRequest,
    /// The id of an event of a stream.
    Event,
    /// Where a client of HTTP+SSE posts its messages to.
    Endpoint,
    /// A modern `taskId`.
    Task,
}

/// A sealing key with its id. Made once and kept by whoever runs the gateway; never a default.
#[derive(Clone)]
pub struct SealKey {
    /// Tells keys apart while they are rotated.
    pub id: u8,
    /// The key.
    pub key: [u8; 32],
}

/// Seals with the first key, opens with any.
pub struct Sealer {
    keys: ArcSwap<Keys>,
}

type Keys = Vec<(u8, XChaCha20Poly1305)>;

/// The operating system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Purpose::Session => b"switchboard/session/1",
            Purpose::RequestState => b"switchboard/request-state/1",
            Purpose::ServerRequest => b"switchboard/server-request/1",
            Purpose::Event => b"switchboard/event/1",
            Purpose::Endpoint => b"switchboard/endpoint/1",
            Purpose::Task => b"switchboard/task/1",
        }
    }

    /// The longest sealed text that is looked at, in bytes: an id is short (R9), a state holds that of a server, which
    /// is of at most 16 KiB.
    const fn longest(self) -> usize {
        match self {
            Purpose::Session | Purpose::ServerRequest | Purpose::Event | Purpose::Endpoint | Purpose::Task => 1024,
            Purpose::RequestState => 32 * 1024,
        }
    }
}

impl Sealer {
    /// `keys`: the one to seal with first, then those that are still accepted.
    pub fn new(keys: &[SealKey]) -> Self {
        Self { keys: ArcSwap::from_pointee(ciphers(keys)) }
    }

    /// From now on these are the keys, in the order of [`Self::new`].
    pub fn replace(&self, keys: &[SealKey]) {
        self.keys.store(ciphers(keys).into());
    }

    /// Seals `plain` for one purpose.
    pub fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<String, NoRandomness> {
        let keys = self.keys.load();
        let (id, cipher) = keys.first().ok_or(NoRandomness)?;
        let mut sealed = vec![0; 1 + NONCE];
        sealed[0] = *id;
        getrandom::fill(&mut sealed[1..]).map_err(|_| NoRandomness)?;
        let nonce = XNonce::from_slice(&sealed[1..]);
        let payload = Payload { msg: plain, aad: purpose.label() };
        let ciphertext = cipher.encrypt(nonce, payload).map_err(|_| NoRandomness)?;
        sealed.extend_from_slice(&ciphertext);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The plain bytes, if `text` was sealed for this purpose by one of the keys and is unaltered.
    pub fn open(&self, purpose: Purpose, text: &[u8]) -> Option<Vec<u8>> {
        if text.len() > purpose.longest() {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, rest) = sealed.split_first()?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE)?;
        let keys = self.keys.load();
        let (_, cipher) = keys.iter().find(|(key, _)| key == id)?;
        let payload = Payload { msg: ciphertext, aad: purpose.label() };
        cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
    }
}

fn ciphers(keys: &[SealKey]) -> Keys {
    keys.iter().map(|key| (key.id, XChaCha20Poly1305::new((&key.key).into()))).collect()
}
