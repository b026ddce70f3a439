//! The keys of a fleet, as the operator made them in a Secret: read whole and
//! right, or not at all, and never a default (R9).

use std::collections::BTreeMap;

use crds::compile::Pepper;
use crds::snapshot::MacKey;

use crate::admin::FleetToken;
use crate::peers::authority::Credentials;
use crate::seal::SealKey;

const SEAL: &str = "seal-";

/// What a Secret holds, by the name of the entry.
pub(super) type Data = BTreeMap<String, Vec<u8>>;

/// The keys.
pub(super) struct FleetKeys {
    /// For API keys and credentials.
    pub(super) pepper: Pepper,
    /// For snapshots.
    pub(super) mac: MacKey,
    /// For what clients bring back, by rising id; at least one.
    pub(super) seals: Vec<SealKey>,
    /// What they were read of.
    pub(super) data: Data,
}

/// Why a Secret holds no keys. No key is in it.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum KeysFault {
    #[error("it has no entry `{0}`: restore it, or delete the Secret, and the operator makes all keys anew")]
    Missing(&'static str),
    #[error("its entry `{name}` has {length} bytes and not 32")]
    Length { name: String, length: usize },
    #[error("its entry `{0}` is no key for seals: its name ends in the key's number, 1 to 255")]
    Number(String),
    #[error("its entry `fleet-token` is no text of 64 hexadecimal digits")]
    Token,
    #[error("its entry `peer-authority` is no private key in PKCS #8 (DER)")]
    Authority,
}

impl FleetKeys {
    /// The keys of a Secret.
    pub(super) fn read(data: Data) -> Result<Self, KeysFault> {
        let pepper = Pepper(thirty_two(&data, "pepper")?);
        let mac = MacKey(thirty_two(&data, "mac")?);
        let mut seals = Vec::new();
        for (name, number) in data.keys().filter_map(|name| Some((name, name.strip_prefix(SEAL)?))) {
            let id = number.parse().ok().filter(|id| *id > 0 && !number.starts_with(['+', '0']));
            let id: u8 = id.ok_or_else(|| KeysFault::Number(name.clone()))?;
            seals.push(SealKey { id, key: exactly_32(name, &data[name])? });
        }
        if seals.is_empty() {
            return Err(KeysFault::Missing("seal-1"));
        }
        seals.sort_unstable_by_key(|seal| seal.id);
        let keys = Self { pepper, mac, seals, data };
        keys.fleet_token()?;
        keys.peer_credentials()?;
        Ok(keys)
    }

    /// By which the operator is known.
    pub(super) fn fleet_token(&self) -> Result<FleetToken, KeysFault> {
        let token = self.data.get("fleet-token").ok_or(KeysFault::Missing("fleet-token"))?;
        let is_token = token.len() == 64 && token.iter().all(u8::is_ascii_hexdigit);
        is_token.then(|| FleetToken::new(token)).flatten().ok_or(KeysFault::Token)
    }

    /// What this process shows its peers, made anew.
    pub(super) fn peer_credentials(&self) -> Result<Credentials, KeysFault> {
        let key = self.data.get("peer-authority").ok_or(KeysFault::Missing("peer-authority"))?;
        Credentials::issue(key).map_err(|_| KeysFault::Authority)
    }
}

fn thirty_two(data: &Data, name: &'static str) -> Result<[u8; 32], KeysFault> {
    exactly_32(name, data.get(name).ok_or(KeysFault::Missing(name))?)
}

fn exactly_32(name: &str, bytes: &[u8]) -> Result<[u8; 32], KeysFault> {
    bytes.try_into().map_err(|_| KeysFault::Length { name: name.to_owned(), length: bytes.len() })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::peers::authority;

    /// A Secret as the operator makes it.
    pub(in super::super) fn data() -> Data {
        let authority = authority::new_signing_key().unwrap();
        let entries = [
            ("pepper", vec![1; 32]),
            ("mac", vec![2; 32]),
            ("seal-1", vec![3; 32]),
            ("peer-authority", authority),
            ("fleet-token", vec![b'a'; 64]),
        ];
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn fault(change: impl FnOnce(&mut Data)) -> KeysFault {
        let mut data = data();
        change(&mut data);
        FleetKeys::read(data).err().unwrap()
    }

    #[test]
    fn r9_keys_are_read_as_they_were_made() {
        let mut made = data();
        made.insert("seal-12".to_owned(), vec![4; 32]);
        made.insert("seal-2".to_owned(), vec![5; 32]);
        made.insert("note".to_owned(), b"of somebody else's".to_vec());
        let keys = FleetKeys::read(made).unwrap();
        assert_eq!((keys.pepper.0, keys.mac.0), ([1; 32], [2; 32]));
        let seals: Vec<_> = keys.seals.iter().map(|seal| (seal.id, seal.key[0])).collect();
        assert_eq!(seals, [(1, 3), (2, 5), (12, 4)]);
    }

    #[test]
    fn r9_a_missing_or_wrong_entry_is_named_and_nothing_takes_its_place() {
        for name in ["pepper", "mac", "seal-1", "peer-authority", "fleet-token"] {
            assert_eq!(fault(|data| drop(data.remove(name))), KeysFault::Missing(name));
        }
        for name in ["pepper", "mac", "seal-1"] {
            for length in [0, 31, 33] {
                let expected = KeysFault::Length { name: name.to_owned(), length };
                assert_eq!(fault(|data| drop(data.insert(name.to_owned(), vec![9; length]))), expected);
            }
        }
        for name in ["seal-", "seal-0", "seal-01", "seal-+1", "seal-256", "seal-x"] {
            let expected = KeysFault::Number(name.to_owned());
            assert_eq!(fault(|data| drop(data.insert(name.to_owned(), vec![9; 32]))), expected);
        }
        for token in [vec![b'a'; 63], vec![b'g'; 64], Vec::new()] {
            assert_eq!(fault(|data| drop(data.insert("fleet-token".to_owned(), token))), KeysFault::Token);
        }
        assert_eq!(fault(|data| drop(data.insert("peer-authority".to_owned(), vec![1]))), KeysFault::Authority);
    }
}
