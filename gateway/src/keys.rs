//! The keys of a gateway on one machine: made once, kept in files that only
//! their owner can read, never a default (R9).

use std::io;
use std::path::{Path, PathBuf};

use crds::compile::Pepper;
use crds::snapshot::MacKey;

use crate::private;
use crate::seal::SealKey;

const BYTES: usize = 96;
/// The file of the key that signs the certificates of peers.
pub const PEER_AUTHORITY: &str = "peer-authority";
/// What a key that signs certificates takes at most, in bytes.
const MAX_SIGNING_KEY: u64 = 4096;

/// What fingerprints, authenticates and seals.
pub struct Keys {
    /// For API keys and credentials.
    pub pepper: Pepper,
    /// For snapshots.
    pub mac: MacKey,
    /// For what clients bring back.
    pub seal: SealKey,
}

/// The keys could be neither read nor made.
#[derive(Debug, thiserror::Error)]
#[error("the keys of the gateway in {}: {source}", path.display())]
pub struct KeysError {
    path: PathBuf,
    source: io::Error,
}

impl Keys {
    /// Reads the keys of a state directory, or makes them there.
    pub fn load_or_create(state: &Path) -> Result<Self, KeysError> {
        let path = state.join("keys");
        let bytes = private_file(state, &path, BYTES as u64, random);
        bytes.and_then(|bytes| Self::of(&bytes)).map_err(|source| KeysError { path, source })
    }

    fn of(bytes: &[u8]) -> io::Result<Self> {
        let (parts, rest) = bytes.as_chunks();
        let ([pepper, mac, seal], []) = (parts, rest) else {
            return Err(io::Error::other("the file is too short; remove it, and new keys are made"));
        };
        Ok(Self { pepper: Pepper(*pepper), mac: MacKey(*mac), seal: SealKey { id: 1, key: *seal } })
    }
}

/// The key that signs the certificates of all processes that share a state directory, in PKCS #8; made by `make` if there
/// is none yet.
pub fn peer_signing_key(state: &Path, make: impl FnOnce() -> io::Result<Vec<u8>>) -> Result<Vec<u8>, KeysError> {
    let path = state.join(PEER_AUTHORITY);
    private_file(state, &path, MAX_SIGNING_KEY, make).map_err(|source| KeysError { path, source })
}

/// The first `most` bytes of a file of the state directory that only we can read.
fn private_file(
    state: &Path,
    path: &Path,
    most: u64,
    make: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    private::directory(state)?;
    match private::read(path, most) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private::create(state, path, &make()?)?;
            private::read(path, most)
        }
        read => read,
    }
}

fn random() -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("the operating system gives no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn load(state: &Path) -> Result<[u8; 32], String> {
        Keys::load_or_create(state).map(|keys| keys.pepper.0).map_err(|error| error.to_string())
    }

    #[test]
    fn r9_keys_are_made_once_and_for_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = load(&state).unwrap();
        assert_eq!(load(&state).unwrap(), first);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&state), mode(&state.join("keys"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1, "no draft is left");
        std::fs::set_permissions(state.join("keys"), Permissions::from_mode(0o640)).unwrap();
        assert!(load(&state).unwrap_err().contains("others can read the file"));
    }

    #[test]
    fn r9_a_file_that_is_cut_holds_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        load(folder.path()).unwrap();
        let path = folder.path().join("keys");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..BYTES - 1]).unwrap();
        assert!(load(folder.path()).unwrap_err().contains("the file is too short"));
    }

    #[test]
    fn r9_of_several_that_start_at_once_all_have_the_keys_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let made = |number: u8| peer_signing_key(folder.path(), || Ok(vec![number; 40])).unwrap();
        let all = std::thread::scope(|scope| {
            let started: Vec<_> = (1..=8).map(|number| scope.spawn(move || made(number))).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(all.iter().all(|key| *key == all[0]), "{all:?}");
        let path = folder.path().join("peer-authority");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        assert!(peer_signing_key(folder.path(), || Ok(Vec::new())).is_err());
    }
}
