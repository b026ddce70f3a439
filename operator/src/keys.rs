//! The keys of the fleet, in the Secret `RELEASE-keys`: made once, and never a
//! default (R9).
//!
//! A Secret that is there is never replaced: its pepper is in every digest that
//! gateways hold. What it lacks beside the pepper is added.

use std::collections::BTreeMap;
use std::time::Duration;

use crds::compile::Pepper;
use crds::snapshot::MacKey;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use rcgen::KeyPair;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::api::{self, MANAGER};
use crate::companion::Companion;
use crate::hex::hex;
use crate::release::{Own, Release};

const PEPPER: &str = "pepper";
const MAC: &str = "mac";
const SEAL: &str = "seal-";
const AUTHORITY: &str = "peer-authority";
const TOKEN: &str = "fleet-token";

/// Bytes of a symmetric key.
const BYTES: usize = 32;
/// The fewest characters of a token that cannot be guessed.
const SHORTEST_TOKEN: usize = 32;

/// How long an answer is waited for, and how long nothing is done after a try that failed.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);

/// The entries of a Secret.
type Entries = BTreeMap<String, Vec<u8>>;

/// The keys of a fleet.
#[derive(Clone)]
pub(crate) struct Keys {
    /// For API keys and credentials.
    pub(crate) pepper: Pepper,
    /// For snapshots.
    pub(crate) mac: MacKey,
    /// What opens the gateways' admin ports.
    pub(crate) fleet_token: String,
    /// All that the Secret must hold, for it to be put back if somebody takes it away.
    pub(crate) entries: Entries,
}

/// The Secret cannot be used as it is, and the operator must not change it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the Secret {name} cannot be used: {fault}. Restore it from a backup; or delete it, and all keys are made anew: \
     clients' sessions end then"
)]
pub struct KeysError {
    name: String,
    fault: String,
}

impl Keys {
    /// Reads the keys of a release, or makes them. Waits for an apiserver that answers, as long as it takes.
    pub(crate) async fn load_or_create(
        client: &Client,
        release: &Release,
        companion: &Companion,
    ) -> Result<Self, KeysError> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &release.namespace);
        let name = release.own(Own::Keys);
        let mut told = String::new();
        loop {
            let failure = match timeout(PATIENCE, Self::attempt(&secrets, &name, companion)).await {
                Ok(Ok(Attempt::Done(entries))) => {
                    return Self::of(entries).map_err(|fault| KeysError { name, fault });
                }
                Ok(Ok(Attempt::Unusable(fault))) => return Err(KeysError { name, fault }),
                // Two processes at once: the second look finds what the first one made.
                Ok(Err(error)) if api::is(&error, 409) => continue,
                Ok(Err(error)) => api::brief(&error),
                Err(_) => "the apiserver does not answer".to_owned(),
            };
            if failure != told {
                tracing::warn!("the Secret {name} can be neither read nor made: {failure}");
                told = failure;
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(secrets: &Api<Secret>, name: &str, companion: &Companion) -> Result<Attempt, kube::Error> {
        let found = secrets.get_opt(name).await?;
        let held: Entries = found.as_ref().map(entries).unwrap_or_default();
        let missing = match missing(&held).and_then(|names| names.into_iter().map(make).collect::<Result<Entries, _>>())
        {
            Ok(missing) => missing,
            Err(fault) => return Ok(Attempt::Unusable(fault)),
        };
        if missing.is_empty() {
            return Ok(Attempt::Done(held));
        }
        let added: BTreeMap<_, _> = missing.iter().map(|(name, value)| (name, ByteString(value.clone()))).collect();
        match found.and_then(|secret| secret.metadata.resource_version) {
            None => {
                let made = json!({ "metadata": companion.fields(name, &BTreeMap::new()), "data": added });
                // It was made of nothing but maps and texts.
                let made: Secret = serde_json::from_value(made).map_err(kube::Error::SerdeError)?;
                let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                secrets.create(&params, &made).await?;
                tracing::info!("the keys of the fleet were made, in the Secret {name}");
            }
            // Only if nobody changed it in between.
            Some(version) => {
                let addition = json!({ "metadata": { "resourceVersion": version }, "data": added });
                let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
                secrets.patch(name, &params, &Patch::Merge(addition)).await?;
                let names: Vec<_> = missing.keys().map(String::as_str).collect();
                tracing::warn!("the Secret {name} lacked {}: made anew", names.join(", "));
            }
        }
        Ok(Attempt::Done(held.into_iter().chain(missing).collect()))
    }

    fn of(entries: Entries) -> Result<Self, String> {
        let key = |name: &str| {
            let bytes = entries.get(name).map(Vec::as_slice).unwrap_or_default();
            <[u8; BYTES]>::try_from(bytes).map_err(|_| format!("`{name}` has {} bytes and not {BYTES}", bytes.len()))
        };
        let (pepper, mac) = (Pepper(key(PEPPER)?), MacKey(key(MAC)?));
        for name in entries.keys().filter(|name| name.starts_with(SEAL)) {
            if name[SEAL.len()..].parse::<u32>().is_err() {
                return Err(format!("`{name}` is no sealing key: they are numbered, as in `seal-1`"));
            }
            key(name)?;
        }
        let authority = entries.get(AUTHORITY).map(Vec::as_slice).unwrap_or_default();
        if KeyPair::try_from(authority).is_err() {
            return Err(format!("`{AUTHORITY}` is no private key in PKCS #8"));
        }
        let token = entries.get(TOKEN).cloned().and_then(|token| String::from_utf8(token).ok());
        let fleet_token = token
            .filter(|token| token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| format!("`{TOKEN}` is no text of {SHORTEST_TOKEN} or more visible characters"))?;
        Ok(Self { pepper, mac, fleet_token, entries })
    }
}

/// What came of a look at the Secret.
enum Attempt {
    Done(Entries),
    Unusable(String),
}

/// The data of a Secret.
pub(crate) fn entries(secret: &Secret) -> Entries {
    secret.data.iter().flatten().map(|(name, value)| (name.clone(), value.0.clone())).collect()
}

/// The entries that must be there and are not. Without a pepper nothing may be there: a new one would silently make every
/// digest another one.
fn missing(held: &Entries) -> Result<Vec<&'static str>, String> {
    if !held.is_empty() && !held.contains_key(PEPPER) {
        return Err(format!("`{PEPPER}` is missing and other entries are there"));
    }
    let sealed = held.keys().any(|name| name.starts_with(SEAL));
    let needed = [(PEPPER, held.contains_key(PEPPER)), (MAC, held.contains_key(MAC)), ("seal-1", sealed)];
    let needed = needed.into_iter().chain([AUTHORITY, TOKEN].map(|name| (name, held.contains_key(name))));
    Ok(needed.filter(|(_, is_there)| !is_there).map(|(name, _)| name).collect())
}

fn make(name: &str) -> Result<(String, Vec<u8>), String> {
    let value = match name {
        // As `peers::authority` of the gateway reads it.
        AUTHORITY => KeyPair::generate().map_err(|error| format!("no `{name}` can be made: {error}"))?.serialize_der(),
        TOKEN => hex(&random()?).into_bytes(),
        _ => random()?.to_vec(),
    };
    Ok((name.to_owned(), value))
}

fn random() -> Result<[u8; BYTES], String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| "the operating system gives no random bytes".to_owned())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Entries {
        missing(&Entries::new()).unwrap().into_iter().map(|name| make(name).unwrap()).collect()
    }

    #[test]
    fn r9_new_keys_are_whole_and_random() {
        let (one, two) = (Keys::of(made()).unwrap(), Keys::of(made()).unwrap());
        let names: Vec<_> = one.entries.keys().map(String::as_str).collect();
        assert_eq!(names, ["fleet-token", "mac", "peer-authority", "pepper", "seal-1"]);
        assert_eq!(one.fleet_token.len(), 64);
        for name in names {
            assert_ne!(one.entries[name], two.entries[name], "{name}");
        }
    }

    #[test]
    fn r9_a_pepper_is_never_made_beside_what_is_there() {
        let mut held = made();
        assert_eq!(missing(&held).unwrap(), Vec::<&str>::new());
        held.remove("mac");
        held.remove("fleet-token");
        assert_eq!(missing(&held).unwrap(), ["mac", "fleet-token"]);
        // A sealing key with another number is one: its successor is made by whoever rotates it.
        let second = held.remove("seal-1").unwrap();
        held.insert("seal-2".to_owned(), second);
        assert_eq!(missing(&held).unwrap(), ["mac", "fleet-token"]);
        held.remove("pepper");
        assert!(missing(&held).unwrap_err().contains("`pepper` is missing"));
    }

    #[test]
    fn r9_what_is_cut_or_guessable_is_no_key_and_is_not_repeated() {
        for (name, value, told) in [
            ("pepper", "short", "`pepper` has 5 bytes"),
            ("mac", "short", "`mac` has 5 bytes"),
            ("seal-1", "short", "`seal-1` has 5 bytes"),
            ("seal-x", "short", "`seal-x` is no sealing key"),
            ("peer-authority", "short", "`peer-authority` is no private key"),
            ("fleet-token", "short", "`fleet-token` is no text of 32"),
            ("fleet-token", "white space is not what a header has", "`fleet-token` is no text"),
        ] {
            let mut held = made();
            held.insert(name.to_owned(), value.as_bytes().to_vec());
            let fault = Keys::of(held).map(|_| ()).unwrap_err();
            assert!(fault.contains(told) && !fault.contains(value), "{fault}");
        }
    }
}
