//! Digests of 128 bits. Under the pepper: how API keys and credentials stand in
//! a snapshot, each use with a label of its own, so that no digest of one can
//! be taken for one of another.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::compile::Pepper;
use crate::snapshot::{Digest128, Fingerprint, KeyDigest, Secrets};

const KEY_LABEL: &[u8] = b"switchboard.dev/key-digest/v1\0";
const FINGERPRINT_LABEL: &[u8] = b"switchboard.dev/credential-fingerprint/v1\0";

/// How API keys stand in a snapshot, under a pepper that was worked in once: two compressions less for each key.
#[derive(Clone)]
pub struct KeyDigester(Hmac<Sha256>);

impl KeyDigester {
    /// Under this pepper.
    pub fn new(pepper: &Pepper) -> Self {
        Self(keyed(pepper, KEY_LABEL))
    }

    /// How an API key, byte for byte, stands in a snapshot.
    pub fn digest(&self, key: &[u8]) -> KeyDigest {
        self.digest_of_hashed(&Sha256::digest(key).into())
    }

    /// How an API key of which only the SHA-256 is known stands in a snapshot.
    pub fn digest_of_hashed(&self, sha256: &[u8; 32]) -> KeyDigest {
        cut(self.0.clone().chain_update(sha256).finalize().into_bytes())
    }
}

/// How an API key, byte for byte, stands in a snapshot.
pub fn key_digest(pepper: &Pepper, key: &[u8]) -> KeyDigest {
    KeyDigester::new(pepper).digest(key)
}

/// How an API key of which only the SHA-256 is known stands in a snapshot.
pub fn hashed_key_digest(pepper: &Pepper, sha256: &[u8; 32]) -> KeyDigest {
    KeyDigester::new(pepper).digest_of_hashed(sha256)
}

/// The name of a server's secret values: changes when any of them does, and differs from server to server.
pub(crate) fn fingerprint(pepper: &Pepper, server: &str, secrets: &Secrets) -> Fingerprint {
    cut(fingerprinted(pepper, server, secrets).finalize().into_bytes())
}

/// Whether it is the name of these values of this server. Constant-time.
pub(crate) fn is_fingerprint(pepper: &Pepper, server: &str, secrets: &Secrets, fingerprint: &Fingerprint) -> bool {
    fingerprinted(pepper, server, secrets).verify_truncated_left(&fingerprint.0).is_ok()
}

fn fingerprinted(pepper: &Pepper, server: &str, secrets: &Secrets) -> Hmac<Sha256> {
    // JSON keeps the values apart: no two sets of values have the same text.
    let values = serde_json::to_vec(&(server, secrets)).expect("strings always serialise");
    keyed(pepper, FINGERPRINT_LABEL).chain_update(values)
}

fn keyed(pepper: &Pepper, label: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(&pepper.0).expect("HMAC takes a key of any length");
    mac.chain_update(label)
}

/// The first 128 bits of a SHA-256 or an HMAC by it.
pub fn cut(whole: impl Into<[u8; 32]>) -> Digest128 {
    let mut first = [0; 16];
    first.copy_from_slice(&whole.into()[..16]);
    Digest128(first)
}

/// Lower-case hex digits, two a byte.
pub fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes from exactly so many lower-case hex digits, two a byte.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != N * 2 || !text.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_hash_have_one_digest_and_the_pepper_changes_it() {
        let (one, two) = (Pepper([1; 32]), Pepper([2; 32]));
        let sha256 = from_hex("2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683").unwrap();
        assert_eq!(key_digest(&one, b"key"), hashed_key_digest(&one, &sha256));
        assert_ne!(key_digest(&one, b"key"), key_digest(&two, b"key"));
        assert_ne!(key_digest(&one, b"key"), key_digest(&one, b"key\n"), "byte for byte");
    }

    #[test]
    fn a_digest_is_cut_to_its_first_half() {
        let whole: [u8; 32] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(cut(whole), Digest128([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
    }

    #[test]
    fn a_fingerprint_changes_with_server_and_with_each_value() {
        let pepper = Pepper([1; 32]);
        let secrets = Secrets { headers: vec!["ab".to_owned(), "c".to_owned()], ..Secrets::default() };
        let shifted = Secrets { headers: vec!["a".to_owned(), "bc".to_owned()], ..Secrets::default() };
        let moved = Secrets { env: secrets.headers.clone(), ..Secrets::default() };
        let digests = [
            fingerprint(&pepper, "a/x", &secrets),
            fingerprint(&pepper, "a/y", &secrets),
            fingerprint(&pepper, "a/x", &shifted),
            fingerprint(&pepper, "a/x", &moved),
        ];
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn only_64_lower_case_hex_digits_are_a_hash() {
        assert!(from_hex::<32>(&"0f".repeat(32)).is_some());
        for bad in ["0F".repeat(32), "0f".repeat(31), "+f".repeat(32), "é".repeat(32)] {
            assert!(from_hex::<32>(&bad).is_none(), "{bad}");
        }
    }
}
