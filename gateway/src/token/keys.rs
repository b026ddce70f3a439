//! The public keys of an issuer (RFC 7517), and what they say of a signature.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crds::snapshot::Algorithm;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of one issuer.
const MOST: usize = 256;

/// Keys of an issuer that can verify a signature.
#[derive(Debug)]
pub(super) struct KeySet(Vec<(Key, Arc<TakenBack>)>);

/// Whether a key was taken back since it signed something, or its issuer's trust was.
#[derive(Debug, Default)]
pub struct TakenBack(AtomicBool);

/// A key of an issuer.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Key {
    kid: Option<String>,
    /// The only algorithm that it is for, if it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug, Eq, PartialEq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed points.
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    use_: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys of a JWKS document; those that are for something else, or of a kind that is not known here, are passed over.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let Jwks { keys } = serde_json::from_slice(document).ok()?;
        let keys = keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value(key).ok()).filter_map(Key::of);
        Some(Self(keys.map(|key| (key, Arc::default())).collect()))
    }

    /// Goes on with the keys that were there before.
    pub(super) fn go_on(&mut self, before: &Self) {
        for (key, taken_back) in &mut self.0 {
            if let Some((_, known)) = before.0.iter().find(|(known, _)| known == key) {
                taken_back.clone_from(known);
            }
        }
    }

    /// Takes back all keys that the one after it did not go on with; true if there are any.
    pub(super) fn take_back(&self, after: Option<&Self>) -> bool {
        let goes_on = |own: &Arc<TakenBack>| {
            after.is_some_and(|after| after.0.iter().any(|(_, taken_back)| Arc::ptr_eq(taken_back, own)))
        };
        let mut any = false;
        for (_, own) in self.0.iter().filter(|(_, own)| !goes_on(own)) {
            own.0.store(true, Ordering::Release);
            any = true;
        }
        any
    }

    /// The key that a token names, or the only one that can be meant.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&(Key, Arc<TakenBack>)> {
        let mut fitting = self.0.iter().filter(|(key, _)| key.fits(algorithm));
        match kid {
            Some(kid) => fitting.find(|(key, _)| key.kid.as_deref() == Some(kid)),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }
}

impl TakenBack {
    /// Whether it was.
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Key {
    fn of(jwk: Jwk) -> Option<Self> {
        if jwk.use_.as_deref().is_some_and(|use_| use_ != "sig") {
            return None;
        }
        let decoded = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let point = || Some([&[4][..], &decoded(&jwk.x)?, &decoded(&jwk.y)?].concat());
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: decoded(&jwk.n)?, e: decoded(&jwk.e)? },
            ("EC", Some("P-256")) => Material::P256(point()?),
            ("EC", Some("P-384")) => Material::P384(point()?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(decoded(&jwk.x)?),
            _ => return None,
        };
        Some(Self { kid: jwk.kid, algorithm: jwk.alg, material })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        let of_material = match (&self.material, algorithm) {
            (Material::Rsa { .. }, algorithm) => rsa(algorithm).is_some(),
            (Material::P256(_), Algorithm::ES256)
            | (Material::P384(_), Algorithm::ES384)
            | (Material::Ed25519(_), Algorithm::EdDSA) => true,
            _ => false,
        };
        of_material && self.algorithm.as_deref().is_none_or(|only| read(only) == Some(algorithm))
    }

    /// Whether the signature is this key's over the message.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let verified = match (&self.material, rsa(algorithm)) {
            (Material::Rsa { n, e }, Some(parameters)) => {
                // Leading zeros are no part of a number.
                let n = n.iter().position(|byte| *byte != 0).map_or(&[][..], |start| &n[start..]);
                RsaPublicKeyComponents { n, e: &e[..] }.verify(parameters, message, signature)
            }
            (Material::Rsa { .. }, None) => return false,
            (Material::P256(key), _) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            (Material::P384(key), _) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, key).verify(message, signature)
            }
            (Material::Ed25519(key), _) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA => return None,
    })
}

/// An algorithm as a header or a key names it. There is none for no signature, and none with a secret.
pub(super) fn read(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        "EdDSA" | "Ed25519" => Algorithm::EdDSA,
        _ => return None,
    })
}
