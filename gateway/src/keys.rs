//! The keys of a gateway on one machine: made once, kept in a file that only
//! its owner can read, never a default (R9).

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crds::compile::Pepper;
use crds::snapshot::MacKey;

use crate::seal::SealKey;

const BYTES: usize = 96;

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
        Self::at(state, &path).map_err(|source| KeysError { path, source })
    }

    fn at(state: &Path, path: &Path) -> io::Result<Self> {
        match File::open(path) {
            Ok(file) => Self::read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(state)?;
                std::fs::set_permissions(state, Permissions::from_mode(0o700))?;
                create(state, path)?;
                Self::read(File::open(path)?)
            }
            Err(error) => Err(error),
        }
    }

    fn read(mut file: File) -> io::Result<Self> {
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other("others can read the file; make it readable by its owner only (mode 0600)"));
        }
        let mut bytes = [[0; 32]; 3];
        let damaged = |_| io::Error::other("the file is too short; remove it, and new keys are made");
        for part in &mut bytes {
            file.read_exact(part).map_err(damaged)?;
        }
        let [pepper, mac, seal] = bytes;
        Ok(Self { pepper: Pepper(pepper), mac: MacKey(mac), seal: SealKey { id: 1, key: seal } })
    }
}

/// Two processes that start at once must end with the same keys: the file appears whole, and the first one stays.
fn create(state: &Path, path: &Path) -> io::Result<()> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| io::Error::other("the operating system gives no random bytes"))?;
    let draft = state.join(format!(".keys-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
